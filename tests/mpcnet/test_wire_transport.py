"""A mesh over real sockets and TLS: parties that connect, and parties that mean something else."""

from __future__ import annotations

import asyncio
import hashlib
import os
from pathlib import Path

import pytest

from mpcnet.errors import ConnectFailed, FrameError, HandshakeFailed, MPCNetError
from mpcnet.identity import Identity
from mpcnet.roster import Party, Roster
from mpcnet.wire.driver import SocketTransport
from tests.kit.certificates import identity_of
from tests.kit.network import (
    Net,
    bound_socket,
    close_links,
    gather_errors,
    greet,
    make_net,
    make_roster,
)


async def free_port() -> int:
    with bound_socket() as sock:
        return int(sock.getsockname()[1])


@pytest.mark.parametrize("order", ["bank bureau lender", "lender bureau bank", "bureau lender bank"])
async def test_parties_connect_in_any_order(net: Net, order: str) -> None:
    names = order.split()
    tasks = {}
    for name in names:
        tasks[name] = asyncio.ensure_future(net.connect(name))
        await asyncio.sleep(0.15)
    meshes = {name: await task for name, task in tasks.items()}
    assert len({session_id for _, session_id in meshes.values()}) == 1
    for name, (links, _) in meshes.items():
        assert set(links) == set(names) - {name}
        kinds = [event.kind for event in net.events[name]]
        assert kinds[0] == "listening"
        assert kinds.count("connected") == 2
        assert kinds[-1] == "standing"

    async def talk(me: str, you: str) -> None:
        channel = meshes[me][0][you].channel("talk")
        await channel.send(me.encode())
        assert bytes(await channel.receive(len(you))) == you.encode()

    await asyncio.gather(*(talk(me, you) for me in names for you in names if me != you))
    await close_links(*(links for links, _ in meshes.values()))


async def test_sessions_differ(net: Net, tmp_path: Path) -> None:
    meshes = await net.connect_all()
    await close_links(*(links for links, _ in meshes.values()))
    again = make_net(tmp_path / "again", "bank", "bureau", "lender")
    others = await again.connect_all()
    assert others["bank"][1] != meshes["bank"][1]
    await close_links(*(links for links, _ in others.values()))


async def test_the_port_closes_when_the_mesh_stands(net: Net) -> None:
    meshes = await net.connect_all()
    for name in meshes:
        with pytest.raises(ConnectionRefusedError):
            await asyncio.open_connection("127.0.0.1", net.port(name))
    await close_links(*(links for links, _ in meshes.values()))


async def test_large_messages_both_ways_on_several_channels(net: Net) -> None:
    meshes = await net.connect_all(liveness_seconds=600.0)  # no heartbeat wakes what is stuck
    here, there = meshes["bank"][0]["lender"], meshes["lender"][0]["bank"]
    data = os.urandom(6_000_000)
    digest = hashlib.sha256(data).digest()
    jobs = []
    for label in "abc":
        one, two = here.channel(label), there.channel(label)
        jobs += [one.send(data), two.send(data), one.receive(len(data)), two.receive(len(data))]
    for result in await asyncio.gather(*jobs):
        assert result is None or hashlib.sha256(result).digest() == digest
    assert here.stats.wire_sent > here.bytes_sent > 18_000_000
    await close_links(*(links for links, _ in meshes.values()))


async def test_data_sent_before_the_others_mesh_stands_is_kept(net: Net) -> None:
    async def first_to_finish(name: str) -> tuple[dict[str, object], bytes]:
        links, session_id = await net.connect(name)
        for link in links.values():
            await link.channel("early").send(name.encode())
        return links, session_id

    names = net.roster.names
    meshes = await asyncio.gather(*(first_to_finish(name) for name in names))
    for me, (links, _) in zip(names, meshes, strict=True):
        for peer, link in links.items():
            assert me != peer
            with pytest.raises(ValueError, match="used before"):
                link.channel("early")
    await close_links(*(links for links, _ in meshes))


async def test_a_host_name_is_resolved(net: Net) -> None:
    parties = tuple(Party(p.name, "localhost", p.port, p.certificates) for p in net.roster.parties)
    meshes = await net.connect_all(roster=Roster(parties))
    await close_links(*(links for links, _ in meshes.values()))


# ---- somebody means something else


async def test_another_roster_ends_it_at_once_on_both_sides(net: Net) -> None:
    ports = {name: net.port(name) for name in net.roster.names}
    other = make_roster(net.identities, {**ports, "bureau": await free_port()})
    errors = await gather_errors(net.connect("bank"), net.connect("lender", roster=other))
    assert all(isinstance(error, HandshakeFailed) for error in errors)
    assert str(errors[0]).startswith("lender: has another roster (")
    assert str(errors[1]).startswith("bank: has another roster (")


async def test_another_job_ends_it_at_once_and_a_third_party_hears_of_it(net: Net) -> None:
    bureau = asyncio.ensure_future(net.connect("bureau"))
    bank = asyncio.ensure_future(net.connect("bank"))
    await net.until("bank", "connected")
    errors = await gather_errors(bank, bureau, net.connect("lender", job=bytes(32)))
    texts = [str(error) for error in errors]
    assert sum(isinstance(error, HandshakeFailed) for error in errors) >= 2
    assert all("means another job (" in text for text in texts)
    assert "lender" in texts[0]
    assert "lender" in texts[1]


