"""Three halves for one AND gate, in plain Python, for reading and for tests: what the kernels compute for a million.

Slicing. A label is two halves, A = (A_L, A_R), and so are delta and the output. Each half of the output comes out of
two of three hashes of half the length, and three half ciphertexts serve both. With A_i, B_j for the labels of colors i,
j:

    C_L = H(A_i) ^ H(A_i ^ B_j) ^ i G_0 ^ (i ^ j) G_2 ^ left half of R_ij (A_i, B_j)
    C_R = H(B_j) ^ H(A_i ^ B_j) ^ j G_1 ^ (i ^ j) G_2 ^ right half of R_ij (A_i, B_j)

Dicing. R_ij takes (A_L, A_R, B_L, B_R) to two halves. It must be another matrix for each pair of colors, and they
depend on where the gate's 1 stands: at colors (a, b), those of the two labels that mean 1. So the evaluator may learn
R_ij for its own colors only, and by itself that matrix must say nothing of a and b. It is

    R_ij = P_ij ^ r_L S_1 ^ r_R S_2          P_ij = (B_L unless i, A_R unless j)
    S_1 = (A_L ^ A_R ^ B_L, A_L ^ B_R)       S_2 = (A_L ^ B_R, A_R ^ B_L ^ B_R)

with two control bits for each pair of colors, made from (a, b) and two random bits of the garbler:

    r_L = e_L ^ i a ^ (i ^ j)(a ^ b)         r_R = e_R ^ j b ^ (i ^ j)(a ^ b)

They are garbled by the same equations, as one more bit of each half: r_L and r_R stand above C_L and C_R, z_0 and z_1
take the place of what is computed there, z_2, z_3, z_4 stand above G_0, G_1, G_2. All five are sent: 3 * 64 + 5
bits for a gate, 25 bytes as we pack them. XOR gates are XOR of labels (free XOR); colors are those of half gates.

Why it opens: let X_ij be the left half of R_ij (A_i, B_j), with delta_L added at (a, b), and Y_ij the right one with
delta_R. Of the eight equations C and G solve five, and the rest ask that all X_ij add up to 0, all Y_ij too, and
X_00 ^ X_01 = Y_00 ^ Y_10; likewise of r_L and r_R, with nothing added. They do, for each a, b and e.
Why it hides: of the two labels that a key hashes the evaluator has one. The other one's hash is a pad of G_0 and z_2,
of G_1 and z_3, or of G_2 and z_4; and e makes r at the evaluator's colors, thereby z_0 and z_1, uniform. (Were e taken
from the hashes, z_0 and z_1 would be 0 and need not be sent; but then R, thus what a hash is to hide, would depend on
that hash.)

The hash. H(x, key) is the 65 low bits of AES(key, y) ^ y, y = alpha(x) ^ i, for instance i of its tile. It must look
random even when XORed with linear functions of delta, for the pad of G_0 is H(A ^ delta), and G_0 has each of 0,
delta_L, delta_R and delta_L ^ delta_R in it (tweakable circular correlation robustness, for these four). That asks more
of the linear map than half gates do: added to any of the four, the part of alpha(delta) that is in the hash must keep
all its entropy. The map of half gates puts delta_R there; XOR with delta_R leaves half of AES's output bare, and
whoever tries the other half, in 2^63 steps, has delta. The paper multiplies by a constant of GF(2^64) that is not in
GF(4); so does alpha, by a root of x^4 + x + 1, in a basis where that takes three instructions.

Security: semi-honest; simulation security against the evaluator, who learns the color bits of active labels. In the
ideal-cipher model, by the argument for `protocols.kernels.mitccrh`: each AES call, forward or backward, hits one of the
mu = 64 hidden hashes of its key with a probability of at most 2^-127 each, because delta has 127 random bits, and
because 63 bits of a hash's AES block are shown to nobody and at least 64 of the others depend on delta one to one. p
calls and q hidden hashes, three for each AND gate of an instance, give an advantage of at most 2 mu (p + q) / 2^127 =
(p + q) / 2^120; and n^2 / 2^129 for n AND gates, counted once for each tile, as the random bits come from AES in
counter mode. Leaks the circuit.
Source: Rosulek, Roy: Three Halves Make a Whole? Beating the Half-Gates Lower Bound for Garbled Circuits, CRYPTO 2021,
ePrint 2021/749, for AND gates, so that what is to be hidden of a truth table is the place of its 1.
Deviations: an AES key for each use as in MITCCRH, where the paper has one key and XORs a universal hash of the tweak
into x: the bound does not wear off with the number of garblings; it is ours, not the paper's. The basis of alpha. A
byte for the five bits.

Labels and keys are integers below 2**128 here, blocks in little-endian order elsewhere; the left half of a label is the
low one. A slice is an integer of 65 bits: half a label, and a control bit above it.
"""

from __future__ import annotations

from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

__all__ = ["alpha", "color_bit", "control_bits", "evaluate_and", "garble_and", "gate_keys", "hash_label", "random_bits"]

KEY_BYTES = 16
HALF_BITS = 64
HALF = (1 << HALF_BITS) - 1
SLICE = (1 << HALF_BITS + 1) - 1

Keys = tuple[int, int, int]
Half = tuple[int, int]


def color_bit(label: int) -> int:
    """The bit of a label that its holder may act upon."""
    return label & 1


