"""The hash of the garbled gates: MITCCRH, with a key for each use and a tile of instances under one key.

    H(x, key, i) = AES(key, y) ^ y,   y = s(x) ^ i,   s(high, low) = (high ^ low, high)
    key = start ^ counter

`counter` numbers the keys of one garbling, so none is used for two gates; `start` is random for each garbling, so
that the gates of different garblings rarely meet under one key, and work spent on one is of no use against another.
`i` < 64 is the number of the instance within its tile: the 64 instances share the keys of a gate, and must not put
the same block under one. Labels are random, but a wire that is constant or XOR of a wire with itself has the same
label in every instance, and without `i` two of its gates' tables would differ by delta or by nothing. As s is a
permutation, s(x) ^ i = s(x ^ c) for a public c that differs between the instances: the hash is called on distinct
inputs, which is all that its definition asks.

Security: multi-instance tweakable circular correlation robust in the ideal-cipher model; a distinguisher with p
calls of the cipher and q of the hash, each key used for at most mu inputs, has an advantage of at most
2 mu p / 2^rho + (mu - 1) q / 2^rho, where rho is the entropy of delta. Here mu = 64, and rho = 127 because the color
bit of delta is fixed: p / 2^120 + q / 2^121, with two hashes for each AND gate of an instance.

Source: Guo, Katz, Wang, Weng, Yu: Better Concrete Security for Half-Gates Garbling (in the Multi-instance Setting),
CRYPTO 2020, ePrint 2019/1168. Deviations: `i`. The key is XOR of start and counter, as in the authors' code.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from llvmlite import ir
from numba import types

from protocols.kernels.garble_emit import shuffle, spread, store_at
from protocols.kernels.intrinsics import (
    I8,
    I32,
    N_ROUNDS,
    constants,
    counters,
    declare,
    emit,
    n_lanes_of,
)

__all__ = ["KEYS", "expand_keys_of_gates", "write_round_keys"]

KEYS = 16
"""Keys expanded together: those of 8 AND gates."""

AT_ONCE = 8  # registers of keys in flight


def write_round_keys(builder: Any, keys: list[Any], target: Any, places: list[int], row: int) -> None:
    """Write the round keys of registers of keys: round key r of keys[i] at target + r * row + places[i], in bytes.

    The word that FIPS-197 section 5.2 rotates and substitutes is put in all four columns, where the last round of AES
    does it: its row shift has no effect on equal columns.
    """
    kind = keys[0].type
    n_lanes = kind.count // 2
    words, octets = ir.VectorType(I32, 4 * n_lanes), ir.VectorType(I8, 16 * n_lanes)
    rotate = [16 * lane + byte for lane in range(n_lanes) for byte in (13, 14, 15, 12) * 4]
    substitute = declare(
        builder.module, "llvm.x86.aesni.aesenclast" + {1: "", 2: ".256", 4: ".512"}[n_lanes], [kind, kind], kind
    )

    def shifted(blocks: Any, n_words: int) -> Any:
        """Every block shifted up by a number of 32-bit words."""
        source, none = builder.bitcast(blocks, words), 4 * n_lanes
        order = [none if i % 4 < n_words else i - n_words for i in range(4 * n_lanes)]
        return builder.bitcast(shuffle(builder, source, constants(words, [0] * none), order), kind)

    for base in range(0, len(keys), AT_ONCE):
        current, constant = keys[base : base + AT_ONCE], 1
        for round_number in range(N_ROUNDS + 1):
            for key, place in zip(current, places[base:], strict=False):
                store_at(builder, key, target, row * round_number + place)
            if round_number == N_ROUNDS:
                break
            addend = builder.bitcast(constants(words, [constant] * (4 * n_lanes)), kind)
            for i, key in enumerate(current):
                rotated = builder.bitcast(key, octets)
                rotated = builder.bitcast(shuffle(builder, rotated, rotated, rotate), kind)
                word = builder.call(substitute, [rotated, addend])
                chain = builder.xor(key, shifted(key, 1))
                current[i] = builder.xor(builder.xor(chain, shifted(chain, 2)), word)
            constant = (constant << 1) ^ (0x11B if constant & 0x80 else 0)


@emit
def expand_keys_of_gates(
    typing_context: Any, lanes: Any, start_low: Any, start_high: Any, counter: Any, target: Any
) -> tuple[Any, Callable[..., Any]]:
    """expand_keys_of_gates(lanes, start_low, start_high, counter, target): round keys of KEYS consecutive counters.

    Round key r of key k is written at target + 16 * (KEYS * r + k), so that those of neighbours load as one register.
    """
    n_lanes = n_lanes_of(lanes)

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        _, low, high, counter, target = arguments
        start = spread(builder, low, high, n_lanes)
        numbers = counters(builder, counter, n_lanes, KEYS // n_lanes)
        keys = [builder.xor(start, number) for number in numbers]
        places = [16 * n_lanes * i for i in range(len(keys))]
        write_round_keys(builder, keys, target, places, 16 * KEYS)
        return context.get_dummy_value()

    return types.void(lanes, types.uint64, types.uint64, types.uint64, types.uintp), generate
