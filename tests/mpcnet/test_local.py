"""The local harness: what it takes and gives back, and that nothing of it is left, however a run ends."""

from __future__ import annotations

import contextlib
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mpcnet import local
from mpcnet.config import Deadlines
from mpcnet.errors import ConfigError
from mpcnet.local import PartyFailed, Result
from tests.integration import programs

ROOT = Path(__file__).parents[2]


@pytest.fixture(autouse=True)
def nothing_is_left(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """No file in the temporary folder, no child process of this one."""
    private = tmp_path / "private"
    private.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(private))
    before = children()
    yield
    assert list(private.iterdir()) == []
    assert children() <= before


def children() -> set[str]:
    """Processes that this one started, dead ones that nobody asked after included."""
    return {pid for task in Path("/proc/self/task").glob("*/children") for pid in task.read_text().split()}


def is_alive(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return False
    return state not in "ZX"


def wait_until(condition: Callable[[], bool], seconds: float = 20) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it did not come to pass"
        time.sleep(0.02)


def test_lines_come_marked_and_in_order() -> None:
    seen: list[tuple[str, str, str]] = []
    results = local.run(programs.talks, 2, seconds=60, on_line=lambda *line: seen.append(line))
    for result in results:
        assert result.stdout == ["line 0", "line 1", "line 2"]
        assert result.stderr == ["complaint 0", "complaint 1", "complaint 2"]
        assert [line for name, stream, line in seen if (name, stream) == (result.name, "stdout")] == result.stdout
        assert result.stats["seconds"]["connect"] > 0
    assert [result.value for result in results] == [0, 1]


def test_names_keep_the_order_given() -> None:
    results = local.run("tests.integration.programs:main", names=["zoe", "Adam"], args=("x",), seconds=60, check=True)
    assert [(result.name, result.value) for result in results] == [
        ("zoe", "zoe of 2 got x"),
        ("Adam", "Adam of 2 got x"),
    ]


def test_children_and_threads_of_a_party_end_with_it(tmp_path: Path) -> None:
    results = local.run(programs.leaves_things_behind, 2, kwargs={"folder": str(tmp_path)}, seconds=60)
    one, two = results
    assert two.error is not None
    assert (two.error.kind, two.exit_code) == ("LookupError", 1)
    assert "in leaves_things_behind" in two.error.traceback
    assert one.error is not None
    assert (one.error.kind, one.error.peer, one.exit_code) == ("PeerAborted", "party1", 4)
    pids = [int(pid) for name in ("party0", "party1") for pid in (tmp_path / name).read_text().split()]
    assert len(pids) == 4
    wait_until(lambda: not any(is_alive(pid) for pid in pids))


def test_party_that_hangs_is_killed_at_the_deadline() -> None:
    results = local.run(programs.hangs, 2, seconds=3, deadlines=Deadlines(total=60))
    for result in results:
        assert result.error is not None
        assert result.error.kind == "Deadline"
        assert result.exit_code == -signal.SIGKILL
        assert not is_alive(result.pid)


def test_check_raises_the_failure_that_caused_the_others(tmp_path: Path) -> None:
    with pytest.raises(PartyFailed, match="party1: LookupError: x") as caught:
        local.run(programs.leaves_things_behind, 3, kwargs={"folder": str(tmp_path)}, seconds=60, check=True)
    assert caught.value.name == "party1"
    assert caught.value.kind == "LookupError"


def test_result_that_cannot_travel() -> None:
    for result in local.run(programs.returns_what_cannot_travel, 2, seconds=60):
        assert result.error is not None
        assert "its result: a object is not handed to another process" in result.error.message
        assert result.value is None


def test_argument_that_cannot_travel_starts_nothing() -> None:
    with pytest.raises(TypeError, match="a object is not handed to another process"):
        local.run(programs.names, 2, args=(object(),))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"n_parties": 1}, "2 to 10 parties, not 1"),
        ({"n_parties": 11}, "2 to 10 parties, not 11"),
        ({"names": ["a", "a"]}, "'a' is given twice"),
        ({"names": ["a", "b c"]}, "'b c' is no name"),
        ({"n_parties": 3, "names": ["a", "b"]}, "3 parties, but 2 names"),
        ({"n_parties": 2, "each": {"party7": {}}}, "each: there is no party 'party7'"),
    ],
)
def test_wrong_arguments_start_nothing(options: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        local.run(programs.names, **options)


def test_program_that_is_not_there_fails_at_every_party() -> None:
    for result in local.run("no/such/program.py", 2, seconds=60):
        assert result.error is not None
        assert (result.error.kind, result.exit_code) == ("ConfigError", 2)
        assert result.stderr[0].startswith("mpcnet: ")


def script(tmp_path: Path, body: str) -> subprocess.Popen[str]:
    path = tmp_path / "script.py"
    path.write_text(
        "import sys, tempfile\n"
        f"sys.path.insert(0, {str(ROOT)!r})\ntempfile.tempdir = {str(tmp_path / 'private')!r}\n"
        "from mpcnet import local\nfrom tests.integration import programs\n"
        "def show(name, stream, line):\n    print(line, flush=True)\n" + body
    )
    return subprocess.Popen([sys.executable, str(path)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def read_pids(process: subprocess.Popen[str], count: int) -> list[int]:
    assert process.stdout is not None
    pids: list[int] = []
    while len(pids) < count:
        line = process.stdout.readline()
        assert line, process.communicate()
        if line.startswith("pid "):
            pids.append(int(line.split()[1]))
    return pids


IDLE = "local.run(programs.ends_while_idle, 3, kwargs={'victim': '', 'how': ''}, seconds=100, on_line=show)\n"


def test_parties_end_when_the_starting_process_is_killed(tmp_path: Path) -> None:
    process = script(tmp_path, IDLE)
    pids = read_pids(process, 3)
    process.kill()
    process.communicate()
    wait_until(lambda: not any(is_alive(pid) for pid in pids))
    for left in (tmp_path / "private").iterdir():  # a killed process cannot clean up; its keys are of no more use
        subprocess.run(["rm", "-r", str(left)], check=True)


def test_parties_end_when_the_starting_process_is_interrupted(tmp_path: Path) -> None:
    process = script(tmp_path, IDLE)
    pids = read_pids(process, 3)
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=30)
    assert "KeyboardInterrupt" in err
    assert not any(is_alive(pid) for pid in pids)


def test_pipe_of_a_grandchild_does_not_hold_the_run(tmp_path: Path) -> None:
    program = tmp_path / "forks.py"
    program.write_text(
        "import subprocess\nasync def main(session):\n"
        "    subprocess.Popen(['sleep', '1000'], start_new_session=False)\n    return 'done'\n"
    )
    results = local.run(str(program), 2, seconds=60, check=True)
    assert [result.value for result in results] == ["done", "done"]


def test_fixture_raises_what_failed(mpc_parties: Callable[..., list[Result]]) -> None:
    results = mpc_parties(programs.names, 2, kwargs={"x": np.arange(2)})
    assert [result.value["kwargs"]["x"].tolist() for result in results] == [[0, 1], [0, 1]]
    with pytest.raises(PartyFailed):
        mpc_parties(programs.returns_what_cannot_travel, 2)
    assert len(mpc_parties(programs.returns_what_cannot_travel, 2, check=False)) == 2


async def test_simulation_fixture(mpc_simulation: Any) -> None:
    results = await mpc_simulation(programs.names, ["a", "b", "c"], 7, latency_seconds=0.001)
    assert results["a"]["heard"] == ["b", "c"]
    assert results["b"]["args"] == (7,)

    async def fails(session: Any) -> None:
        raise LookupError("x")

    async def idle(session: Any) -> None:
        await session.channel("b", "x").receive(1)

    with pytest.raises(LookupError, match="x"):
        await mpc_simulation({"a": idle, "b": fails}, ["a", "b"])
    with contextlib.suppress(ValueError):
        await mpc_simulation(programs.names, ["a", "a"])
        pytest.fail("two parties of one name")
