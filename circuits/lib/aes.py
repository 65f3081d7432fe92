"""AES-128 with its key schedule: 6,400 AND gates, 32 for each of 200 S-boxes; everything else is XOR.

The ports are those of the published Bristol Fashion circuit: the key and the plaintext as big-endian integers, so that
the hexadecimal of FIPS 197 is the value of a port.

    aes_128(key=0x000102030405060708090A0B0C0D0E0F, block=0x00112233445566778899AABBCCDDEEFF)

A state is a list of 16 bytes, column after column, in the order in which the standard writes its blocks.

Source: FIPS 197 (2001); the S-box is the straight-line program of 32 AND and 81 XOR and XNOR gates by J. Boyar,
R. Peralta and C. Calik (Boyar and Peralta, "A new combinational logic minimization technique with applications to
cryptology", SEA 2010, ePrint 2009/191; SLP_AES_113 of their Circuit Minimization Team).
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from circuits.functions import concat, select
from circuits.trace import circuit
from circuits.types import UInt
from circuits.values import Scalar

__all__ = ["aes_128", "sub_bits"]

ROUNDS = 10
Bytes = list[Scalar]  # UInt[8] each


def sub_bits(bits: Iterable[Any]) -> list[Any]:
    """The S-box on the eight bits of a byte, least significant first: 32 AND, AND depth 6.

    Bits may be anything with ^, & and ~. The names are those of the straight-line program, which counts bits from the
    most significant one.
    """
    u7, u6, u5, u4, u3, u2, u1, u0 = bits
    # Into the tower field: the 22 linear forms that feed the multiplications.
    y14, y13, y9, y8 = u3 ^ u5, u0 ^ u6, u0 ^ u3, u0 ^ u5
    t0 = u1 ^ u2
    y1 = t0 ^ u7
    y4, y12, y2, y5 = y1 ^ u3, y13 ^ y14, y1 ^ u0, y1 ^ u6
    y3 = y5 ^ y8
    t1 = u4 ^ y12
    y15, y20 = t1 ^ u5, t1 ^ u1
    y6, y10, y11 = y15 ^ u7, y15 ^ t0, y20 ^ y9
    y7, y17, y19, y16 = u7 ^ y11, y10 ^ y11, y10 ^ y8, t0 ^ y11
    y21, y18 = y13 ^ y16, u0 ^ y16
    # The norm, in GF(2^4): nine products.
    t2, t3, t5, t7, t8 = y12 & y15, y3 & y6, y4 & u7, y13 & y16, y5 & y1
    t10, t12, t13, t15 = y2 & y7, y9 & y11, y14 & y17, y8 & y10
    t4, t6, t9, t11, t14, t16 = t3 ^ t2, t5 ^ t2, t8 ^ t7, t10 ^ t7, t13 ^ t12, t15 ^ t12
    t21, t22, t23, t24 = t4 ^ y20 ^ t14, t6 ^ t16 ^ y19, t9 ^ t14 ^ y21, t11 ^ t16 ^ y18
    # Its inverse, in GF(2^4): five products.
    t25, t26, t30 = t21 ^ t22, t21 & t23, t23 ^ t24
    t27, t31 = t24 ^ t26, t22 ^ t26
    t29, t33 = (t25 & t27) ^ t22, (t31 & t30) ^ t24
    t36 = t24 & (t27 ^ t33)
    t37 = t36 ^ t23 ^ t33
    t40 = t25 ^ (t29 & (t27 ^ t36))
    t41, t42, t43, t44 = t40 ^ t37, t29 ^ t33, t29 ^ t40, t33 ^ t37
    t45 = t42 ^ t41
    # Times the conjugate: 18 products.
    z0, z1, z2, z3, z4, z5 = t44 & y15, t37 & y6, t33 & u7, t43 & y16, t40 & y1, t29 & y7
    z6, z7, z8, z9, z10, z11 = t42 & y11, t45 & y17, t41 & y10, t44 & y12, t37 & y3, t33 & y4
    z12, z13, z14, z15, z16, z17 = t43 & y13, t40 & y5, t29 & y2, t42 & y9, t45 & y14, t41 & y8
    # Back to the standard's basis, and the affine map.
    tc1, tc4, tc5, tc6, tc12 = z15 ^ z16, z0 ^ z2, z1 ^ z0, z3 ^ z4, z3 ^ z5
    tc2, tc7, tc8, tc11, tc13, tc14 = z10 ^ tc1, z12 ^ tc4, z7 ^ tc6, tc6 ^ tc5, z13 ^ tc1, tc4 ^ tc12
    tc3, tc9, tc16, tc18, tc21 = z9 ^ tc2, z8 ^ tc7, z6 ^ tc8, tc13 ^ tc14, tc2 ^ z11
    tc10, s3, tc20, s0 = tc8 ^ tc9, tc3 ^ tc11, z15 ^ tc16, tc3 ^ tc16
    tc17, s7, s6, s4, s1 = z14 ^ tc10, ~(z12 ^ tc18), ~(tc10 ^ tc18), tc14 ^ s3, ~(s3 ^ tc16)
    s2, s5 = ~(tc17 ^ tc20 ^ z17), tc21 ^ tc17
    return [s7, s6, s5, s4, s3, s2, s1, s0]


def _bytes_of(word: Scalar) -> Bytes:
    """The first byte of a block is the highest of its number."""
    return [word[at : at + 8] for at in range(0, word.n_bits, 8)][::-1]


def _xor(a: Bytes, b: Bytes) -> Bytes:
    return [x ^ y for x, y in zip(a, b, strict=True)]


def _sub_byte(byte: Scalar) -> Scalar:
    return concat(*sub_bits(byte.bits))


def _shift_rows(state: Bytes) -> Bytes:
    """Row r of the four columns moves r places to the left: section 5.1.2."""
    return [state[(4 * column + 5 * row) % 16] for column in range(4) for row in range(4)]


def _mix_columns(state: Bytes) -> Bytes:
    """Each column times {03}x^3 + {01}x^2 + {01}x + {02}: section 5.1.3."""
    mixed = []
    for column in range(0, 16, 4):
        a = state[column : column + 4]
        pairs = [a[row] ^ a[(row + 1) % 4] for row in range(4)]
        # 2 a0 + 3 a1 + a2 + a3 = 2 (a0 + a1) + a1 + (a2 + a3)
        mixed += [_double(pairs[row]) ^ a[(row + 1) % 4] ^ pairs[(row + 2) % 4] for row in range(4)]
    return mixed


def _double(byte: Scalar) -> Any:
    """Times x in GF(2^8), modulo x^8 + x^4 + x^3 + x + 1."""
    return (byte << 1).wrap(8) ^ select(byte[7], 0x1B, 0)


def _next_round_key(key: Bytes, number: int) -> Bytes:
    """The key of round `number` from the one before it: section 5.2."""
    rcon = 1
    for _ in range(number - 1):
        rcon = rcon << 1 ^ (0x11B if rcon & 0x80 else 0)
    last = key[12:]
    word = [_sub_byte(byte) for byte in last[1:] + last[:1]]
    word[0] ^= rcon
    words = []
    for at in range(0, 16, 4):
        word = _xor(key[at : at + 4], word)
        words += word
    return words


@circuit
def aes_128(key: UInt[128], block: UInt[128]) -> UInt[128]:
    """Encrypt one block: FIPS 197, figures 5 and 11. 6,400 AND, AND depth 60."""
    round_key = _bytes_of(key)
    state = _xor(_bytes_of(block), round_key)
    for number in range(1, ROUNDS + 1):
        state = _shift_rows([_sub_byte(byte) for byte in state])
        if number < ROUNDS:
            state = _mix_columns(state)
        round_key = _next_round_key(round_key, number)
        state = _xor(state, round_key)
    return concat(*state[::-1])
