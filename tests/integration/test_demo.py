"""The demo as a user runs it, and the same run by hand: three processes, TLS on loopback, real data."""

from __future__ import annotations

import csv
import json
import os
import re
import signal
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import pytest

from mpcnet.credit.prepare import free_ports
from tests.kit.terminals import MPCNET, SECONDS, Terminals, demo, environment, is_alive, left_behind

PARTIES = ("lender", "bureau", "bank")

pytestmark = pytest.mark.timeout(2 * SECONDS)


def children_of(pid: int) -> dict[str, int]:
    """The demo's parties by name, from the command lines of its child processes."""
    found = {}
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit():
            continue
        try:
            parent = int((entry / "stat").read_text(encoding="utf-8").rpartition(")")[2].split()[1])
            words = (entry / "cmdline").read_bytes().decode().split("\0")
        except (OSError, ValueError):
            continue
        if parent == pid and "--config" in words:
            found[Path(words[words.index("--config") + 1]).parent.name] = int(entry.name)
    return found


@pytest.fixture
def prepared(tmp_path: Path) -> Iterator[tuple[Path, Terminals]]:
    folder = tmp_path / "credit"
    done = demo(tmp_path, "--prepare", str(folder))
    assert done.returncode == 0, done.stderr
    terminals = Terminals(folder)
    try:
        yield folder, terminals
    finally:
        terminals.kill()


def shorten(folder: Path, **deadlines: float) -> None:
    """Give every party other deadlines."""
    for party in PARTIES:
        path = folder / party / "party.toml"
        text = path.read_text(encoding="utf-8")
        for name, seconds in deadlines.items():
            text, count = re.subn(rf"^{name} = .*$", f"{name} = {seconds}", text, flags=re.M)
            assert count == 1
        path.write_text(text, encoding="utf-8")


def test_the_demo(tmp_path: Path) -> None:
    done = demo(tmp_path, "--json", "outcome.json", "--protocol", "yao")
    assert done.returncode == 0, done.stderr
    assert "Traceback" not in done.stderr
    assert not re.search(r"^(lender|bureau|bank) +connected", done.stdout, re.M)
    outcome = json.loads((tmp_path / "outcome.json").read_text(encoding="utf-8"))
    assert set(outcome) == {"parties", "applicants", "mismatches", "auc", "ks", "and_gates", "seconds"}
    assert outcome["applicants"] == 300
    assert outcome["mismatches"] == 0
    assert outcome["and_gates"] == 300 * 175
    assert outcome["auc"] == {"lender_alone": pytest.approx(0.6427, abs=1e-4), "joint": pytest.approx(0.7663, abs=1e-4)}
    assert outcome["ks"] == {"lender_alone": pytest.approx(0.2667, abs=1e-4), "joint": pytest.approx(0.4429, abs=1e-4)}
    assert set(outcome["seconds"]) == {"connect", "ot", "evaluate", "total"}
    assert all(0 < seconds < SECONDS for seconds in outcome["seconds"].values())
    assert [set(party) for party in outcome["parties"]] == [{"name", "pid", "bytes_sent", "bytes_received"}] * 3
    assert [party["name"] for party in outcome["parties"]] == list(PARTIES)
    assert len({party["pid"] for party in outcome["parties"]}) == 3
    assert outcome["parties"][0]["bytes_sent"] > 300 * 175 * 32  # the garbled tables
    sent, received = (sum(party[key] for party in outcome["parties"]) for key in ("bytes_sent", "bytes_received"))
    assert abs(sent - received) < 10_000  # greetings and farewells may be counted at one end alone
    for party in PARTIES:
        for step in ("connected", "inputs in", "done"):
            assert re.search(rf"^{party} +{step}", done.stderr, re.M), (party, step)
    for party in ("lender", "bank"):
        assert re.search(rf"^{party} +oblivious transfer", done.stderr, re.M)
        assert re.search(rf"^{party} +52,500 of 52,500 AND gates, .* sent$", done.stderr, re.M)
    assert "300 of 300, bit for bit" in done.stdout
    assert not any(is_alive(party["pid"]) for party in outcome["parties"])
    assert left_behind(tmp_path) == []


def test_the_demo_among_all_three(tmp_path: Path) -> None:
    done = demo(tmp_path, "--json", "outcome.json", "--protocol", "gmw")
    assert done.returncode == 0, done.stderr
    assert "300 of 300, bit for bit" in done.stdout
    outcome = json.loads((tmp_path / "outcome.json").read_text(encoding="utf-8"))
    assert outcome["mismatches"] == 0
    for party in PARTIES:
        assert re.search(rf"^{party} +oblivious transfer", done.stderr, re.M), party
        assert re.search(rf"^{party} +([\d,]+) of \1 AND gates, .* sent$", done.stderr, re.M), party
    assert left_behind(tmp_path) == []


