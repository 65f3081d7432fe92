"""The doctor finds each mistake that is planted in a party's own files, keys and machine."""

from __future__ import annotations

import dataclasses
import io
import json
import os
import resource
import shutil
import ssl
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from rich.console import Console

from mpcnet.cli.app import main
from mpcnet.cli.doctor import print_report
from mpcnet.config import Deadlines
from mpcnet.doctor import Check, Report, State, machine
from mpcnet.identity import Identity
from mpcnet.provision import renew_party
from protocols.kernels import cpu
from tests.kit.certificates import identity_of
from tests.kit.doctors import alone, of
from tests.kit.folders import Folders


def spoil_config(folders: Folders) -> None:
    folders.files["bank"].write_text('name = "bank"\nrooster = "x"\n')


def open_key(folders: Folders) -> None:
    folders.config("bank").identity.chmod(0o644)


def lose_key(folders: Folders) -> None:
    folders.config("bank").identity.unlink()


def swap_key(folders: Folders) -> None:
    folders.config("bank").identity.write_bytes(folders.config("lender").identity.read_bytes())


def take_identity(folders: Folders) -> None:
    folders.write_identity("bank", folders.config("lender").load_identity())


def certify(start: float, end: float) -> Callable[[Folders], None]:
    def spoil(folders: Folders) -> None:
        odd = identity_of(folders.folder("bank") / "odd", "bank", start, end)
        folders.write_identity("bank", odd)
        entry = folders.roster("bank").party("bank")
        folders.write_roster("bank", dataclasses.replace(entry, certificates=(odd.certificate,)))

    return spoil


def lose_roster(folders: Folders) -> None:
    folders.config("bank").roster.unlink()


def new_key(folders: Folders) -> None:
    folders.write_identity("bank", Identity.create("bank", folders.folder("bank") / "fresh"))


def open_files(folders: Folders) -> None:
    folders.config("bank").roster.chmod(0o666)


def lend_files(folders: Folders) -> None:
    folders.files["bank"].chmod(0o664)


def promise_data(folders: Folders) -> None:
    path = folders.files["bank"]
    path.write_text(path.read_text() + '[score]\ndata = "bank.csv"\nscheme = "nothing.toml"\n')


def renew(folders: Folders) -> None:
    renew_party("bank", folders.folder("bank"), days=400)


OWN = [
    (spoil_config, "config", State.MEND, "unknown key 'rooster'", "known are name"),
    (open_key, "key", State.MEND, "the identity key can be read by others", "`chmod 600 "),
    (lose_key, "key", State.MEND, "the identity key cannot be read", "`mpcnet keygen bank --new-key --dir "),
    (swap_key, "certificate", State.MEND, "does not belong to the key", "`mpcnet keygen bank --new-key --dir "),
    (take_identity, "certificate", State.MEND, "is that of 'lender'", "write name = 'lender' into"),
    (certify(-10, -5), "certificate", State.MEND, "the certificate of bank expired on", "mpcnet keygen bank --renew"),
    (certify(5, 10), "certificate", State.MEND, "is not valid before", "timedatectl set-ntp true"),
    (certify(-10, 12), "certificate", State.WARN, "expires in 11 days", "mpcnet keygen bank --renew"),
    (lose_roster, "roster", State.MEND, "there is no roster yet", "mpcnet roster add"),
    (new_key, "roster", State.MEND, "holds another key", "--new-key"),
    (renew, "roster", State.WARN, "lacks the new certificate", "/bank.public.toml --roster"),
    (open_files, "files", State.MEND, "can be changed by everybody", "chmod go-w "),
    (lend_files, "files", State.WARN, "can be changed by its group", "chmod go-w "),
    (promise_data, "data", State.MEND, "nothing.toml", ""),
]


@pytest.mark.parametrize(("spoil", "name", "state", "found", "mend"), OWN)
async def test_own_mistakes_are_found(
    folders: Folders, spoil: Callable[[Folders], None], name: str, state: State, found: str, mend: str
) -> None:
    spoil(folders)
    report = await alone(folders)
    hits = [check for check in report.checks if check.name == name and check.state == state]
    assert any(found in check.found and mend in check.mend for check in hits), report.checks
    assert report.own_is_well == (state != State.MEND)


async def test_renewal_under_way_is_well(folders: Folders) -> None:
    folders.write_identity("bank", identity_of(folders.folder("bank") / "odd", "bank", -300, 20))
    for name in folders.files:
        old = folders.config("bank").load_identity().certificate
        folders.write_roster(name, dataclasses.replace(folders.roster(name).party("bank"), certificates=(old,)))
    renewed = renew_party("bank", folders.folder("bank"), address=folders.roster("bank").party("bank").address)
    entry = dataclasses.replace(folders.roster("bank").party("bank"), certificates=renewed.held)
    folders.write_roster("bank", entry)
    report = await alone(folders)
    assert of(report, "certificate").found.startswith("is being renewed: the old one is shown until 20")
    assert report.of(State.WARN, State.MEND) == []
    assert of(await alone(folders, "lender"), "certificate", "bank").state == State.WARN  # it lacks the new one


