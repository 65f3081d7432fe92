"""Parties as processes over TLS: one of them fails, and all others end in time with an error that names it."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from mpcnet import local
from mpcnet.config import Config, Deadlines
from mpcnet.identity import Identity
from mpcnet.local import Result
from mpcnet.provision import build_roster, create_network, create_party, public_file
from tests.integration import programs

NAMES = ["lender", "bureau", "bank"]
QUICK = Deadlines(connect=20, liveness=2, total=60)


def check_survivors(
    results: Sequence[Result], victim: str, *, kinds: Sequence[str] = ("PeerDisconnected", "PeerAborted")
) -> None:
    for result in results:
        if result.name == victim:
            continue
        assert result.error is not None
        assert result.error.kind in kinds, result.error
        assert result.error.peer == victim, result.error
        assert victim in result.error.message
        assert result.exit_code == 4
        assert len(result.stderr) == 1, result.stderr
        assert result.stderr[0].startswith("mpcnet: ")


MIDDLE, IDLE = programs.ends_in_the_middle, programs.ends_while_idle


@pytest.mark.parametrize(
    ("program", "victim", "how"),
    [
        (MIDDLE, "lender", "kill"),
        (MIDDLE, "bank", "kill"),
        (MIDDLE, "bank", "stop"),
        (IDLE, "lender", "kill"),
        (IDLE, "bureau", "kill"),
        (IDLE, "bank", "exit"),
        (IDLE, "bureau", "stop"),
    ],
)
def test_party_that_ends_is_named_by_all_others(program: Any, victim: str, how: str) -> None:
    pids: list[int] = []
    complained: set[str] = set()

    def watch(name: str, stream: str, line: str) -> None:
        if name == victim and line.startswith("pid "):
            pids.append(int(line.split()[1]))
        if stream == "stderr":
            complained.add(name)
        if how == "stop" and len(complained) == 2:
            os.kill(pids[0], signal.SIGKILL)  # only now, when the others have named it

    results = local.run(
        program, names=NAMES, kwargs={"victim": victim, "how": how}, seconds=40, deadlines=QUICK, on_line=watch
    )
    check_survivors(results, victim)
    dead = next(result for result in results if result.name == victim)
    assert dead.error is not None
    assert dead.error.kind == "Killed"
    assert dead.exit_code == (0 if how == "exit" else -9)


@pytest.mark.parametrize(
    ("how", "told", "code"),
    [("raise", "its program failed with ZeroDivisionError", 1), ("term", "it was terminated", 143)],
)
def test_party_that_fails_tells_the_others(how: str, told: str, code: int) -> None:
    results = local.run(
        programs.ends_while_idle, names=NAMES, kwargs={"victim": "bureau", "how": how}, seconds=25, deadlines=QUICK
    )
    check_survivors(results, "bureau", kinds=["PeerAborted"])
    for result in results:
        if result.name == "bureau":
            assert result.exit_code == code
        else:
            assert result.error is not None
            assert told in result.error.message
            assert "1234567890" not in "\n".join(result.stderr)


def test_disagreement_is_named_by_all() -> None:
    results = local.run(programs.disagrees, names=NAMES, seconds=30, deadlines=QUICK)
    for result in results:
        assert result.error is not None
        assert result.error.kind == "AgreementError"
        assert "bank and bureau differ in reveal_to" in result.error.message
        assert result.exit_code == 2


def test_wrong_input_is_named_by_all_and_shown_by_none() -> None:
    results = local.run(programs.wrong_input, names=NAMES, seconds=30, deadlines=QUICK)
    for result in results:
        assert result.error is not None
        assert "input 'a': out of range: UInt[16] holds 0 .. 65535" in result.error.message
        assert "70000" not in "\n".join(result.stderr)
        assert (result.error.kind, result.exit_code) == (
            ("WidthError", 2) if result.name == "bank" else ("PeerAborted", 4)
        )


# From here on the parties are started by hand, as people do: `mpcnet run`.

PROGRAM = f"{Path(programs.__file__)}:names"


def free_ports(count: int) -> list[int]:
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [one.getsockname()[1] for one in sockets]
    for one in sockets:
        one.close()
    return ports


@pytest.fixture
def configs(tmp_path: Path) -> dict[str, Path]:
    addresses = {name: f"127.0.0.1:{port}" for name, port in zip(NAMES, free_ports(3), strict=True)}
    return create_network(tmp_path, addresses, deadlines=Deadlines(connect=30, liveness=3, total=60))


def wait_less(configs: dict[str, Path]) -> None:
    """For runs that cannot come together."""
    for path in configs.values():
        path.write_text(path.read_text().replace("connect = 30", "connect = 4"))


def start(configs: dict[str, Path], *options: str) -> dict[str, subprocess.Popen[str]]:
    return {
        name: subprocess.Popen(
            [sys.executable, "-m", "mpcnet", "run", PROGRAM, "--config", str(path), "--quiet", *options],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for name, path in configs.items()
    }


def finish(parties: dict[str, subprocess.Popen[str]]) -> dict[str, tuple[int, str, str]]:
    ended = {}
    try:
        for name, party in parties.items():
            out, err = party.communicate(timeout=40)
            ended[name] = (party.returncode, out, err)
    finally:
        for party in parties.values():
            party.kill()
            party.communicate()
    return ended


def test_started_by_hand_in_any_order(configs: dict[str, Path]) -> None:
    ended = finish(start(dict(reversed(configs.items())), "--stats", "--name", "test"))
    for name, (code, out, err) in ended.items():
        assert code == 0, err
        assert f"hello from {name}" in out
        assert json.loads(err)["bytes_sent"] > 0


def test_peer_that_never_comes(configs: dict[str, Path]) -> None:
    wait_less(configs)
    ended = finish(start({name: path for name, path in configs.items() if name != "bank"}))
    for name, (code, out, err) in ended.items():
        assert code == 3, (name, err)
        assert err.startswith("mpcnet: ")
        assert err.count("\n") == 1
        assert "bank" in err
        assert out == ""


def test_certificate_that_is_not_in_the_others_roster(configs: dict[str, Path], tmp_path: Path) -> None:
    folder = configs["bank"].parent
    address = Config.load(configs["bank"]).load_roster().party("bank").address
    for path in folder.iterdir():
        path.unlink()
    create_party("bank", address, folder, deadlines=Deadlines(connect=30, liveness=3))
    public = [public_file(configs[name].parent, name) for name in NAMES]
    build_roster(public, folder / "roster.toml")
    wait_less(configs)
    ended = finish(start(configs))
    for name, (code, out, err) in ended.items():
        assert code == 3, (name, code, err)
        assert out == ""
        assert err.count("\n") == 1
        assert "bank" in err or name == "bank"


def test_roster_that_differs(configs: dict[str, Path]) -> None:
    path = configs["bank"].parent / "roster.toml"
    path.write_text(path.read_text().replace("127.0.0.1", "localhost", 1))
    wait_less(configs)
    ended = finish(start(configs))
    for name, (code, _, err) in ended.items():
        assert code == 3, (name, code, err)
        assert err.count("\n") == 1
    assert sum("roster" in err for _, _, err in ended.values()) >= 2  # the third may come when these have gone


def test_job_that_differs(configs: dict[str, Path]) -> None:
    wait_less(configs)
    parties = start({"lender": configs["lender"]}, "--name", "one")
    parties |= start({"bank": configs["bank"], "bureau": configs["bureau"]}, "--name", "two")
    ended = finish(parties)
    for name, (code, _, err) in ended.items():
        assert code == 3, (name, code, err)
        assert err.count("\n") == 1
    assert sum("job" in err for _, _, err in ended.values()) >= 2


def test_port_in_use(configs: dict[str, Path]) -> None:
    party = Config.load(configs["bank"]).load_roster().party("bank")
    with socket.create_server((party.host, party.port)):
        ended = finish(start({"bank": configs["bank"]}))
    code, _, err = ended["bank"]
    assert code == 3
    assert str(party.port) in err
    assert "in use" in err
    assert err.count("\n") == 1


def test_listen_address_of_its_own(configs: dict[str, Path]) -> None:
    path = configs["bank"]
    port = Config.load(path).load_roster().party("bank").port
    path.write_text(f'listen = "0.0.0.0:{port}"\n' + path.read_text())
    for name, (code, _, err) in finish(start(configs)).items():
        assert code == 0, (name, err)


def test_listen_address_that_is_not_here(configs: dict[str, Path]) -> None:
    path = configs["bank"]
    path.write_text('listen = "192.0.2.1:7001"\n' + path.read_text())
    code, _, err = finish(start({"bank": path}))["bank"]
    assert code == 3
    assert err.startswith("mpcnet: cannot listen on 192.0.2.1:7001: ")
    assert err.count("\n") == 1


def test_interrupt_is_told(configs: dict[str, Path]) -> None:
    program = f"{Path(programs.__file__)}:waits_for_ever"
    parties = {
        name: subprocess.Popen(
            [sys.executable, "-m", "mpcnet", "run", program, "--config", str(path)],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for name, path in configs.items()
    }
    try:
        for process in parties.values():  # one may stand while another still waits for a confirmation
            assert process.stdout is not None
            assert process.stdout.readline() == "waiting\n"
        parties["lender"].send_signal(signal.SIGINT)
    finally:
        ended = finish(parties)
    assert ended["lender"][0] == 130, ended
    assert ended["lender"][2].splitlines()[-1] == "mpcnet: interrupted"
    for name in ("bank", "bureau"):
        code, _, err = ended[name]
        assert code == 4
        first, *here, all_here, _ = err.splitlines()
        assert first.startswith("mpcnet: listening on 127.0.0.1:")
        assert sorted(here) == sorted(f"mpcnet: {other} is here" for other in configs if other != name)
        assert all_here == "mpcnet: all parties are here: bank, bureau, lender"
        assert "lender" in err.splitlines()[-1]
        assert err.splitlines()[-1] == "mpcnet: lender ended the run: it was interrupted"


def test_unreadable_key_is_one_line(configs: dict[str, Path]) -> None:
    key = configs["bank"].parent / "identity.key"
    key.chmod(0o644)
    code, _, err = finish(start({"bank": configs["bank"]}))["bank"]
    assert code == 2
    assert err == f"mpcnet: {key}: the identity key can be read by others; mend it with `chmod 600 {key}`\n"
    key.chmod(0o600)
    assert Identity.load(key, key.with_name("certificate.pem")).name == "bank"