@pytest.mark.parametrize(("applicants", "measurable"), [(1, False), (3, True)])
def test_a_demo_of_few(tmp_path: Path, applicants: int, measurable: bool) -> None:
    done = demo(tmp_path, "--applicants", str(applicants), "--json", "-")
    assert done.returncode == 0, done.stderr
    assert f"{applicants} of {applicants}, bit for bit" in done.stderr
    assert "too few applicants to measure" in done.stderr
    outcome = json.loads(done.stdout)
    assert outcome["mismatches"] == 0
    assert (outcome["auc"] is not None, outcome["ks"] is not None) == (measurable, measurable)


def test_by_hand_in_any_order(prepared: tuple[Path, Terminals]) -> None:
    folder, terminals = prepared
    terminals.start("bank")
    time.sleep(0.5)
    terminals.start("bureau", "--json", "bureau.json")
    terminals.start("lender", "--json", "lender.json")
    ended = terminals.finish()
    assert [code for code, _, _ in ended.values()] == [0, 0, 0], ended
    scores = (folder / "lender" / "scores.csv").read_bytes()
    assert scores == (folder / "expected.csv").read_bytes()
    rows = list(csv.reader(scores.decode().splitlines()))
    assert rows[0] == ["applicant", "score", "decision"]
    assert len(rows) == 301
    applicant, score, _ = rows[1]
    assert applicant in ended["lender"][1]
    assert score in ended["lender"][1]
    for party in ("bureau", "bank"):
        assert "learns nothing" in ended[party][1]
        assert not re.search(r"G\d{4}|accept|decline", ended[party][1] + ended[party][2])
        assert not (folder / party / "scores.csv").exists()
    facts = json.loads((folder / "lender.json").read_text(encoding="utf-8"))
    assert facts["applicants"] == 300
    assert facts["evaluations"][0]["reveal_to"] == {"score": ["lender"], "decision": ["lender"]}
    assert "evaluate" in json.loads((folder / "bureau.json").read_text(encoding="utf-8"))["seconds"]


def test_with_keys_of_their_own(prepared: tuple[Path, Terminals]) -> None:
    """Three people make keys, exchange public files, and bring their own records: docs/credit-scoring.md."""
    folder, terminals = prepared
    with free_ports(PARTIES) as sockets:
        addresses = {party: f"127.0.0.1:{bound.getsockname()[1]}" for party, bound in sockets.items()}

    def mpcnet(*arguments: str) -> None:
        subprocess.run([*MPCNET, *arguments], cwd=folder, check=True, capture_output=True, timeout=SECONDS)

    for party in PARTIES:
        (folder / party).rename(folder / f"given to {party}")
        mpcnet("keygen", party, "--address", addresses[party])
    mpcnet("roster", "build", *(f"{party}/{party}.public.toml" for party in PARTIES))
    for party in PARTIES:
        names = [f"{party}.csv", "scheme.toml"] + (["points.toml"] if party == "lender" else [])
        for path in [folder / "roster.toml", *(folder / f"given to {party}" / name for name in names)]:
            (folder / party / path.name).write_bytes(path.read_bytes())
        table = f'\n[score]\ndata = "{party}.csv"\nscheme = "scheme.toml"\n'
        table += 'points = "points.toml"\n' if party == "lender" else ""
        with (folder / party / "party.toml").open("a", encoding="utf-8") as file:
            file.write(table)
        terminals.start(party)
    assert [code for code, _, _ in terminals.finish().values()] == [0, 0, 0]
    assert (folder / "lender" / "scores.csv").read_bytes() == (folder / "expected.csv").read_bytes()


def test_what_is_prepared_and_who_gets_it(prepared: tuple[Path, Terminals]) -> None:
    folder, _ = prepared
    common = {"identity.key", "certificate.pem", "party.toml", "roster.toml", "scheme.toml"}
    for party in PARTIES:
        names = {path.name for path in (folder / party).iterdir()}
        own = {f"{party}.csv", f"{party}.public.toml"} | ({"points.toml"} if party == "lender" else set())
        assert names == common | own
        for name in names & {"identity.key", "points.toml", f"{party}.csv"}:
            assert (folder / party / name).stat().st_mode & 0o077 == 0, name
    assert (folder / "expected.csv").stat().st_mode & 0o077 == 0
    headers = [(folder / party / f"{party}.csv").read_text(encoding="utf-8").splitlines()[0] for party in PARTIES]
    columns = [name for header in headers for name in header.split(",") if name != "applicant"]
    assert len(columns) == len(set(columns)) == 17


def test_preparing_twice_overwrites_nothing(prepared: tuple[Path, Terminals], tmp_path: Path) -> None:
    folder, _ = prepared
    key = (folder / "lender" / "identity.key").read_bytes()
    done = demo(tmp_path, "--prepare", str(folder))
    assert done.returncode == 2
    assert "is there already and is not overwritten" in done.stderr
    assert "--dir" not in done.stderr
    assert (folder / "lender" / "identity.key").read_bytes() == key


