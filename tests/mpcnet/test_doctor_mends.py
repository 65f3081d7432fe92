"""Each mistake of a party's own that is planted is found, and the commands that the doctor names mend it."""

from __future__ import annotations

import asyncio
import dataclasses
import json
import re
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from mpcnet.agreement.job import JobFile
from mpcnet.agreement.policy import draft_policy
from mpcnet.agreement.signature import sign
from mpcnet.cli.app import main
from mpcnet.doctor import Report, State, examine
from mpcnet.doctor.mends import commands
from mpcnet.provision import public_file, renew_party
from mpcnet.record.log import Record
from tests.kit.certificates import identity_of
from tests.kit.doctors import of
from tests.kit.folders import Folders

PROGRAM = "async def main(session):\n    return 1\n"
ALL = ("bank", "bureau", "lender")


@pytest.fixture
def bank(folders: Folders, monkeypatch: pytest.MonkeyPatch) -> Folders:
    """The bank sits in its folder; everybody's public file is there, and a job that all have signed."""
    folder = folders.folder("bank")
    for name in ("bureau", "lender"):
        shutil.copy(public_file(folders.folder(name), name), folder)
    monkeypatch.chdir(folder)
    path = folder / "party.toml"
    path.write_text(
        path.read_text().replace('roster = "roster.toml"', 'roster = "roster.toml"\nrecord = "record.jsonl"')
    )
    Path("work.py").write_text(PROGRAM)
    assert main(["job", "new", "march", "--program", "work.py", "--open", "total -> lender: 1"]) == 0
    for name in ALL:
        sign(JobFile.load("march.toml"), folders.config(name).load_identity())
    Path("policy.toml").write_text(draft_policy(JobFile.load("march.toml").job, "bank"))
    Record(Path("record.jsonl"), folders.config("bank").load_identity()).add("start", {"session": "aa"})
    return folders


async def look(folders: Folders) -> Report:
    return await examine(folders.files["bank"], alone=True, job=Path("march.toml"))


async def test_bank_is_well(bank: Folders) -> None:
    report = await look(bank)
    assert report.of(State.MEND, State.WARN, State.SKIP) == []
    assert of(report, "job").found.startswith("march.toml: signed by all, until 20")
    assert of(report, "record").found.endswith("record.jsonl: holds, 1 run")


def expire(days: float) -> Callable[[Folders], None]:
    """A certificate over the bank's own key, which everybody knows, until so many days from now."""

    def spoil(folders: Folders) -> None:
        old = identity_of(folders.folder("bank"), "bank", -300, days, folders.config("bank").certificate)
        for name in ALL:
            entry = folders.roster(name).party("bank")
            folders.write_roster(name, dataclasses.replace(entry, certificates=(old.certificate,)))

    return spoil


def open_key(folders: Folders) -> None:
    Path("identity.key").chmod(0o640)


def damage_key(folders: Folders) -> None:
    Path("identity.key").write_text("-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n")


def lose_key(folders: Folders) -> None:
    Path("identity.key").unlink()


def swap_key(folders: Folders) -> None:
    Path("identity.key").write_bytes(folders.config("lender").identity.read_bytes())


def lose_certificate(folders: Folders) -> None:
    Path("certificate.pem").unlink()


def open_files(folders: Folders) -> None:
    Path("roster.toml").chmod(0o666)


def open_more_files(folders: Folders) -> None:
    open_files(folders)
    Path("party.toml").chmod(0o664)


def lose_roster(folders: Folders) -> None:
    Path("roster.toml").unlink()


def damage_roster(folders: Folders) -> None:
    Path("roster.toml").write_text("[[party]\n")


def leave_roster(folders: Folders) -> None:
    Path("roster.toml").unlink()
    assert main(["roster", "build", "lender.public.toml", "bureau.public.toml"]) == 0


def change_key(folders: Folders) -> None:
    assert main(["keygen", "bank", "--new-key"]) == 0
    for path in Path().glob("record.*"):
        path.unlink()


def renew(folders: Folders) -> None:
    renew_party("bank", ".", days=400)


def renew_late(folders: Folders) -> None:
    """The old certificate is not in the public file any more, and the new one not in the roster."""
    expire(0.5)(folders)
    renew_party("bank", ".")


def lose_records_folder(folders: Folders) -> None:
    path = Path("party.toml")
    path.write_text(path.read_text().replace('"record.jsonl"', '"records/record.jsonl"'))


