"""A mistake between two parties is found by the doctor of one, and the commands that it names mend it, typed where it
says.
"""

from __future__ import annotations

import dataclasses
import shutil
from collections.abc import Callable

import pytest

from mpcnet.cli.app import main
from mpcnet.doctor import Check, Report, State
from mpcnet.doctor.mends import commands
from mpcnet.provision import public_file, renew_party, replace_key
from mpcnet.roster import dump_entries
from tests.kit.certificates import identity_of
from tests.kit.doctors import of, together
from tests.kit.folders import Folders, bound_socket_at

PAIR = ("bank", "lender")


async def look(folders: Folders) -> Report:
    """What the bank's doctor says, with the lender's there as well."""
    for name in PAIR:
        if name not in folders.sockets:
            folders.sockets[name] = bound_socket_at(folders, name)
    bank, _ = await together(folders, *PAIR, seconds=0.4)
    return bank


def type_in(folders: Folders, check: Check, here: str) -> None:
    """Commands of `keygen` at the party that they name; everybody gets the public files; the others where it says."""
    everybody = "everybody" in check.mend or "here and there" in check.mend
    for command in commands(check.mend):
        words = command.replace("HOST:PORT", address(folders, check.party)).split()
        party = words[2] if words[1] == "keygen" else check.mend.split()[0]
        if words[1] == "keygen":
            assert main([*words[1:], "--dir", str(folders.folder(party))]) == 0
            continue
        readers = folders.files if everybody else [party if party in folders.files else here]
        for reader in readers:
            files = [word for word in words if word.endswith(".public.toml")]
            for file in files:
                owner = folders.folder(file.removesuffix(".public.toml"))
                shutil.copy(owner / file, folders.folder(reader) / f"got.{file}")
            paths = [str(folders.folder(reader) / f"got.{file}") for file in files]
            options = ["--new-key"] if "--new-key" in words else []
            assert main(["roster", "add", *paths, "--roster", str(folders.config(reader).roster), *options]) == 0


def address(folders: Folders, party: str) -> str:
    """Where it really listens."""
    return f"127.0.0.1:{folders.sockets[party].getsockname()[1]}" if party in folders.sockets else "127.0.0.1:9"


def renew(folders: Folders) -> None:
    """Close to the end of the old certificate: the lender shows a new one, which only the lender has."""
    old = identity_of(folders.folder("lender"), "lender", -300, 0.5, folders.config("lender").certificate)
    for name in folders.files:
        entry = dataclasses.replace(folders.roster(name).party("lender"), certificates=(old.certificate,))
        folders.write_roster(name, entry)
    renew_party("lender", folders.folder("lender"))
    assert main(["roster", "add", str(public_file(folders.folder("lender"), "lender")), "--roster",
                 str(folders.config("lender").roster)]) == 0  # fmt: skip


def replace(folders: Folders) -> None:
    replace_key("lender", folders.folder("lender"))
    assert main(["roster", "add", str(public_file(folders.folder("lender"), "lender")), "--new-key", "--roster",
                 str(folders.config("lender").roster)]) == 0  # fmt: skip


def expire(folders: Folders) -> None:
    old = identity_of(folders.folder("lender"), "lender", -300, -2, folders.config("lender").certificate)
    for name in folders.files:
        entry = dataclasses.replace(folders.roster(name).party("lender"), certificates=(old.certificate,))
        folders.write_roster(name, entry)


def mistype(folders: Folders) -> None:
    """The lender has another address of the bureau."""
    folders.write_roster("lender", dataclasses.replace(folders.roster("lender").party("bureau"), port=9))


def be_unknown(folders: Folders) -> None:
    """The bank has a new certificate that it put into its own roster alone."""
    fresh = identity_of(folders.folder("bank"), "bank", -1, 200, folders.config("bank").certificate)
    folders.write_roster(
        "bank", dataclasses.replace(folders.roster("bank").party("bank"), certificates=(fresh.certificate,))
    )
    path = public_file(folders.folder("bank"), "bank")
    path.write_text(dump_entries([folders.roster("bank").party("bank")]))


MISTAKES = [
    (renew, "identity", "shows a new certificate that is not in this roster"),
    (replace, "identity", "shows a certificate that is not in the roster, sha256:"),
    (expire, "certificate", "the certificate expired on"),
    (expire, "tls", "its certificate expired on"),
    (mistype, "roster", "in the entry of bureau"),
    (be_unknown, "accepted", "refused this party's certificate, which is not in its roster"),
]


@pytest.mark.parametrize(("spoil", "name", "found"), MISTAKES)
async def test_commands_mend_what_is_between_two(
    folders: Folders, spoil: Callable[[Folders], None], name: str, found: str
) -> None:
    spoil(folders)
    check = of(await look(folders), name, "lender")
    assert check.state == State.MEND
    assert found in check.found
    type_in(folders, check, "bank")
    report = await look(folders)
    assert [check for check in report.of(State.MEND, State.WARN) if check.party != "bureau"] == []
    assert of(report, "roster", "lender").state == State.WELL