def test_a_wrong_record_stops_its_party_before_it_connects(prepared: tuple[Path, Terminals]) -> None:
    folder, terminals = prepared
    path = folder / "bank" / "bank.csv"
    lines = path.read_text(encoding="utf-8").splitlines()
    lines[4] = lines[4].replace("DM", "EUR")
    assert "EUR" in lines[4]
    path.write_text("\n".join(lines), encoding="utf-8")
    terminals.start("bank")
    ((code, out, err),) = terminals.finish().values()
    assert code == 2
    assert out == ""
    assert err.startswith(f"mpcnet: {path}, line 5, column ")
    assert "unknown category" in err
    assert "EUR" not in err
    assert err.count("\n") == 1


def test_other_applicants_are_named_at_every_party(prepared: tuple[Path, Terminals]) -> None:
    folder, terminals = prepared
    path = folder / "bureau" / "bureau.csv"
    header, first, second, *rest = path.read_text(encoding="utf-8").splitlines()
    path.write_text("\n".join([header, second, first, *rest]), encoding="utf-8")
    (folder / "lender" / "scores.csv").write_text("of an earlier run", encoding="utf-8")
    for party in PARTIES:
        terminals.start(party)
    for party, (code, _, err) in terminals.finish().items():
        assert code == 2, (party, err)
        assert "the list of applicants of bureau differs from that of bank and lender" in err
        assert "Traceback" not in err
    assert not (folder / "lender" / "scores.csv").exists()


def test_a_party_that_never_comes_is_named(prepared: tuple[Path, Terminals]) -> None:
    folder, terminals = prepared
    shorten(folder, connect=4.0)
    for party in ("lender", "bureau"):
        terminals.start(party, "--protocol", "gmw")  # both load kernels, and so are there at about the same time
    for party, (code, out, err) in terminals.finish().items():
        assert code == 3, (party, out, err)
        assert out == ""
        assert re.search(rf"^{party} +waiting for bank$", err, re.M)
        *_, last = err.splitlines()
        assert last.startswith("mpcnet: ")
        assert "bank" in last


def test_a_party_that_is_killed_ends_the_run_for_all(prepared: tuple[Path, Terminals]) -> None:
    folder, terminals = prepared
    shorten(folder, liveness=5.0)
    for party in PARTIES:
        terminals.start(party, "--applicants", "2000000")
    bank = terminals.running["bank"]
    assert bank.stderr is not None
    for line in bank.stderr:
        if "AND gates" in line:
            break
    bank.kill()
    started = time.monotonic()
    ended = terminals.finish()
    assert time.monotonic() - started < 60
    for party in ("lender", "bureau"):
        code, _, err = ended[party]
        assert code == 4, (party, err)
        assert "bank" in err
        assert "Traceback" not in err
    assert not (folder / "lender" / "scores.csv").exists()


def running_demo(folder: Path, *arguments: str) -> tuple[subprocess.Popen[str], dict[str, int]]:
    """A demo that is in the middle of its work, and the processes of its parties."""
    process = subprocess.Popen(
        [*MPCNET, "demo", "--applicants", "2000000", *arguments],
        cwd=folder,
        env=environment(folder),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stderr is not None
    for line in process.stderr:
        if "AND gates" in line:
            break
    return process, children_of(process.pid)


def gone(pids: Mapping[str, int] | Sequence[int]) -> bool:
    numbers = list(pids.values()) if isinstance(pids, Mapping) else list(pids)
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        if not any(is_alive(pid) for pid in numbers):
            return True
        time.sleep(0.05)
    return False


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="finds the parties in /proc")
def test_a_demo_whose_party_dies_says_so_and_leaves_nothing(tmp_path: Path) -> None:
    process, parties = running_demo(tmp_path)
    try:
        assert set(parties) == set(PARTIES)
        os.kill(parties["bureau"], signal.SIGKILL)
        _, err = process.communicate(timeout=SECONDS)
        assert process.returncode == 128 + signal.SIGKILL
        assert "mpcnet: bureau: its process was ended by signal 9" in err
        assert re.search(r"^mpcnet: lender: .*bureau", err, re.M)
        assert "Traceback" not in err
        assert gone(parties)
        assert left_behind(tmp_path) == []
    finally:
        process.kill()
        process.communicate()


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="finds the parties in /proc")
@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_demo_that_is_stopped_takes_its_parties_along(tmp_path: Path, number: signal.Signals, code: int) -> None:
    process, parties = running_demo(tmp_path)
    try:
        process.send_signal(number)
        _, err = process.communicate(timeout=SECONDS)
        assert process.returncode == code, err
        assert "Traceback" not in err
        assert gone(parties)
        assert left_behind(tmp_path) == []
    finally:
        process.kill()
        process.communicate()
