"""Base OT: endemic oblivious transfer on Ristretto255, with a hash to the group.

    sender                                          receiver, choice c
    y at random, A = y G                 --->
                                         <---       t at random, r_(1-c) a random point,
                                                    r_c = t G - H(c, r_(1-c))
    k_j = K(j, y (r_j + H(j, r_(1-j))))             k_c = K(c, t A)
    for j = 0, 1

H hashes to the group and K to 16 bytes; both take the session id and the index of the OT, and K all three points sent.
To know both keys of a pair is to solve a Diffie-Hellman problem, because each r is offset by a hash of the other; the
choice is hidden perfectly, because both r are uniform. The two messages cross: one round trip for any count.

Security: malicious, endemic (a corrupt party may choose its own outputs), random-oracle model, gap Diffie-Hellman
because both messages and all OTs share A; computational Diffie-Hellman against semi-honest parties. Leaks the count.
Cost: 2 messages; sender 32 bytes, receiver 64 * count bytes.
Source: Masny, Rindal, "Endemic Oblivious Transfer", ePrint 2019/706, the protocol from Diffie-Hellman key agreement.
Deviations: one A serves both messages of all OTs of a call, as in the authors' own code; reuse is sound because H and
K take the index (McQuoid, Rosulek, Roy, "Batching Base Oblivious Transfers", ePrint 2021/682), and K takes the whole
transcript of its OT; r_(1-c) is a random point made from 64 random bytes.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from protocols import bits, group
from protocols.channel import Channel, exchange
from protocols.errors import MessageError
from protocols.hashing import digest
from protocols.ot.contract import ONE_CALL, Blocks, Packed
from protocols.ot.derive import first_bits
from protocols.ot.work import run
from protocols.rng import Rng, system_rng

__all__ = ["BaseOtReceiver", "BaseOtSender", "receive", "send"]

_BLOCK = 16
_POINT = group.POINT_BYTES
_INLINE = 8  # OTs whose arithmetic takes less than 3 ms


def _hash(session_id: bytes, index: int, position: int, point: bytes) -> bytes:
    return group.hash_to_point(session_id, "base-ot-point", index.to_bytes(8, "little"), bytes([position]), point)


def _key(session_id: bytes, index: int, position: int, sender: bytes, pair: bytes, shared: bytes) -> bytes:
    place = index.to_bytes(8, "little") + bytes([position])
    return digest(session_id, "base-ot-key", place, sender, pair, shared, n_bytes=_BLOCK)


def choose(session_id: bytes, choices: NDArray[np.uint8], rng: Rng) -> tuple[list[bytes], bytes]:
    """The receiver's secret scalars t and its message, the pairs r_0, r_1 one after another."""
    scalars, chosen, others = [], bytearray(), bytearray()
    for index, choice in enumerate(choices.tolist()):
        scalar, other = group.random_scalar(rng), group.random_point(rng)
        offset = _hash(session_id, index, choice, other)
        scalars.append(scalar)
        chosen += group.subtract(group.multiply_base(scalar), offset)
        others += other
    points = np.frombuffer(chosen + others, np.uint64).reshape(2, len(choices), _POINT // 8)
    swap = bits.masks(choices)[:, None] & (points[0] ^ points[1])
    return scalars, np.stack([points[0] ^ swap, points[1] ^ swap], axis=1).tobytes()


def receiver_keys(
    session_id: bytes, choices: NDArray[np.uint8], scalars: list[bytes], message: bytes, sender: bytes
) -> Blocks:
    """k_c of each OT: uint8 of shape (count, 16)."""
    keys = bytearray()
    for index, (choice, scalar) in enumerate(zip(choices.tolist(), scalars, strict=True)):
        pair = message[2 * _POINT * index : 2 * _POINT * (index + 1)]
        keys += _key(session_id, index, choice, sender, pair, group.multiply(scalar, sender))
    return np.frombuffer(keys, np.uint8).reshape(-1, _BLOCK)


def sender_keys(session_id: bytes, secret: bytes, sender: bytes, points: list[bytes], peer: str = "") -> Blocks:
    """k_0 and k_1 of each OT, from the receiver's checked points: uint8 of shape (count, 2, 16).

    Raises:
        MessageError: a point is the negative of its offset, which no honest receiver sends.
    """
    keys = bytearray()
    for index in range(len(points) // 2):
        pair = points[2 * index : 2 * index + 2]
        for position in (0, 1):
            base = group.add(pair[position], _hash(session_id, index, position, pair[1 - position]))
            if base == group.IDENTITY:
                raise MessageError(f"the points of base OT {index} cancel out", peer=peer)
            keys += _key(session_id, index, position, sender, pair[0] + pair[1], group.multiply(secret, base))
    return np.frombuffer(keys, np.uint8).reshape(-1, 2, _BLOCK)


async def send(channel: Channel, count: int, *, rng: Rng = system_rng) -> Blocks:
    """Random OT, the sender's side.

    Args:
        channel: to the receiver.
        count: how many; both sides name the same.
        rng: the source of randomness.
    Returns:
        uint8 of shape (count, 2, 16).
    Raises:
        ValueError: a negative count.
        MessageError: a wrong length, or an element that is not in the group.
    """
    return (await send_bound(channel, count, rng=rng))[0]


async def receive(channel: Channel, choices: NDArray[np.uint8], *, rng: Rng = system_rng) -> Blocks:
    """Random OT, the receiver's side.

    Args:
        channel: to the sender.
        choices: shape (count,), values 0 or 1.
        rng: the source of randomness.
    Returns:
        uint8 of shape (count, 16); row i is the one of the sender's pair i that choices[i] names.
    Raises:
        ValueError: choices has a wrong shape or value.
        MessageError: a wrong length, or an element that is not in the group.
    """
    return (await receive_bound(channel, bits.as_bits(choices, "choices"), rng=rng))[0]


async def send_bound(channel: Channel, count: int, *, rng: Rng) -> tuple[Blocks, bytes]:
    """As `send`, with 32 bytes that name this run: a hash of everything said, the same at both sides."""
    if count < 0:
        raise ValueError(f"no {count} OTs")
    if count == 0:
        return np.empty((0, 2, _BLOCK), np.uint8), _transcript(channel, b"", b"")
    secret = group.random_scalar(rng)
    sender = group.multiply_base(secret)
    await channel.send(sender)
    message = await channel.receive(2 * _POINT * count)

    def compute() -> Blocks:
        points = group.decode_points(message, peer=channel.peer)
        return sender_keys(channel.session_id, secret, sender, points, channel.peer)

    keys = await run(compute, long=count > _INLINE)
    return keys, _transcript(channel, sender, message)


async def receive_bound(channel: Channel, choices: NDArray[np.uint8], *, rng: Rng) -> tuple[Blocks, bytes]:
    """As `receive`, with 32 bytes that name this run: a hash of everything said, the same at both sides."""
    count = len(choices)
    if count == 0:
        return np.empty((0, _BLOCK), np.uint8), _transcript(channel, b"", b"")
    session_id, long = channel.session_id, count > _INLINE
    scalars, message = await run(choose, session_id, choices, rng, long=long)
    (sender,) = group.decode_points(await exchange(channel, message, n_bytes=_POINT), peer=channel.peer)
    keys = await run(receiver_keys, session_id, choices, scalars, message, sender, long=long)
    return keys, _transcript(channel, sender, message)


def _transcript(channel: Channel, sender: bytes, message: bytes | memoryview) -> bytes:
    return digest(channel.session_id, "base-ot-run", sender, message)


class BaseOtSender:
    """Base OT as a source of random OT (`contract.RandomOtSender`)."""

    max_count = ONE_CALL

    def __init__(self, channel: Channel, *, rng: Rng = system_rng) -> None:
        self._channel, self._rng = channel, rng

    async def begin(self, count: int) -> Blocks:
        """The next random pairs."""
        return await send(self._channel, count, rng=self._rng)

    def blocks(self, begun: Blocks, out: Blocks) -> None:
        """Write them to `out`, uint8 of shape (n, 2, 16)."""
        out[:] = begun

    def low_bits(self, begun: Blocks, zeros: Packed, ones: Packed) -> None:
        """Write bit 0 of both messages, packed."""
        zeros[:], ones[:] = first_bits(begun[:, 0]), first_bits(begun[:, 1])

    def is_long(self, count: int) -> bool:
        """Never: `begin` has done it all."""
        return False

    def fork(self, channel: Channel) -> BaseOtSender:
        """The same on another channel: nothing is kept from call to call."""
        return BaseOtSender(channel, rng=self._rng)


class BaseOtReceiver:
    """Base OT as a source of random OT (`contract.RandomOtReceiver`)."""

    max_count = ONE_CALL

    def __init__(self, channel: Channel, *, rng: Rng = system_rng) -> None:
        self._channel, self._rng = channel, rng

    async def begin(self, count: int, choose: Callable[[], Packed]) -> Blocks:
        """The chosen ones of the next pairs."""
        return await receive(self._channel, bits.unpack(choose(), count), rng=self._rng)

    def blocks(self, begun: Blocks, out: Blocks) -> Packed:
        """Write them to `out`, uint8 of shape (n, 16); there is nothing left to say."""
        out[:] = begun
        return np.empty(0, np.uint8)

    def low_bits(self, begun: Blocks, out: Packed) -> Packed:
        """Write bit 0 of each, packed as the choices are; there is nothing left to say."""
        out[:] = first_bits(begun)
        return np.empty(0, np.uint8)

    def is_long(self, count: int) -> bool:
        """Never: `begin` has done it all."""
        return False

    def fork(self, channel: Channel) -> BaseOtReceiver:
        """The same on another channel: nothing is kept from call to call."""
        return BaseOtReceiver(channel, rng=self._rng)