def forget_to_sign(folders: Folders) -> None:
    Path("march.bank.sig").unlink()


def forget_the_policy(folders: Folders) -> None:
    Path("policy.toml").unlink()


MISTAKES = [
    (open_key, "key", State.MEND, "can be read by others"),
    (open_files, "files", State.MEND, "roster.toml can be changed by everybody"),
    (lose_key, "key", State.MEND, "the identity key cannot be read"),
    (damage_key, "key", State.MEND, "holds no unencrypted Ed25519 key"),
    (swap_key, "certificate", State.MEND, "does not belong to the key"),
    (lose_certificate, "certificate", State.MEND, "the certificate cannot be read"),
    (expire(-5), "certificate", State.MEND, "the certificate of bank expired on"),
    (expire(12.5), "certificate", State.WARN, "the certificate of bank expires in 12 days"),
    (expire(29.5), "certificate", State.WARN, "the certificate of bank expires in 29 days"),
    (lose_roster, "roster", State.MEND, "there is no roster yet"),
    (damage_roster, "roster", State.MEND, "not valid TOML"),
    (leave_roster, "roster", State.MEND, "bank is not in it; there are bureau, lender"),
    (change_key, "roster", State.MEND, "holds another key than"),
    (renew, "roster", State.WARN, "lacks the new certificate of bank"),
    (renew_late, "roster", State.MEND, "pins another certificate than it shows"),
    (lose_records_folder, "record", State.MEND, "has no folder"),
    (forget_to_sign, "signature", State.MEND, "bank has not signed it: there is no march.bank.sig"),
    (forget_the_policy, "policy", State.MEND, "this party has no policy"),
]


@pytest.mark.parametrize(("spoil", "name", "state", "found"), MISTAKES)
async def test_commands_mend_what_was_planted(
    bank: Folders, spoil: Callable[[Folders], None], name: str, state: State, found: str
) -> None:
    before = await look(bank)
    assert before.own_is_well
    spoil(bank)
    report = await look(bank)
    (check,) = [check for check in report.checks if check.name == name and check.state == state]
    assert found in check.found
    assert check.as_dict()["commands"] == commands(check.mend) != []
    assert report.own_is_well == (state != State.MEND)
    for command in commands(check.mend):
        type_in(command)
    after = await look(bank)
    trouble = [check for check in after.of(State.MEND, State.WARN) if check.name not in ("job", "signature")]
    assert trouble == []
    if spoil not in (lose_key, damage_key, swap_key, lose_certificate, change_key):  # a job names the keys
        assert of(after, "job").state == State.WELL


def type_in(command: str) -> None:
    """As in a shell; commands of ours without a process for each."""
    if command.startswith("mpcnet "):
        script = f'for word in {command.removeprefix("mpcnet ")}; do printf "%s\\n" "$word"; done'
        words = subprocess.run(["/bin/sh", "-c", script], capture_output=True, text=True, check=True).stdout
        assert main([word for word in words.splitlines() if word != "--yes"] + signs(command)) == 0
    else:
        subprocess.run(["/bin/sh", "-ec", command], check=True)


def signs(command: str) -> list[str]:
    """Nobody is at the terminal to say yes."""
    return ["--yes"] if "job sign" in command else []


# ---- what only a person can mend


def tell_another_name(folders: Folders) -> None:
    path = Path("party.toml")
    path.write_text(path.read_text().replace('name = "bank"', 'name = "bureau"'))


def misspell(folders: Folders) -> None:
    path = Path("party.toml")
    path.write_text(path.read_text().replace("connect = ", "conect = "))


def lose_config(folders: Folders) -> None:
    Path("party.toml").unlink()


def be_early(folders: Folders) -> None:
    identity_of(folders.folder("bank"), "bank", 3, 200, folders.config("bank").certificate)


def alter_record(folders: Folders) -> None:
    path = Path("record.jsonl")
    path.write_text(path.read_text().replace('"session":"aa"', '"session":"ab"'))


def cut_record(folders: Folders) -> None:
    path = Path("record.jsonl")
    path.write_text(path.read_text().splitlines(keepends=True)[0])


def alter_first_entry(folders: Folders) -> None:
    path = Path("record.jsonl")
    lines = path.read_text().splitlines(keepends=True)
    entry = json.loads(lines[0])
    path.write_text(json.dumps(entry | {"at": "2020-01-01T00:00:00Z"}) + "\n" + "".join(lines[1:]))


