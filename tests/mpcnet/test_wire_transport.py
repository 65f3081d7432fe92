"""A mesh over real sockets and TLS: who gets in, who does not, and what everybody is told."""

from __future__ import annotations

import asyncio
import datetime
import hashlib
import os
import signal
import socket
import ssl
import sys
import textwrap
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from mpcnet.errors import ConnectFailed, FrameError, HandshakeFailed, MPCNetError, PeerAborted, PeerDisconnected
from mpcnet.identity import Identity, read_certificates
from mpcnet.roster import Party, Roster
from mpcnet.wire import lobby
from mpcnet.wire.driver import SocketTransport
from mpcnet.wire.greeting import Greeter, Guest
from mpcnet.wire.transport import connect_mesh
from tests.kit.network import (
    JOB,
    Net,
    bound_socket,
    close_links,
    gather_errors,
    make_net,
    make_roster,
    nothing_left,
)


@pytest.fixture
async def net(tmp_path: Path) -> AsyncIterator[Net]:
    """Three parties; whatever a test does, no task and no file stays behind."""
    async with nothing_left():
        made = make_net(tmp_path, "bank", "bureau", "lender")
        yield made
        made.close()


async def free_port() -> int:
    with bound_socket() as sock:
        return int(sock.getsockname()[1])


async def _greet(net: Net, me: str, peer: str, job: bytes = JOB, nonce: bytes = b"n" * 32) -> Guest:
    """Dial a peer and do the whole handshake by hand."""
    greeter = Greeter(net.identities[me], net.roster, job, nonce)
    while True:
        sock = socket.socket()
        sock.setblocking(False)
        try:
            await asyncio.get_running_loop().sock_connect(sock, ("127.0.0.1", net.port(peer)))
        except ConnectionRefusedError:
            sock.close()
            await asyncio.sleep(0.01)
            continue
        return await greeter.greet(sock, net.roster.party(peer), where="there")


# ---- it works


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


async def test_a_certificate_that_is_not_in_the_roster_is_refused(net: Net, tmp_path: Path) -> None:
    fresh = Identity.create("lender", tmp_path / "changed")
    errors = await gather_errors(net.connect("bank", connect_seconds=1.0), net.connect("lender", identity=fresh))
    assert isinstance(errors[1], HandshakeFailed)
    text = f"bank: at 127.0.0.1:{net.port('bank')} refused this party's certificate: its roster holds another"
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
    assert "refused this party's certificate: its roster holds another" in str(errors[0])


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
    odd = make_identity(tmp_path / "odd", "bank", start, end)
    identities = {**net.identities, "bank": odd}
    roster = make_roster(identities, {name: net.port(name) for name in identities})
    bank = net.connect("bank", identity=odd, roster=roster, connect_seconds=1.0)
    errors = await gather_errors(bank, net.connect("lender", roster=roster))
    assert isinstance(errors[1], HandshakeFailed)
    assert here in str(errors[1])
    assert isinstance(errors[0], ConnectFailed)
    assert there in str(errors[0])


def make_identity(folder: Path, name: str, start: int, end: int) -> Identity:
    """An identity whose certificate is valid from one day to another, counted from today."""
    key = Ed25519PrivateKey.generate()
    subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])
    now = datetime.datetime.now(datetime.UTC)
    certificate = (
        x509.CertificateBuilder(subject_name=subject, issuer_name=subject, public_key=key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now + datetime.timedelta(days=start))
        .not_valid_after(now + datetime.timedelta(days=end))
        .sign(key, None)
    )
    folder.mkdir()
    (folder / "c.pem").write_bytes(certificate.public_bytes(Encoding.PEM))
    (folder / "k.pem").write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    (folder / "k.pem").chmod(0o600)
    (read,) = read_certificates((folder / "c.pem").read_text(), "test")
    assert read.name == name
    return Identity.load(folder / "k.pem", folder / "c.pem", check_time=False)


