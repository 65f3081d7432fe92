"""The comparison with MPyC: what is compared, what is computed from it, and what happens when MPyC fails."""

from __future__ import annotations

import os
import time
from importlib.util import find_spec
from io import StringIO
from pathlib import Path

import numpy as np
import pytest
from rich.console import Console

from mpcnet.bench import peers
from mpcnet.bench.operands import expected, operands, tolerance
from mpcnet.bench.peers import PEERED, PeerRow, choose_peered, run_mpyc
from mpcnet.bench.rows import choose
from mpcnet.bench.show import print_peers
from mpcnet.cli.app import main
from mpcnet.errors import ConfigError, MPCNetError

HAS_MPYC = find_spec("mpyc") is not None
PROGRAM = """
import os, subprocess, sys, time
work, count = sys.argv[1], int(sys.argv[2])
assert sys.argv[3:6] == ["-M3", "--no-log", "-B"], sys.argv
if work == "fails":
    raise ValueError("no such thing")
if work == "hangs":
    child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
    open(os.environ["CHILD"], "w").write(str(child.pid))
    time.sleep(600)
print("a line of something else")
print('{"seconds": 0.25, "bytes": %d}' % count)
"""


@pytest.fixture
def program(tmp_path: Path) -> Path:
    path = tmp_path / "program.py"
    path.write_text(PROGRAM, encoding="utf-8")
    return path


def test_what_a_program_reports(program: Path) -> None:
    assert run_mpyc("mul", 7, program=program) == (0.25, 7)
    seconds, _ = run_mpyc("trivial", 1, program=program)
    assert seconds != 0.25  # of the whole, by our clock


def test_a_failure_is_told(program: Path) -> None:
    with pytest.raises(MPCNetError, match="MPyC, fails: exit code 1: ValueError: no such thing"):
        run_mpyc("fails", 1, program=program)


def test_nothing_is_left_of_a_program_that_hangs(
    program: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CHILD", str(tmp_path / "child"))
    with pytest.raises(MPCNetError, match="MPyC, hangs: not done in 2 s"):
        run_mpyc("hangs", 1, program=program, limit=2.0)
    child = int((tmp_path / "child").read_text())
    for _ in range(100):
        if not alive(child):
            break
        time.sleep(0.02)
    assert not alive(child)


def alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
        return Path(f"/proc/{pid}/stat").read_text().split()[2] != "Z"
    except (ProcessLookupError, FileNotFoundError):
        return False


def test_scaling_and_ratio() -> None:
    row = PeerRow("shamir3-less", "comparison", 100_000, (1.0, 2.0, 4.0), 5_000, 10_000, (6.0, 7.0, 9.0), 80_000)
    assert (row.ours, row.theirs, row.ratio) == (2.0, 70.0, 35.0)
    found = row.as_dict()
    assert (found["seconds"], found["peer_seconds"], found["peer_seconds_scaled"]) == (2.0, 7.0, 70.0)
    text = StringIO()
    print_peers(Console(file=text, width=150), [row], "0.11")
    for part in ("shamir3-less", "100,000", "2 s", "1 s to 4 s", "10,000", "7 s", "70 s", "35x", "0.1", "8.0", "0.11"):
        assert part in text.getvalue()


def test_what_can_be_compared() -> None:
    assert [work.name for work in choose_peered([])] == list(PEERED)
    assert all(count <= work.count for work, count in zip(choose_peered([]), PEERED.values(), strict=True))
    with pytest.raises(ConfigError, match="gmw2-aes: MPyC has nothing to compare with; there are shamir3-mul, "):
        choose_peered(["gmw2-aes"])
    with pytest.raises(ConfigError, match="no row 'nothing'"):
        choose_peered(["nothing"])


@pytest.mark.skipif(HAS_MPYC, reason="MPyC is installed")
def test_mpyc_is_asked_for(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["bench", "--peers", "--quick"]) == 2
    assert "make bench-peers" in capsys.readouterr().err


def test_one_measurement_at_a_time(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["bench", "--peers", "--growth"]) == 2
    assert "ask for one" in capsys.readouterr().err


@pytest.mark.skipif(not HAS_MPYC, reason="MPyC is not installed; `scripts/setup bench` does it")
def test_mpyc_does_every_work() -> None:
    for work in choose(list(PEERED)):
        name = "trivial" if work.crew == "fresh" else work.name.partition("-")[2]
        seconds, n_bytes = run_mpyc(name, work.quick_count)
        assert seconds > 0
        assert (n_bytes > 0) == (name != "trivial")


@pytest.mark.parametrize("name", [name.partition("-")[2] for name in PEERED if "-" in name])
def test_operands_fit_and_results_are_known(name: str) -> None:
    a, b = operands(name, 64)
    again, _ = operands(name, 64)
    assert np.array_equal(a, again)
    result = expected(name, a, b)
    if a.dtype.kind == "i":
        assert tolerance(name) == 0
        assert np.abs(result.astype(np.int64)).max() < 2**31
        assert len(np.unique(result)) > 1
    else:
        assert 0 < tolerance(name) < 0.01
        assert np.array_equal(a * 2.0**16, np.round(a * 2.0**16))
        assert np.abs(result).max() < 2**15
    if name == "less":
        assert (a == b).any()


def test_ports_are_free_in_a_row() -> None:
    import socket

    port = peers._free_ports()
    for i in range(peers.PARTIES):
        with socket.socket() as bound:
            bound.bind(("127.0.0.1", port + i))
