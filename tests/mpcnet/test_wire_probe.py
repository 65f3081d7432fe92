"""A look at a party: questions and answers without a network, and what strangers get."""

from __future__ import annotations

import asyncio
import ssl
import time
from pathlib import Path

import msgpack
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mpcnet.errors import FrameError
from mpcnet.identity import Identity
from mpcnet.roster import Roster
from mpcnet.wire.frames import MAX_CONTROL_BYTES, MAX_DATA_BYTES, Kind, pack_frame, pack_header
from mpcnet.wire.probe import BUDGET_BYTES, WAITING, Answer, Answerer, Asker, make_answer
from tests.kit.network import Net, gather_errors, make_roster


@pytest.fixture(scope="module")
def roster(tmp_path_factory: pytest.TempPathFactory) -> Roster:
    folder: Path = tmp_path_factory.mktemp("identities")
    names = [f"party-{'x' * 20}{i}" for i in range(10)]
    identities = {name: Identity.create(name, folder / name) for name in names}
    return make_roster(identities, {name: 7001 + i for i, name in enumerate(names)})


def answerer(roster: Roster) -> Answerer:
    return Answerer(lambda: make_answer(1, "1.2", roster, b"j" * 32, WAITING), "bank")


def test_questions_are_answered_in_order(roster: Roster) -> None:
    asker, other = Asker("lender"), answerer(roster)
    for n_bytes, wanted in ((0, 0), (5, 7), (MAX_DATA_BYTES, MAX_DATA_BYTES)):
        reply = other.feed(asker.ask(n_bytes, wanted))
        assert wanted < len(reply) < wanted + MAX_CONTROL_BYTES
        asker.feed(reply)
    assert asker.fillers == len(asker.answers) == 3
    answer = asker.answers[0]
    assert answer.roster == roster.digest
    assert answer.entries == [party.digest for party in roster.parties]
    assert (answer.version, answer.release, answer.job, answer.state) == (1, "1.2", b"j" * 32, "waiting")
    assert abs(answer.time - time.time()) < 60


def test_answer_of_the_largest_roster_fits(roster: Roster) -> None:
    assert len(roster.parties) == 10
    assert len(answerer(roster).feed(Asker("x").ask())) < MAX_CONTROL_BYTES


def test_too_much_is_refused(roster: Roster) -> None:
    with pytest.raises(FrameError, match="asks for 262145 bytes"):
        answerer(roster).feed(pack_header(Kind.PROBE, 0, argument=MAX_DATA_BYTES + 1))
    other, asker = answerer(roster), Asker("x")
    for _ in range(BUDGET_BYTES // MAX_DATA_BYTES):
        other.feed(asker.ask(0, MAX_DATA_BYTES))
    with pytest.raises(FrameError, match=f"more than {BUDGET_BYTES} bytes in one look"):
        other.feed(asker.ask(0, MAX_DATA_BYTES))
    for _ in range(BUDGET_BYTES // MAX_DATA_BYTES):
        asker.ask(MAX_DATA_BYTES)
    with pytest.raises(FrameError, match="more than"):
        asker.ask(MAX_DATA_BYTES)


@pytest.mark.parametrize("kind", [Kind.HELLO, Kind.PING, Kind.FILLER, Kind.GOODBYE])
def test_nothing_else_in_a_look(roster: Roster, kind: Kind) -> None:
    with pytest.raises(FrameError, match="in the middle of a look"):
        answerer(roster).feed(pack_frame(kind, b"x" if kind == Kind.HELLO else b""))


@given(
    st.one_of(st.binary(min_size=1, max_size=100), st.dictionaries(st.text(max_size=8), st.binary()).map(msgpack.packb))
)
def test_answers_of_the_wrong_form(payload: bytes) -> None:
    with pytest.raises(FrameError, match="bank: sent an ANSWER frame of the wrong form"):
        Asker("bank").feed(pack_frame(Kind.ANSWER, payload))


def test_answer_from_no_time() -> None:
    fields = {"version": 1, "release": "", "roster": b"", "entries": [], "job": b"", "state": ""}
    for odd in (float("nan"), float("inf"), -1e300):
        with pytest.raises(FrameError, match="wrong form"):
            Asker("bank").feed(pack_frame(Kind.ANSWER, msgpack.packb(fields | {"time": odd})))
    Asker("bank").feed(pack_frame(Kind.ANSWER, msgpack.packb(fields | {"time": 1.0, "later": 7})))
    assert Answer(1, "", b"", [], b"", 1.0, "").release == ""


async def test_stranger_learns_nothing(net: Net) -> None:
    """Without a certificate of the roster there is no answer but a TLS alert."""
    bank = asyncio.ensure_future(net.connect("bank"))
    await net.until("bank", "listening")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    reader, writer = await asyncio.open_connection("127.0.0.1", net.port("bank"), ssl=context)
    writer.write(Asker("bank").ask())
    with pytest.raises(ssl.SSLError, match="ALERT"):
        await reader.read(100)
    writer.close()
    await gather_errors(writer.wait_closed())
    assert not any(event.kind == "looked" for event in net.events["bank"])
    bank.cancel()
    await gather_errors(bank)