# ---- the machine


def test_machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    report = Report()
    machine.examine_machine(tmp_path, report)
    names = [check.name for check in report.checks]
    assert names == ["software", "processor", "memory", "disk", "open files", "clock"]
    assert report.own_is_well
    free = machine.available_memory()
    assert free is not None
    assert 1 << 20 < free < 1 << 50
    usage = type("Usage", (), {"free": 50 << 20})
    monkeypatch.setattr(shutil, "disk_usage", lambda place: usage)
    monkeypatch.setattr(machine, "available_memory", lambda: 300 << 20)
    later = time.time() + 10_000
    (tmp_path / "new").touch()
    os.utime(tmp_path / "new", (later, later))
    report = Report()
    machine.examine_machine(tmp_path, report)
    assert of(report, "disk").state == State.MEND
    assert of(report, "memory").state == State.WARN
    assert of(report, "clock").mend == "set the clock that is wrong: `timedatectl set-ntp true`"


def nothing(value: Any) -> Callable[..., Any]:
    return lambda *_: value


LIMITS = [
    ("processor", State.WARN, "AES kernels: portable", lambda m: m.setattr(cpu, "path", nothing("portable"))),
    ("processor", State.WARN, "load 99.0", lambda m: m.setattr(os, "getloadavg", nothing((99.0, 0.0, 0.0)))),
    ("memory", State.MEND, "200 MiB free", lambda m: m.setattr(machine, "available_memory", nothing(200 << 20))),
    ("disk", State.WARN, "500 MiB free", lambda m: m.setattr(shutil, "disk_usage", nothing(Usage(500 << 20)))),
    ("open files", State.WARN, "at most 64", lambda m: m.setattr(resource, "getrlimit", nothing((64, 64)))),
    ("software", State.MEND, "without TLS 1.3", lambda m: m.setattr(ssl, "HAS_TLSv1_3", False)),
]


class Usage(NamedTuple):
    free: int


@pytest.mark.parametrize(("name", "state", "found", "plant"), LIMITS)
def test_limits_of_the_machine(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, state: State, found: str, plant: Callable[[Any], None]
) -> None:
    plant(monkeypatch)
    report = Report()
    machine.examine_machine(tmp_path, report)
    check = of(report, name)
    assert (check.state, bool(check.mend)) == (state, True)
    assert found in check.found


def test_limit_on_memory_is_seen() -> None:
    code = (
        "import resource; resource.setrlimit(resource.RLIMIT_AS, (1 << 30, 1 << 30)); "
        "from mpcnet.doctor.machine import available_memory; print(available_memory())"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert 0 < int(done.stdout) < 1 << 30


# ---- the command


def test_command(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folders = Folders(tmp_path, deadlines=Deadlines())
    folders.close()
    config = ["--config", str(folders.folder("bank"))]
    assert main(["doctor", *config, "--alone", "--json"]) == 0
    facts = json.loads(capsys.readouterr().out)
    assert facts["own_is_well"]
    assert facts["name"] == "bank"
    assert {"name", "party", "state", "found", "mend", "commands"} == set(facts["checks"][0])
    assert main(["doctor", *config, "--wait", "0"]) == 3
    out = capsys.readouterr().out
    assert "-> start `mpcnet doctor` at lender as well" in out
    assert out.splitlines()[-1].startswith("2 not there")
    folders.config("bank").identity.chmod(0o644)
    assert main(["doctor", *config, "--alone"]) == 2
    assert "1 to mend" in capsys.readouterr().out.splitlines()[-1]
    assert main(["doctor", "--config", str(tmp_path / "nowhere"), "--alone"]) == 2
    assert "cannot be read" in capsys.readouterr().out


def test_job_and_name_exclude_each_other(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["doctor", "--job", "march.toml", "--name", "march"]) == 2
    assert "a job has its own name; leave out --name" in capsys.readouterr().err


@pytest.mark.parametrize("width", [80, 120])
def test_commands_are_never_broken_on_a_terminal(width: int) -> None:
    command = "mpcnet roster add bank.public.toml --roster /srv/institutions/lender/agreements/roster.toml --new-key"
    check = Check("roster", "", State.MEND, "word " * 60, f"ask bank, then `{command}`; " + "so " * 40)
    short = Check("tcp", "bank", State.AWAY, "nobody", f"{'well ' * 20}start `mpcnet doctor` at bank as well")
    console = Console(file=io.StringIO(), force_terminal=True, width=width, color_system=None)
    print_report(Report("lender", [check, short]), console)
    assert isinstance(console.file, io.StringIO)
    lines = console.file.getvalue().splitlines()
    assert f"{'':13}{command}" in lines
    assert max(len(line) for line in lines if command not in line) <= width
    assert not [line for line in lines if line != line.rstrip()]
    assert any("`mpcnet doctor`" in line for line in lines)
    assert lines[-1] == "1 to mend, 1 not there"
