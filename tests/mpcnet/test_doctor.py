"""The doctor finds each mistake that is planted, says how to mend it, and disturbs nobody."""

from __future__ import annotations

import asyncio
import dataclasses
import re
import time
from pathlib import Path
from typing import Any

import pytest

import mpcnet
from mpcnet.doctor import Report, State, examine, look
from mpcnet.identity import Identity
from mpcnet.roster import Party
from mpcnet.runtime import job_digest
from mpcnet.wire import greeting
from mpcnet.wire.probe import Answer
from tests.kit.certificates import identity_of
from tests.kit.doctors import of, together
from tests.kit.folders import Folders, bound_socket_at
from tests.kit.network import bound_socket

# ---- all is well


async def test_three_doctors_find_that_all_is_well(folders: Folders) -> None:
    reports = await together(folders, "bank", "bureau", "lender", job_digest=job_digest("score"))
    for report in reports:
        assert report.of(State.MEND, State.WARN, State.AWAY, State.SKIP) == []
        assert report.own_is_well
        assert report.peers_are_well
    lender = of(reports[0], "tls", "lender")
    assert lender.found.startswith("TLS 1.3, certificate valid until 20")
    assert of(reports[0], "job", "bureau").found.startswith("the same, ")
    assert of(reports[0], "way back", "lender").found == "lender reached this party"
    assert [check.name for check in reports[0].checks if check.party == "bureau"] == [
        "name", "tcp", "tls", "identity", "version", "roster", "job", "clock", "round trip", "bandwidth", "way back",
    ]  # fmt: skip


async def test_party_that_waits_for_its_run_answers_and_is_not_disturbed(folders: Folders) -> None:
    """Bank waits; the bureau's and the lender's doctors look at it, and then the three run."""
    events: list[Any] = []

    async def run(name: str) -> str:
        on_event = events.append if name == "bank" else None
        taken = folders.sockets.pop(name, None) or bound_socket_at(folders, name)
        async with mpcnet.connect(folders.files[name], listen_socket=taken, job="x", on_event=on_event) as session:
            return session.session_id.hex()

    bank = asyncio.ensure_future(run("bank"))
    reports = await together(folders, "bureau", "lender", job_digest=job_digest("x"))
    assert [of(report, "job", "bank").found[:8] for report in reports] == ["the same"] * 2
    other = await examine(
        folders.files["lender"], wait_seconds=0, job_digest=job_digest("y"), listen_socket=bound_socket()
    )
    assert of(other, "job", "bank").state == State.MEND
    assert not bank.done()
    ids = await asyncio.gather(bank, run("bureau"), run("lender"))
    assert len(set(ids)) == 1
    kinds = [event.kind for event in events]
    assert kinds.count("looked") >= 3
    assert "strangers" not in kinds


async def test_run_that_meets_a_doctor_waits_for_it_to_end(folders: Folders) -> None:
    """The lender runs already and dials the bank, whose doctor is still there."""

    async def run(name: str, sock: Any) -> None:
        async with mpcnet.connect(folders.files[name], listen_socket=sock):
            pass

    for name in ("bank", "lender"):
        entries = tuple(party for party in folders.roster(name).parties if party.name != "bureau")
        folders.config(name).roster.write_text(dataclasses.replace(folders.roster(name), parties=entries).dumps())
    lender = asyncio.ensure_future(run("lender", folders.sockets.pop("lender")))
    report = await examine(folders.files["bank"], wait_seconds=2, listen_socket=folders.sockets.pop("bank"))
    assert of(report, "way back", "lender").state == State.WELL
    assert not lender.done()
    await asyncio.gather(lender, run("bank", bound_socket_at(folders, "bank")))


# ---- the other parties


async def test_party_that_is_not_there(folders: Folders) -> None:
    (report,) = await together(folders, "bank", seconds=0)
    for peer in ("bureau", "lender"):
        check = of(report, "tcp", peer)
        assert check.state == State.AWAY
        assert "nobody listens (connection refused)" in check.found
        assert check.mend.startswith(f"start `mpcnet doctor` at {peer} as well")
    assert report.own_is_well
    assert not report.peers_are_well


async def test_without_a_key_ports_are_looked_at_all_the_same(folders: Folders) -> None:
    folders.config("bank").identity.unlink()
    folders.sockets["lender"].listen()
    report = await examine(folders.files["bank"], wait_seconds=0)
    assert of(report, "tcp", "lender").state == State.WELL
    assert of(report, "tls", "lender").state == State.SKIP
    assert of(report, "tcp", "bureau").state == State.AWAY
    folders.config("bank").roster.unlink()
    report = await examine(folders.files["bank"], wait_seconds=0)
    assert of(report, "tcp", "others").found == "needs the roster"