@pytest.mark.parametrize("odd", ["bank", "bureau", "lender"])
async def test_who_means_another_job_is_named_to_those_that_are_not_linked_yet(net: Net, odd: str) -> None:
    """All come at once, so that two may have given up before they have a link to the third."""
    others = [name for name in net.roster.names if name != odd]
    errors = await gather_errors(*(net.connect(name) for name in others), net.connect(odd, job=bytes(32)))
    texts = {str(error) for error in errors[:2]}
    assert len(texts) == 1, texts
    assert texts.pop().startswith(f"{odd}: means another job (")


async def test_who_comes_when_the_others_have_given_up_hears_why(net: Net) -> None:
    early = asyncio.gather(net.connect("bank"), net.connect("lender", job=bytes(32)), return_exceptions=True)
    await asyncio.sleep(0.3)
    (late,) = await gather_errors(net.connect("bureau"))
    assert isinstance(late, MPCNetError)
    assert "means another job (" in str(late)
    assert {type(error) for error in await early} == {HandshakeFailed}


async def test_a_certificate_that_is_not_in_the_roster_is_refused(net: Net, tmp_path: Path) -> None:
    fresh = Identity.create("lender", tmp_path / "changed")
    errors = await gather_errors(net.connect("bank", connect_seconds=1.0), net.connect("lender", identity=fresh))
    assert isinstance(errors[1], HandshakeFailed)
    text = f"bank: at 127.0.0.1:{net.port('bank')} refused this party's certificate, which is not in its roster"
    assert str(errors[1]).startswith(text)
    assert isinstance(errors[0], ConnectFailed)  # for all that bank can tell it was a stranger
    assert "lender: never connected to" in str(errors[0])
    assert "shows a certificate that is not in the roster" in str(errors[0])


async def test_a_dialler_finds_a_changed_certificate(net: Net, tmp_path: Path) -> None:
    fresh = Identity.create("bank", tmp_path / "changed")
    errors = await gather_errors(net.connect("bank", identity=fresh, connect_seconds=1.0), net.connect("lender"))
    assert isinstance(errors[1], HandshakeFailed)
    assert errors[1].peer == "bank"
    assert "shows a certificate that is not in the roster" in str(errors[1])
    assert isinstance(errors[0], ConnectFailed)
    assert "refused this party's certificate, which is not in its roster" in str(errors[0])


@pytest.mark.parametrize(
    ("start", "end", "here", "there"),
    [
        (-10, -5, "certificate that has expired", "refused this party's certificate as expired"),
        (5, 10, "certificate that is not valid yet", "refused this party's certificate as not valid"),
    ],
    ids=["expired", "early"],
)
async def test_a_certificate_out_of_its_time(
    net: Net, tmp_path: Path, start: int, end: int, here: str, there: str
) -> None:
    odd = identity_of(tmp_path / "odd", "bank", start, end)
    identities = {**net.identities, "bank": odd}
    roster = make_roster(identities, {name: net.port(name) for name in identities})
    bank = net.connect("bank", identity=odd, roster=roster, connect_seconds=1.0)
    errors = await gather_errors(bank, net.connect("lender", roster=roster))
    assert isinstance(errors[1], HandshakeFailed)
    assert here in str(errors[1])
    assert isinstance(errors[0], ConnectFailed)
    assert there in str(errors[0])


async def test_swapped_addresses_are_named_on_both_sides(net: Net) -> None:
    ports = {"bank": net.port("bureau"), "bureau": net.port("bank"), "lender": net.port("lender")}
    swapped = make_roster(net.identities, ports)
    errors = await gather_errors(net.connect("bank", roster=swapped), net.connect("lender", roster=swapped))
    assert isinstance(errors[1], HandshakeFailed)
    assert str(errors[1]).startswith(f"bureau: at 127.0.0.1:{net.port('bank')} answers bank; the roster has a wrong")
    assert isinstance(errors[0], HandshakeFailed)
    assert str(errors[0]).startswith("lender: refused this party: at 127.0.0.1:")


async def test_garbage_from_a_party_of_the_roster_is_named(net: Net) -> None:
    bank = asyncio.ensure_future(net.connect("bank"))
    guest = await greet(net, "lender", "bank")
    transport = SocketTransport(guest.sock, guest.tls)
    transport.write([b"\xff" * 100])
    transport._flush()
    (error,) = await gather_errors(bank)
    assert isinstance(error, FrameError)
    assert str(error) == "lender: frame of unknown kind 255 (seen by bank)"
    transport.kill()


async def test_two_nonces_for_two_peers_are_found_out(net: Net) -> None:
    """The lender keeps two conversations with different nonces; bank and bureau notice when they compare."""
    bank, bureau = (asyncio.ensure_future(net.connect(name)) for name in ("bank", "bureau"))
    guests = [await greet(net, "lender", "bank", nonce=b"1" * 32)]
    guests.append(await greet(net, "lender", "bureau", nonce=b"2" * 32))
    transports = [SocketTransport(guest.sock, guest.tls) for guest in guests]
    errors = await gather_errors(bank, bureau)
    assert any(isinstance(error, HandshakeFailed) for error in errors)
    for error in errors:
        assert isinstance(error, MPCNetError)
        assert error.peer == "lender"
        assert "another nonce than" in str(error)
    for transport in transports:
        transport.kill()
