"""The open port of a mesh: strangers cost little, and a party that dials twice is told apart."""

from __future__ import annotations

import asyncio
import os
import socket
import ssl
import tracemalloc
from pathlib import Path

import pytest

from mpcnet.errors import PeerAborted
from mpcnet.identity import Identity
from mpcnet.wire import lobby
from mpcnet.wire.greeting import MAX_STRANGER_BYTES
from tests.chaos.crowd import crowd
from tests.kit.network import (
    Net,
    bound_socket,
    close_links,
    gather_errors,
    greet,
    open_files,
)


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


async def test_a_thousand_strangers_at_once_take_a_bounded_number_of_places(net: Net) -> None:
    """Times are measured by `scripts/chaos --strangers`."""
    waiting = asyncio.ensure_future(net.connect("bank", connect_seconds=60.0))
    await net.until("bank", "listening")
    files, tasks, most = len(open_files()), len(asyncio.all_tasks()), [0, 0]
    tracemalloc.start()
    async with crowd([net.port("bank")], 1000):
        for _ in range(20):
            await asyncio.sleep(0.05)
            most = [max(most[0], len(open_files()) - files), max(most[1], len(asyncio.all_tasks()) - tasks)]
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        others = [net.connect(name, connect_seconds=60.0) for name in ("bureau", "lender")]
        meshes = await asyncio.gather(waiting, *others)
        for name in net.roster.names:  # the job runs, and nobody can knock any more
            with pytest.raises(ConnectionRefusedError):
                socket.create_connection(("127.0.0.1", net.port(name)))
        await close_links(*(links for links, _ in meshes))
    assert lobby.MAX_STRANGERS / 2 < most[0] < lobby.MAX_STRANGERS + 32  # the crowd was there, and was kept small
    assert most[1] < lobby.MAX_STRANGERS + 32
    assert peak < 2 * lobby.MAX_STRANGERS * MAX_STRANGER_BYTES
    strangers = net.events["bank"][-1].detail
    assert "connections by strangers came to nothing" in strangers
    assert int(strangers.split()[0]) > 900


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


# ---- a party that dials twice


async def test_the_same_process_may_dial_again(net: Net) -> None:
    bank = asyncio.ensure_future(net.connect("bank"))
    first = await greet(net, "lender", "bank")
    second = await greet(net, "lender", "bank")
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
    first = await greet(net, "lender", "bank")
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