def lose_job(folders: Folders) -> None:
    Path("march.toml").unlink()


def alter_job(folders: Folders) -> None:
    path = Path("march.toml")
    path.write_text(path.read_text() + "\n")


def miss_a_signature(folders: Folders) -> None:
    Path("march.lender.sig").unlink()


def forge_a_signature(folders: Folders) -> None:
    path = Path("march.lender.sig")
    text = path.read_text()
    path.write_text(text.replace(text.partition('signature = "')[2][:8], "00000000"))


def forbid(folders: Folders) -> None:
    path = Path("policy.toml")
    path.write_text(path.read_text().replace('"lender"', '"bureau"'))


def let_the_job_expire(folders: Folders) -> None:
    path = Path("march.toml")
    text = re.sub(r"(created|expires) = \d{4}", r"\1 = 2021", path.read_text())
    path.write_text(re.sub(r"created = 2021-\d\d", "created = 2021-01", text))


def change_the_program(folders: Folders) -> None:
    Path("work.py").write_text(PROGRAM.replace("1", "2"))


def lose_the_program(folders: Folders) -> None:
    Path("work.py").unlink()


PERSONAL = [
    (lose_config, "config", State.MEND, "cannot be read", "`mpcnet keygen NAME --address HOST:PORT`"),
    (misspell, "config", State.MEND, "unknown key 'conect'", "known are connect"),
    (tell_another_name, "certificate", State.MEND, "name is 'bureau'", "write name = 'bank' into"),
    (be_early, "certificate", State.MEND, "is not valid before", "`timedatectl set-ntp true`"),
    (alter_record, "record", State.MEND, "entry 1 was altered", "`mpcnet record verify`"),
    (cut_record, "record", State.MEND, "it ends with entry 0, but 1 was written", "`mpcnet record verify`"),
    (alter_first_entry, "record", State.WARN, "entry 0 was altered", "`mpcnet record verify --config "),
    (let_the_job_expire, "job", State.MEND, "expired on 2021", "`mpcnet job new`"),
    (lose_job, "job", State.MEND, "cannot be read", "get the file from the party that made it"),
    (alter_job, "signature", State.MEND, "differs from what lender signed", "take back the file that was signed"),
    (miss_a_signature, "signature", State.MEND, "lender has not signed it", "at lender: `mpcnet job sign march.toml`"),
    (forge_a_signature, "signature", State.MEND, "does not hold with the key of lender", ""),
    (forbid, "policy", State.MEND, "the policy of bank does not allow this job", "`recipients`"),
    (change_the_program, "job", State.MEND, "work.py: differs from what was signed", "take back the file"),
    (lose_the_program, "job", State.MEND, "work.py", ""),
]


@pytest.mark.parametrize(("spoil", "name", "state", "found", "mend"), PERSONAL)
async def test_what_only_a_person_can_mend_is_said(
    bank: Folders, spoil: Callable[[Folders], None], name: str, state: State, found: str, mend: str
) -> None:
    spoil(bank)
    report = await look(bank)
    hits = [check for check in report.checks if check.name == name and check.state == state]
    assert any(found in check.found and mend in check.mend for check in hits), report.checks
    assert report.own_is_well == (state != State.MEND)


async def test_without_party_or_roster_a_job_is_not_judged(bank: Folders) -> None:
    lose_roster(bank)
    assert of(await look(bank), "job").state == State.SKIP


async def test_parties_that_hold_different_jobs(bank: Folders) -> None:
    """The lender's doctor looks at the bank's, each with a job of its own."""
    other = bank.folder("lender") / "march.toml"
    shutil.copy("march.toml", other)
    alter_job(bank)
    reports = await asyncio.gather(
        *(
            examine(bank.files[n], job=job, wait_seconds=1.0, listen_socket=bank.sockets.pop(n))
            for n, job in (("bank", Path("march.toml")), ("lender", other))
        )
    )
    check = of(reports[0], "job", "lender")
    assert check.state == State.MEND
    assert "`mpcnet job show JOB`" in check.mend


async def test_files_open_to_everybody_and_to_the_group_are_told_apart(bank: Folders) -> None:
    open_more_files(bank)
    found = {check.state: check for check in (await look(bank)).checks if check.name == "files"}
    assert found.keys() == {State.MEND, State.WARN}
    assert "roster.toml" in found[State.MEND].found
    assert "party.toml" in found[State.WARN].mend