async def test_swapped_addresses_are_named_on_both_sides(net: Net) -> None:
    ports = {"bank": net.port("bureau"), "bureau": net.port("bank"), "lender": net.port("lender")}
    swapped = make_roster(net.identities, ports)
    errors = await gather_errors(net.connect("bank", roster=swapped), net.connect("lender", roster=swapped))
    assert isinstance(errors[1], HandshakeFailed)
    assert str(errors[1]).startswith(f"bureau: at 127.0.0.1:{net.port('bank')} answers bank; mend the addresses")
    assert isinstance(errors[0], HandshakeFailed)
    assert str(errors[0]).startswith("lender: refused this party: at 127.0.0.1:")


async def test_garbage_from_a_party_of_the_roster_is_named(net: Net) -> None:
    bank = asyncio.ensure_future(net.connect("bank"))
    guest = await _greet(net, "lender", "bank")
    transport = SocketTransport(guest.sock, guest.tls)
    transport.write([b"\xff" * 100])
    transport._flush()
    (error,) = await gather_errors(bank)
    assert isinstance(error, FrameError)
    assert str(error) == "lender: frame of unknown kind 255"
    transport.kill()


async def test_two_nonces_for_two_peers_are_found_out(net: Net) -> None:
    """The lender keeps two conversations with different nonces; bank and bureau notice when they compare."""
    bank, bureau = (asyncio.ensure_future(net.connect(name)) for name in ("bank", "bureau"))
    guests = [await _greet(net, "lender", "bank", nonce=b"1" * 32)]
    guests.append(await _greet(net, "lender", "bureau", nonce=b"2" * 32))
    transports = [SocketTransport(guest.sock, guest.tls) for guest in guests]
    errors = await gather_errors(bank, bureau)
    assert any(isinstance(error, HandshakeFailed) for error in errors)
    for error in errors:
        assert isinstance(error, MPCNetError)
        assert error.peer == "lender"
        assert "another nonce than" in str(error)
    for transport in transports:
        transport.kill()


# ---- somebody is not there


async def test_who_never_comes_is_named_with_the_reason(net: Net) -> None:
    errors = await gather_errors(net.connect("bureau", connect_seconds=0.6), net.connect("lender", connect_seconds=5.0))
    assert isinstance(errors[0], ConnectFailed)
    text = f"not all parties were there within 0.6 s: bank: at 127.0.0.1:{net.port('bank')} nobody listens"
    assert str(errors[0]).startswith(text)
    assert "lender" not in str(errors[0])
    assert errors[0].peer == "bank"
    assert isinstance(errors[1], PeerAborted)  # long before its own deadline
    assert errors[1].culprit == "bank"
    assert "not all parties were there within 0.6 s" in errors[1].reason


async def test_everybody_who_never_comes_is_named(net: Net) -> None:
    (error,) = await gather_errors(net.connect("bureau", connect_seconds=0.3))
    assert isinstance(error, ConnectFailed)
    assert "bank: at 127.0.0.1:" in str(error)
    assert "; lender: never connected to 127.0.0.1:" in str(error)


async def test_a_port_in_use_is_named(net: Net) -> None:
    net.sockets["bank"].listen()
    (error,) = await gather_errors(
        connect_mesh(net.identities["bank"], net.roster, JOB, connect_seconds=5, liveness_seconds=5)
    )
    assert isinstance(error, ConnectFailed)
    text = f"bank: cannot listen on 127.0.0.1:{net.port('bank')}: address already in use; is another program"
    assert str(error).startswith(text)


async def test_a_given_socket_whose_port_is_in_use_is_named(net: Net) -> None:
    given = net.sockets["bank"]
    with socket.socket() as other:  # both may be bound as long as neither listens
        other.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        other.bind(given.getsockname())
        other.listen()
        (error,) = await gather_errors(net.connect("bank"))
    assert isinstance(error, ConnectFailed)
    assert "bank: cannot listen on the socket it was given: address already in use" in str(error)
    assert given.fileno() == -1


