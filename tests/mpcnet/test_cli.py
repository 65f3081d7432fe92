"""The command line as a whole: help, versions, exit codes, and how a mistake is told."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

import mpcnet
from circuits.errors import BristolError
from mpcnet import errors
from mpcnet.cli import app
from protocols.errors import MessageError


def test_help_lists_every_command(capsys: pytest.CaptureFixture[str]) -> None:
    assert app.main(["--help"]) == 0
    out = capsys.readouterr().out
    for name in app.COMMANDS:
        assert f"  {name} " in out
    assert "..." not in out.split("Commands:")[1]


@pytest.mark.parametrize("command", ["roster", "circuit"])
def test_help_of_a_group_cuts_nothing(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert app.main([command, "--help"]) == 0
    assert "..." not in capsys.readouterr().out.split("Commands:")[1]


def test_without_arguments_it_says_how_to_use_it(capsys: pytest.CaptureFixture[str]) -> None:
    assert app.main([]) in (0, 2)  # typer changed its mind between versions
    captured = capsys.readouterr()
    assert "Usage: mpcnet" in captured.out + captured.err


def test_version(capsys: pytest.CaptureFixture[str]) -> None:
    assert app.main(["--version"]) == 0
    assert capsys.readouterr().out == f"mpcnet {mpcnet.__version__}\n"
    assert mpcnet.__version__[0].isdigit()
    assert "__version__" in dir(mpcnet)


@pytest.mark.parametrize("command", app.COMMANDS)
def test_every_command_has_a_help_page(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert app.main([command, "--help"]) == 0
    assert f"Usage: mpcnet {command}" in capsys.readouterr().out


@pytest.mark.parametrize("argv", [["bogus"], ["keygen"], ["keygen", "a", "--bogus"], ["run"], ["roster", "bogus"]])
def test_wrong_usage(argv: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert app.main(argv) == 2
    assert "Usage: mpcnet" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("error", "code", "text"),
    [
        (errors.ConfigError("x"), 2, "x"),
        (errors.AgreementError("x"), 2, "x"),
        (BristolError("x", 3), 2, "line 3: x"),
        (errors.ConnectFailed("x"), 3, "x"),
        (errors.HandshakeFailed("x"), 3, "x"),
        (errors.PeerDisconnected("x"), 4, "x"),
        (errors.PeerAborted("x\ny"), 4, "x y"),
        (errors.Deadline("x"), 4, "x"),
        (errors.FrameError("x"), 5, "x"),
        (MessageError("x", peer="bank"), 5, "bank: x"),
        (errors.MPCNetError("x"), 1, "x"),
        (FileNotFoundError(2, "No such file", "a.csv"), 1, "[Errno 2] No such file: 'a.csv'"),
        (KeyError("x"), 1, None),
    ],
)
def test_errors_have_codes_and_one_line(error: Exception, code: int, text: str | None) -> None:
    assert app.exit_code(error) == code
    assert app.describe(error) == text


def test_notes_are_for_the_user() -> None:
    error = errors.ConfigError("input 'a' is out of range")
    error.add_note("the first one is number 7")
    assert app.describe(error) == "input 'a' is out of range; the first one is number 7"


def test_defect_keeps_its_traceback(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def broken(*args: object, **kwargs: object) -> None:
        raise KeyError("a defect")

    monkeypatch.setattr("mpcnet.provision.create_party", broken)
    with pytest.raises(KeyError, match="a defect"):
        app.main(["keygen", "lender", "--address", "h:1", "--dir", str(tmp_path)])


def test_interrupt_has_its_code(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def interrupted(*args: object, **kwargs: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("mpcnet.provision.create_party", interrupted)
    assert app.main(["keygen", "lender", "--address", "h:1", "--dir", str(tmp_path)]) == 130


HEAVY = ("numpy", "numba", "cryptography", "nacl", "msgpack", "asyncio.sslproto", "circuits.plain", "mpcnet.session")


@pytest.mark.parametrize("argv", [["--help"], ["--version"], ["keygen", "--help"]])
def test_nothing_heavy_is_imported_for_help(argv: list[str]) -> None:
    code = (
        "import sys\nfrom mpcnet.cli.app import main\n"
        f"main({argv!r})\nprint([name for name in {HEAVY!r} if name in sys.modules], file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert done.stderr == "[]\n"


def test_importing_the_package_imports_nothing_heavy() -> None:
    code = f"import sys, mpcnet\nprint([name for name in {HEAVY!r} if name in sys.modules])\nmpcnet.connect"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert (done.stdout, done.stderr) == ("[]\n", "")


def test_public_names_exist() -> None:
    import mpcnet

    for name in mpcnet.__all__:
        assert getattr(mpcnet, name) is not None
    assert set(mpcnet.__all__) <= set(dir(mpcnet))
    with pytest.raises(AttributeError, match="no attribute 'bogus'"):
        _ = mpcnet.bogus


@pytest.mark.parametrize("command", [["-m", "mpcnet"], [str(Path(sys.executable).with_name("mpcnet"))]])
def test_both_ways_to_start_it(command: list[str]) -> None:
    argv = [sys.executable, *command] if command[0] == "-m" else command
    done = subprocess.run([*argv, "roster", "show", "nothing.toml"], capture_output=True, text=True, timeout=60)
    assert done.returncode == 2
    assert done.stderr == (
        "mpcnet: nothing.toml: there is no roster here; name it, or make one with `mpcnet roster add *.public.toml`\n"
    )
    assert done.stdout == ""


@pytest.mark.parametrize("group", ["", "roster", "job", "record", "circuit"])
def test_help_pages_list_commands_in_order_and_whole(group: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert app.main([*filter(None, [group]), "--help"]) == 0
    listed = capsys.readouterr().out.partition("Commands:\n")[2]
    assert "..." not in listed
    if not group:
        assert [line.split()[0] for line in listed.splitlines()] == list(app.COMMANDS)