def gate_keys(start: int, gate_id: int) -> Keys:
    """The keys of an AND gate: for a, for b and for a ^ b."""
    return start ^ (3 * gate_id), start ^ (3 * gate_id + 1), start ^ (3 * gate_id + 2)


def random_bits(secret: int, gate_id: int, instance: int) -> tuple[int, int]:
    """e_L and e_R of a gate, from the garbler's key for them: bit `instance` of each half of AES(secret, 3 gate_id)."""
    block = _aes(secret, 3 * gate_id)
    return block >> instance & 1, block >> HALF_BITS + instance & 1


def alpha(label: int) -> int:
    """Each half, as a polynomial with four coefficients of 16 bits, times x modulo x^4 + x + 1."""
    low, high = ((half << 16 ^ half >> 48 ^ half >> 48 << 16) & HALF for half in _halves(label))
    return high << HALF_BITS | low


def hash_label(label: int, key: int, instance: int) -> int:
    """H(label, key) for an instance of a tile: 65 bits, the last for a control bit."""
    y = alpha(label) ^ instance
    return (_aes(key, y) ^ y) & SLICE


def control_bits(a: int, b: int, e: tuple[int, int], i: int, j: int) -> tuple[int, int]:
    """r_L and r_R at colors (i, j), if the gate's 1 is at (a, b)."""
    both = (i ^ j) & (a ^ b)
    return e[0] ^ i & a ^ both, e[1] ^ j & b ^ both


def garble_and(
    a: int, b: int, delta: int, keys: Keys, instance: int, e: tuple[int, int]
) -> tuple[tuple[int, int, int], int, int]:
    """Garble an AND gate.

    Args:
        a, b: zero labels of the inputs.
        delta: the offset between the labels of every wire; odd.
        keys: from `gate_keys`.
        instance: its number within its tile.
        e: two random bits, from `random_bits`.
    Returns:
        (G_0, G_1, G_2), then z_0 ... z_4 as a number with z_0 as its lowest bit, then the zero label of the output.
    """
    one = 1 ^ color_bit(a), 1 ^ color_bit(b)
    left, right = {}, {}
    for i in (0, 1):
        for j in (0, 1):
            a_i, b_j = (label ^ (color_bit(label) ^ color) * delta for label, color in ((a, i), (b, j)))
            r = control_bits(*one, e, i, j)
            known_left, known_right = _apply(r, a_i, b_j, i, j)
            delta_left, delta_right = (half if (i, j) == one else 0 for half in _halves(delta))
            hash_left, hash_right = _hashes(a_i, b_j, keys, instance)
            left[i, j] = hash_left ^ known_left ^ delta_left ^ r[0] << HALF_BITS
            right[i, j] = hash_right ^ known_right ^ delta_right ^ r[1] << HALF_BITS
    c_left, c_right = left[0, 0], right[0, 0]
    rows = c_left, c_right, c_left ^ left[1, 1], c_right ^ right[1, 1], c_left ^ left[0, 1]
    z = sum((row >> HALF_BITS) << k for k, row in enumerate(rows))
    c_left, c_right, g_0, g_1, g_2 = (row & HALF for row in rows)
    return (g_0, g_1, g_2), z, c_right << HALF_BITS | c_left


def evaluate_and(a: int, b: int, g: tuple[int, int, int], z: int, keys: Keys, instance: int) -> int:
    """The active label of the output, from those of the inputs and the table."""
    i, j = color_bit(a), color_bit(b)
    g_0, g_1, g_2 = (half | (z >> 2 + k & 1) << HALF_BITS for k, half in enumerate(g))
    left, right = _hashes(a, b, keys, instance)
    left ^= i * g_0 ^ (i ^ j) * g_2 ^ (z & 1) << HALF_BITS
    right ^= j * g_1 ^ (i ^ j) * g_2 ^ (z >> 1 & 1) << HALF_BITS
    known_left, known_right = _apply((left >> HALF_BITS, right >> HALF_BITS), a, b, i, j)
    return (right & HALF ^ known_right) << HALF_BITS | left & HALF ^ known_left


def _halves(label: int) -> Half:
    """Left and right half."""
    return label & HALF, label >> HALF_BITS


def _hashes(a: int, b: int, keys: Keys, instance: int) -> Half:
    """What the hashes give to the left and to the right slice."""
    of_a, of_b, of_both = (hash_label(x, key, instance) for x, key in zip((a, b, a ^ b), keys, strict=True))
    return of_a ^ of_both, of_b ^ of_both


def _apply(r: tuple[int, int], a: int, b: int, i: int, j: int) -> Half:
    """Left and right half of R_ij (A, B)."""
    (a_l, a_r), (b_l, b_r), (r_l, r_r) = _halves(a), _halves(b), r
    left = (1 - i) * b_l ^ r_l * (a_l ^ a_r ^ b_l) ^ r_r * (a_l ^ b_r)
    right = (1 - j) * a_r ^ r_l * (a_l ^ b_r) ^ r_r * (a_r ^ b_l ^ b_r)
    return left, right


def _aes(key: int, block: int) -> int:
    encryptor = Cipher(algorithms.AES(key.to_bytes(KEY_BYTES, "little")), modes.ECB()).encryptor()
    return int.from_bytes(encryptor.update(block.to_bytes(KEY_BYTES, "little")), "little")
