"""A mesh over real sockets and TLS: who does not come, who is lost, and what everybody is told."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import sys
import textwrap
from pathlib import Path

import pytest

from mpcnet.errors import ConnectFailed, MPCNetError, PeerAborted, PeerDisconnected
from mpcnet.roster import Party, Roster
from mpcnet.wire import lobby, transport
from mpcnet.wire.connection import Link
from mpcnet.wire.driver import SocketTransport
from mpcnet.wire.transport import connect_mesh
from tests.kit.network import (
    JOB,
    Net,
    bound_socket,
    close_links,
    gather_errors,
    greet,
    make_net,
    nothing_left,
)


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


async def test_two_others_that_cannot_meet_are_named_with_the_reason(net: Net) -> None:
    """The bureau listens elsewhere: only the lender, which dials it, sees why, and all are told."""
    net.sockets["bureau"].close()
    net.sockets["bureau"] = bound_socket()
    seconds = {"bank": 0.6, "bureau": 0.6, "lender": 0.9}
    errors = await gather_errors(*(net.connect(name, connect_seconds=seconds[name]) for name in seconds))
    reason = f"not all parties were there within 0.9 s: bureau: at 127.0.0.1:{net.port('bureau')} nobody listens"
    for error in errors:
        assert isinstance(error, ConnectFailed | PeerAborted)
        assert error.peer == "bureau"
        assert reason in str(error)
    assert isinstance(errors[2], ConnectFailed)


async def test_a_service_on_the_port_of_a_party_is_told_to_all(net: Net) -> None:
    async def web(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(10)
        writer.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")
        writer.close()
        await writer.wait_closed()

    server = await asyncio.start_server(web, sock=net.sockets.pop("bureau"))
    net.sockets["bureau"] = bound_socket()
    errors = await gather_errors(*(net.connect(name, connect_seconds=0.8) for name in net.roster.names))
    server.close()
    await server.wait_closed()
    for error in errors:
        assert f"bureau: at 127.0.0.1:{net.port('bureau')} does not speak TLS" in str(error)


async def test_who_hears_of_a_deadline_adds_what_it_knows(net: Net, monkeypatch: pytest.MonkeyPatch) -> None:
    """The lender has an hour; the others cannot wait for its reason, but it tells its own user."""
    monkeypatch.setattr(transport, "GRACE_SECONDS", 0.1)
    net.sockets["bureau"].close()
    net.sockets["bureau"] = bound_socket()
    seconds = {"bank": 0.7, "bureau": 5.0, "lender": 3600.0}
    errors = await gather_errors(*(net.connect(name, connect_seconds=seconds[name]) for name in seconds))
    bank, bureau, lender = errors
    assert str(bank) == (
        "not all parties were there within 0.7 s: bureau: is connected, but still waits for lender; "
        "lender: is connected, but still waits for bureau"
    )
    at = f"127.0.0.1:{net.port('bureau')}"
    assert f"; seen from lender, bureau: at {at} nobody listens (connection refused)" in str(lender)
    assert f"; seen from bureau, lender: never connected to {at}; not started, or unable to reach it?" in str(bureau)


async def test_who_is_blamed_wrongly_is_vouched_for(net: Net) -> None:
    """The bureau's deadline comes first, and bank knows that the lender is there."""
    net.sockets["bureau"].close()
    net.sockets["bureau"] = bound_socket()
    bank = asyncio.ensure_future(net.connect("bank"))
    guest = await greet(net, "bureau", "bank")
    lender = asyncio.ensure_future(net.connect("lender"))
    await net.until("lender", "connected")
    await net.until("lender", "waiting")
    tls = SocketTransport(guest.sock, guest.tls, guest.rest)
    link = Link("bureau", "bank", tls, liveness_seconds=5.0)
    link.start()
    await link.abort(f"{transport.TOO_LATE} 1 s: lender: never connected", culprit="lender")
    for error in await gather_errors(bank, lender):
        assert "because of lender: not all parties were there within 1 s: lender: never connected" in str(error)
        assert "; seen from bank, lender: is connected" in str(error)


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
    assert "; set `listen` in party.toml to an address of this machine" in str(error)
    assert "another program" not in str(error)


async def test_an_unknown_host_cannot_be_listened_on(net: Net, monkeypatch: pytest.MonkeyPatch) -> None:
    async def resolve(host: str, port: int) -> list[object]:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(lobby, "resolve", resolve)
    parties = tuple(Party(p.name, "no.such.host.invalid", p.port, p.certificates) for p in net.roster.parties)
    (error,) = await gather_errors(
        connect_mesh(net.identities["bank"], Roster(parties), JOB, connect_seconds=5, liveness_seconds=5)
    )
    assert isinstance(error, ConnectFailed)
    assert f"no.such.host.invalid:{net.port('bank')}: name or service not known; is the address" in str(error)
    assert "another program" not in str(error)


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


async def test_giving_up_while_a_latecomer_is_waited_for_leaves_nothing(net: Net) -> None:
    tasks = [asyncio.ensure_future(net.connect("bank")), asyncio.ensure_future(net.connect("lender", job=bytes(32)))]
    await asyncio.sleep(0.3)  # both have given up, and wait for the bureau to tell it
    for task in tasks:
        assert not task.done()
        task.cancel()
    assert all(isinstance(error, asyncio.CancelledError) for error in await gather_errors(*tasks))


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
    guest = await greet(net, "lender", "bank")
    guest.sock.close()
    await net.until("bank", "lost")
    meshes = await asyncio.gather(bank, net.connect("bureau"), net.connect("lender"))
    await close_links(*(links for links, _ in meshes))


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
from mpcnet.wire import lobby, transport
from mpcnet.wire.connection import Link
from mpcnet.wire.driver import SocketTransport
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


async def test_who_runs_out_of_memory_blames_itself(net: Net, monkeypatch: pytest.MonkeyPatch) -> None:
    """What it was reading is lost, and the bytes that come next must not be taken for the peer's fault."""
    meshes = await net.connect_all()
    links = {name: mesh for name, (mesh, _) in meshes.items()}
    bank, lender = links["bank"]["lender"], links["lender"]["bank"]

    def no_memory(data: memoryview) -> int:
        raise MemoryError

    monkeypatch.setattr(bank._mux.reader, "feed", no_memory)
    sending = asyncio.ensure_future(lender.channel("x").send(bytes(100)))
    errors = await gather_errors(bank.failure, lender.failure, sending)
    assert str(errors[0]) == "bank: its program failed with MemoryError"
    assert isinstance(errors[1], PeerAborted)
    assert str(errors[1]) == "bank ended the run: its program failed with MemoryError"
    await close_links(*links.values())