async def test_another_service_on_the_port(folders: Folders) -> None:
    async def web(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(10)
        writer.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")
        writer.close()
        await writer.wait_closed()

    server = await asyncio.start_server(web, sock=folders.sockets.pop("lender"))
    (report,) = await together(folders, "bank", seconds=0)
    server.close()
    await server.wait_closed()
    assert of(report, "tls", "lender").found == "does not speak TLS; another service on that port?"


async def test_host_that_has_no_address(folders: Folders) -> None:
    lender = dataclasses.replace(folders.roster("bank").party("lender"), host="no.such.host.invalid")
    folders.write_roster("bank", lender)
    (report,) = await together(folders, "bank", seconds=0)
    check = of(report, "name", "lender")
    assert check.state == State.MEND
    assert check.found.startswith("no.such.host.invalid: ")
    assert check.mend.startswith("mend the name service here, or correct its address: at lender: `mpcnet keygen lender")


async def look_at_lender(folders: Folders, seconds: float = 0.8, **options: Any) -> tuple[Report, Report]:
    bank, lender = await together(folders, "bank", "lender", seconds=seconds, **options)
    return bank, lender


async def test_wrong_party_at_an_address(folders: Folders) -> None:
    ports = {name: folders.roster("bank").party(name).port for name in folders.files}
    for name in folders.files:
        swapped = [
            dataclasses.replace(folders.roster(name).party(one), port=ports[other])
            for one, other in (("bureau", "lender"), ("lender", "bureau"))
        ]
        folders.write_roster(name, *swapped)
    bank, _ = await look_at_lender(folders)
    assert of(bank, "identity", "bureau").found == "lender answers there"
    assert "at bureau: `mpcnet keygen bureau --renew --address HOST:PORT`; " in of(bank, "identity", "bureau").mend


async def test_unknown_party_at_an_address_is_asked_nothing(folders: Folders) -> None:
    folders.write_identity("lender", Identity.create("lender", folders.folder("lender") / "fresh"))
    for name in ("lender", "bureau"):
        own = folders.config("lender").load_identity().certificate
        folders.write_roster(name, dataclasses.replace(folders.roster(name).party("lender"), certificates=(own,)))
    bank, lender = await look_at_lender(folders)
    check = of(bank, "identity", "lender")
    assert check.found.startswith("shows a certificate that is not in the roster, sha256:")
    assert f"`mpcnet roster add lender.public.toml --roster {folders.config('bank').roster} --new-key`" in check.mend
    assert of(lender, "accepted", "bank").found.endswith("is not in its roster")
    assert of(lender, "accepted", "bank").mend == "bank runs `mpcnet roster add lender.public.toml`"


async def test_renewed_certificate_that_has_not_arrived(folders: Folders) -> None:
    odd = folders.folder("lender") / "odd"
    entries = [identity_of(odd, "lender", -9, 90).certificate, identity_of(odd, "lender", -1, 200).certificate]
    for name, certificates in (("bank", entries[:1]), ("lender", entries)):
        entry = dataclasses.replace(folders.roster(name).party("lender"), certificates=tuple(certificates))
        folders.write_roster(name, entry)
    folders.config("lender").identity.write_bytes((odd / "identity.key").read_bytes())
    folders.config("lender").certificate.write_text(entries[1].pem)
    bank, _ = await look_at_lender(folders)
    check = of(bank, "identity", "lender")
    assert check.found == "shows a new certificate that is not in this roster"
    assert check.mend.endswith(f"`mpcnet roster add lender.public.toml --roster {folders.config('bank').roster}`")


@pytest.mark.parametrize(
    ("start", "end", "found", "mend"),
    [(-10, -5, "expired on", "mpcnet keygen lender --renew"), (5, 10, "is not valid before", "timedatectl set-ntp")],
)
async def test_dates_of_the_other_are_found(folders: Folders, start: float, end: float, found: str, mend: str) -> None:
    folders.write_identity("lender", identity_of(folders.folder("lender") / "odd", "lender", start, end))
    own = Identity.load(folders.config("lender").identity, folders.config("lender").certificate, check_time=False)
    for name in folders.files:
        entry = dataclasses.replace(folders.roster(name).party("lender"), certificates=(own.certificate,))
        folders.write_roster(name, entry)
    bank, lender = await look_at_lender(folders)
    for check in (of(bank, "tls", "lender"), of(bank, "certificate", "lender"), of(lender, "certificate")):
        assert check.state == State.MEND
        assert found in check.found
        assert mend in check.mend
    assert of(bank, "identity", "lender").state == State.WELL  # its key is right
    assert "refused this party's certificate as" in of(lender, "accepted", "bank").found


async def test_other_roster_is_found_with_the_entry(folders: Folders) -> None:
    bureau = folders.roster("lender").party("bureau")
    folders.write_roster("lender", dataclasses.replace(bureau, port=9))
    bank, _ = await look_at_lender(folders)
    check = of(bank, "roster", "lender")
    assert check.state == State.MEND
    assert check.found.endswith("here: in the entry of bureau")
    folders.sockets |= {name: bound_socket_at(folders, name) for name in ("bank", "lender")}
    third = Identity.create("shop", folders.folder("lender") / "shop").certificate
    folders.write_roster("lender", bureau, Party("shop", "127.0.0.1", 9, (third,)))
    bank, _ = await look_at_lender(folders)
    assert of(bank, "roster", "lender").found.endswith("here: it has more entries")


@pytest.mark.parametrize(
    ("change", "name", "state", "found"),
    [
        ({"version": 9}, "version", State.MEND, "speaks version 9 of the protocol, this party 1"),
        ({"release": "7.0\x1b[31m"}, "version", State.WARN, "mpcnet 7.0 [31m there, "),
        ({"time": 60.0}, "clock", State.WARN, "ahead of this machine's clock"),
        ({"time": -1e6}, "clock", State.MEND, "12 days behind this machine's clock"),
        ({"job": b"j" * 32}, "job", State.MEND, f"{'6a' * 8} there, "),
    ],
)
async def test_answers_are_compared(
    folders: Folders, monkeypatch: pytest.MonkeyPatch, change: dict[str, Any], name: str, state: State, found: str
) -> None:
    honest = greeting.make_answer

    def other(version: int, release: str, roster: Any, job: bytes, kind: str) -> Answer:
        answer = honest(version, release, roster, job, kind)
        for key, value in change.items():
            setattr(answer, key, time.time() + value if key == "time" else value)  # from now, not from the collection
        return answer

    monkeypatch.setattr(greeting, "make_answer", other)
    bank, _ = await look_at_lender(folders, job_digest=bytes(range(32)))
    check = of(bank, name, "lender")
    assert check.state == state
    assert check.found.startswith(found) or check.found.endswith(found)


async def test_port_in_use_and_no_way_back(folders: Folders) -> None:
    """Another program has bank's port: bank's doctor looks at the lender, who cannot look back."""
    taken = folders.sockets.pop("bank")
    taken.listen()
    reports = await asyncio.gather(
        examine(folders.files["bank"], wait_seconds=0.4),
        examine(folders.files["lender"], wait_seconds=0.4, listen_socket=folders.sockets.pop("lender")),
    )
    taken.close()
    check = of(reports[0], "port")
    assert check.state == State.WARN
    assert "address already in use" in check.found.lower()
    assert of(reports[0], "bandwidth", "lender").state == State.WELL
    check = of(reports[1], "tls", "bank")  # whoever it is does not go on
    assert (check.state, check.found) == (State.AWAY, "does not go on in the TLS handshake")
    assert check.mend.startswith("end what hangs there and start it again; if that is not bank, correct its address")


async def test_address_that_is_not_of_this_machine(folders: Folders) -> None:
    folders.sockets.pop("bank").close()
    path = folders.files["bank"]
    path.write_text(path.read_text().replace("\nroster", '\nlisten = "192.0.2.1:7001"\nroster', 1))
    report = await examine(path, wait_seconds=0)
    check = of(report, "port")
    assert check.state == State.MEND
    assert "192.0.2.1:7001: Cannot assign requested address" in check.found
    assert f'write listen = "0.0.0.0:7001" into {path}' in check.mend
    assert not report.own_is_well


async def test_slow_line_is_warned_about(folders: Folders, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(look, "SLOW_SECONDS", 0.0)
    monkeypatch.setattr(look, "SLOW_RATE", 1e15)
    bank, _ = await look_at_lender(folders, seconds=3.0)  # the lender's doctor must not leave before the last question
    for name in ("round trip", "bandwidth"):
        assert of(bank, name, "lender").state == State.WARN
        assert "takes long" in of(bank, name, "lender").mend


async def test_party_that_cannot_reach_this_one(folders: Folders) -> None:
    entry = folders.roster("lender").party("bank")
    folders.write_roster("lender", dataclasses.replace(entry, port=9))
    bank, _ = await look_at_lender(folders)
    check = of(bank, "way back", "lender")
    assert check.state == State.WARN
    assert "lender is there, but did not reach this party" in check.found


async def test_strangers_meanwhile_are_counted(folders: Folders) -> None:
    async def knock() -> None:
        await asyncio.sleep(0.1)
        _, writer = await asyncio.open_connection("127.0.0.1", folders.roster("bank").party("bank").port)
        writer.write(b"GET / HTTP/1.1\r\n\r\n")
        await writer.drain()
        writer.close()

    folders.sockets["bank"].listen()
    (report,), _ = await asyncio.gather(together(folders, "bank", seconds=0.6), knock())
    assert "one connection by strangers meanwhile" in of(report, "strangers").found


def test_every_check_is_documented() -> None:
    root = Path(__file__).parents[2]
    sources = "".join(path.read_text(encoding="utf-8") for path in (root / "mpcnet" / "doctor").glob("*.py"))
    made = set(re.findall(r'\b(?:add|_add|_end)\(\s*"([a-z ]+)", ', sources))
    made |= set(re.findall(r'"(signature|policy|key)"', sources))
    page = (root / "docs" / "operating.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| ([a-z, ]+) \| ", page.partition("## Before a run")[2].partition("\n## ")[0], re.M)
    documented = {name for row in rows for name in row.split(", ")} - {"check", "exit code"}
    assert documented == made