async def test_a_foreign_address_cannot_be_listened_on(net: Net) -> None:
    parties = tuple(Party(p.name, f"192.0.2.{i + 1}", p.port, p.certificates) for i, p in enumerate(net.roster.parties))
    (error,) = await gather_errors(
        connect_mesh(net.identities["bank"], Roster(parties), JOB, connect_seconds=5, liveness_seconds=5)
    )
    assert isinstance(error, ConnectFailed)
    assert "bank: cannot listen on 192.0.2.1" in str(error)
    assert "party.toml" in str(error)


async def test_a_service_that_is_no_party_is_told_apart(net: Net) -> None:
    async def web(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(10)
        writer.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")
        writer.close()
        await writer.wait_closed()

    server = await asyncio.start_server(web, sock=net.sockets.pop("bank"))
    (error,) = await gather_errors(net.connect("lender", connect_seconds=0.5))
    server.close()
    await server.wait_closed()
    assert f"bank: at 127.0.0.1:{net.port('bank')} does not speak TLS" in str(error)


async def test_a_service_that_closes_is_told_apart(net: Net) -> None:
    async def shut(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.close()
        await writer.wait_closed()

    server = await asyncio.start_server(shut, sock=net.sockets.pop("bank"))
    (error,) = await gather_errors(net.connect("lender", connect_seconds=0.5))
    server.close()
    await server.wait_closed()
    assert f"bank: at 127.0.0.1:{net.port('bank')} c" in str(error)  # closed the connection, or connection lost


async def test_giving_up_while_connecting_leaves_nothing(net: Net) -> None:
    tasks = [asyncio.ensure_future(net.connect(name)) for name in ("bank", "lender")]
    await net.until("bank", "connected")
    await net.until("lender", "connected")
    tasks[0].cancel()
    errors = await gather_errors(*tasks)
    assert isinstance(errors[0], asyncio.CancelledError)
    assert isinstance(errors[1], PeerAborted)
    assert str(errors[1]) == "bank ended the run: it was cancelled while it connected"


async def test_an_error_of_the_display_ends_the_attempt(net: Net) -> None:
    def show(event: object) -> None:
        raise RuntimeError("the terminal is gone")

    with pytest.raises(RuntimeError, match="the terminal is gone"):
        await connect_mesh(
            net.identities["bank"],
            net.roster,
            JOB,
            connect_seconds=5,
            liveness_seconds=5,
            listen_socket=net.sockets.pop("bank"),
            on_event=show,
        )


# ---- lost and found


async def test_a_party_that_restarts_while_others_wait_is_taken_back(net: Net) -> None:
    bank = asyncio.ensure_future(net.connect("bank"))
    guest = await _greet(net, "lender", "bank")
    guest.sock.close()
    await net.until("bank", "lost")
    meshes = await asyncio.gather(bank, net.connect("bureau"), net.connect("lender"))
    await close_links(*(links for links, _ in meshes))


async def test_the_same_process_may_dial_again(net: Net) -> None:
    bank = asyncio.ensure_future(net.connect("bank"))
    first = await _greet(net, "lender", "bank")
    second = await _greet(net, "lender", "bank")
    assert await asyncio.get_running_loop().sock_recv(first.sock, 1 << 16) is not None
    await asyncio.sleep(0.05)
    first.sock.close()
    await asyncio.sleep(0.05)
    assert not bank.done()
    assert [event.kind for event in net.events["bank"]].count("lost") == 0
    bank.cancel()
    await gather_errors(bank)
    second.sock.close()


async def test_a_second_process_of_a_party_is_refused(net: Net) -> None:
    bank = asyncio.ensure_future(net.connect("bank"))
    first = await _greet(net, "lender", "bank")
    net.sockets["lender"].close()
    net.sockets["lender"] = bound_socket()
    (error,) = await gather_errors(net.connect("lender"))
    assert isinstance(error, PeerAborted)
    assert error.culprit == "lender"
    assert "is connected already; does another process run with the same identity?" in str(error)
    assert not bank.done()
    bank.cancel()
    await gather_errors(bank)
    first.sock.close()


# ---- strangers


async def test_strangers_do_not_stop_or_stay(net: Net, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lobby, "MAX_STRANGERS", 16)
    bank = asyncio.ensure_future(net.connect("bank"))
    await net.until("bank", "listening")
    address = ("127.0.0.1", net.port("bank"))
    hello = _client_hello()
    endless = b"\x16\x03\x01\xff\xff" + bytes(70_000)
    kinds = [b"GET / HTTP/1.1\r\nHost: x\r\n\r\n", os.urandom(300), hello, hello[:40], b"", endless]
    strangers = []
    for number in range(200):
        sock = socket.create_connection(address)
        sock.setblocking(False)
        sock.send(kinds[number % len(kinds)])
        strangers.append(sock)
        if number % 20 == 0:
            await asyncio.sleep(0)
    meshes = await asyncio.gather(bank, net.connect("bureau"), net.connect("lender"))
    assert [event.kind for event in net.events["bank"]][-1] == "strangers"
    assert "connections by strangers came to nothing" in net.events["bank"][-1].detail
    for sock in strangers:
        sock.close()
    await close_links(*(links for links, _ in meshes))


def _client_hello() -> bytes:
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    tls = context.wrap_bio(incoming, outgoing)
    with pytest.raises(ssl.SSLWantReadError):
        tls.do_handshake()
    return outgoing.read()


@pytest.mark.parametrize("certificate", ["none", "own"])
async def test_a_stranger_with_tls_but_no_place_in_the_roster(net: Net, tmp_path: Path, certificate: str) -> None:
    bank = asyncio.ensure_future(net.connect("bank", connect_seconds=1.0))
    await net.until("bank", "listening")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    if certificate == "own":
        stranger = Identity.create("lender", tmp_path / "stranger")
        context.load_cert_chain(stranger.certificate_path, stranger.key_path)
    reader, writer = await asyncio.open_connection("127.0.0.1", net.port("bank"), ssl=context)
    with pytest.raises(ssl.SSLError, match="ALERT"):
        await reader.read(100)
    writer.close()
    await gather_errors(writer.wait_closed())
    (error,) = await gather_errors(bank)
    expected = {"none": "shows no certificate", "own": "shows a certificate that is not in the roster"}
    assert f"(one connection by a stranger came to nothing; the last one {expected[certificate]}" in str(error)


async def test_an_older_tls_is_refused(net: Net) -> None:
    bank = asyncio.ensure_future(net.connect("bank"))
    await net.until("bank", "listening")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    with pytest.raises(ssl.SSLError, match=r"(?i)protocol.version"):
        await asyncio.open_connection("127.0.0.1", net.port("bank"), ssl=context)
    bank.cancel()
    await gather_errors(bank)


async def test_slow_strangers_run_out_of_time(net: Net, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lobby, "HANDSHAKE_SECONDS", 0.2)
    bank = asyncio.ensure_future(net.connect("bank"))
    await net.until("bank", "listening")
    with socket.create_connection(("127.0.0.1", net.port("bank"))) as sock:
        sock.setblocking(False)
        sock.send(_client_hello()[:50])
        loop = asyncio.get_running_loop()
        async with asyncio.timeout(5):
            while await loop.sock_recv(sock, 1000):
                pass
    bank.cancel()
    await gather_errors(bank)


# ---- in the middle


async def test_a_party_that_dies_in_the_middle(net: Net) -> None:
    meshes = await net.connect_all()
    links = {name: links for name, (links, _) in meshes.items()}
    waits = [
        asyncio.ensure_future(links["bank"]["lender"].channel("x").receive(100)),
        asyncio.ensure_future(links["bank"]["lender"].channel("y").send(bytes(50_000_000))),
        asyncio.ensure_future(links["bureau"]["lender"].channel("x").receive(100)),
    ]
    await asyncio.sleep(0.1)
    for link in links["lender"].values():
        link._transport._sock.shutdown(socket.SHUT_RDWR)  # what the kernel does for a process that is killed
        link.kill()
    for error in await gather_errors(*waits):
        assert isinstance(error, PeerDisconnected)
        assert error.peer == "lender"
        assert str(error).startswith("lender: connection lost: ")
    await close_links(*links.values())


async def test_changed_bytes_on_the_way_are_told_apart(net: Net) -> None:
    meshes = await net.connect_all()
    links = {name: links for name, (links, _) in meshes.items()}
    waiting = asyncio.ensure_future(links["bank"]["lender"].channel("x").receive(100))
    await asyncio.sleep(0)
    links["lender"]["bank"]._transport._sock.send(b"\x17\x03\x03\x00\x20" + bytes(32))
    (error,) = await gather_errors(waiting)
    assert isinstance(error, PeerDisconnected)
    assert str(error) == "lender: connection lost: its bytes were changed on the way"
    await close_links(*links.values())


async def test_an_abort_goes_over_the_wire(net: Net) -> None:
    meshes = await net.connect_all()
    links = {name: links for name, (links, _) in meshes.items()}
    waits = [asyncio.ensure_future(links[name]["lender"].channel("x").receive(1)) for name in ("bank", "bureau")]
    stuck = asyncio.ensure_future(links["lender"]["bank"].channel("y").send(bytes(80_000_000)))
    await asyncio.sleep(0.05)
    await asyncio.gather(*(link.abort("a model is missing") for link in links["lender"].values()))
    for error in await gather_errors(*waits):
        assert isinstance(error, PeerAborted)
        assert str(error) == "lender ended the run: a model is missing"
    (error,) = await gather_errors(stuck)
    assert isinstance(error, MPCNetError)
    await close_links(*links.values())


async def test_goodbye_is_no_failure(net: Net) -> None:
    meshes = await net.connect_all()
    links = {name: links for name, (links, _) in meshes.items()}
    await close_links(links["lender"])
    channel = links["bank"]["lender"].channel("x")
    with pytest.raises(PeerDisconnected, match="lender: has finished and left"):
        await channel.receive(1)
    assert links["bank"]["lender"].error is None
    one, two = links["bank"]["bureau"].channel("x"), links["bureau"]["bank"].channel("x")
    await asyncio.gather(one.send(b"on"), two.receive(2))
    await close_links(*links.values())


PEER = """
import asyncio, sys
from pathlib import Path
from mpcnet.identity import Identity
from mpcnet.roster import Roster
from mpcnet.wire.transport import connect_mesh

async def main():
    folder = Path(sys.argv[1])
    identity = Identity.load(folder / "lender" / "identity.key", folder / "lender" / "certificate.pem")
    roster = Roster.loads((folder / "roster.toml").read_text())
    links, _ = await connect_mesh(identity, roster, bytes(range(32)), connect_seconds=30, liveness_seconds=60)
    channel = links["bank"].channel("x")
    await channel.send(b"up")
    await channel.receive(1)

asyncio.run(main())
"""


@pytest.mark.parametrize("how", [signal.SIGSTOP, signal.SIGKILL], ids=["stopped", "killed"])
async def test_a_process_that_stops_or_is_killed(tmp_path: Path, how: signal.Signals) -> None:
    async with nothing_left():
        net = make_net(tmp_path, "bank", "lender")
        net.sockets.pop("lender").close()
        (tmp_path / "roster.toml").write_text(net.roster.dumps())
        (tmp_path / "peer.py").write_text(textwrap.dedent(PEER))
        root = str(Path(__file__).parents[2])
        process = await asyncio.create_subprocess_exec(
            sys.executable, str(tmp_path / "peer.py"), str(tmp_path), env={**os.environ, "PYTHONPATH": root}
        )
        try:
            links, _ = await net.connect("bank", connect_seconds=30.0, liveness_seconds=1.0)
            channel = links["lender"].channel("x")
            assert bytes(await channel.receive(2)) == b"up"
            process.send_signal(how)
            with pytest.raises(PeerDisconnected) as caught:
                await channel.receive(1)
            expected = {signal.SIGSTOP: "lender: silent for 1 s", signal.SIGKILL: "lender: connection lost: "}
            assert str(caught.value).startswith(expected[how])
            await close_links(links)
        finally:
            if process.returncode is None:
                process.kill()
            await process.wait()
