"""Half gates for one AND gate, in plain Python: what the kernels compute, for reading and for tests, not for secrets.

    garbler                                          evaluator
    p_a, p_b  color bits of a, b (zero labels)       s_a, s_b  color bits of a, b (active labels)

    T_G = H(a, j) ^ H(a ^ R, j) ^ p_b R
    W_G = H(a, j) ^ p_a T_G                          W_G = H(a, j) ^ s_a T_G
    T_E = H(b, j') ^ H(b ^ R, j') ^ a
    W_E = H(b, j') ^ p_b (T_E ^ a)                   W_E = H(b, j') ^ s_b (T_E ^ a)
    c = W_G ^ W_E                                    c = W_G ^ W_E

R is delta, whose color bit is 1, so that the color bits of the two labels of a wire differ (point and permute). XOR
gates are XOR of labels (free XOR). The table of the gate is (T_G, T_E), 32 bytes. j and j' are the two keys of the
gate, 2 * gate_id and 2 * gate_id + 1 in the numbering of the whole garbling.

Labels and keys are integers below 2**128 here, blocks in little-endian order elsewhere.

Security: semi-honest; see `protocols.kernels.mitccrh` for the hash, its bound, and why instances that share a key are
kept apart by their number. Simulation security against the evaluator, who learns the color bits of active labels.
Source: Zahur, Rosulek, Evans: Two Halves Make a Whole, EUROCRYPT 2015, ePrint 2014/756, Figure 2 (`GbAnd`, `En`).
"""

from __future__ import annotations

from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

__all__ = ["color_bit", "evaluate_and", "garble_and", "gate_keys", "hash_label"]

KEY_BYTES = 16
_LOW = (1 << 64) - 1


def color_bit(label: int) -> int:
    """The bit of a label that its holder may act upon."""
    return label & 1


def gate_keys(start: int, gate_id: int) -> tuple[int, int]:
    """The keys j and j' of an AND gate."""
    return start ^ (2 * gate_id), start ^ (2 * gate_id + 1)


def hash_label(label: int, key: int, instance: int) -> int:
    """H(label, key) for an instance of a tile, see `protocols.kernels.mitccrh`."""
    high, low = label >> 64, label & _LOW
    y = ((high ^ low) << 64 | high) ^ instance
    encryptor = Cipher(algorithms.AES(key.to_bytes(KEY_BYTES, "little")), modes.ECB()).encryptor()
    return int.from_bytes(encryptor.update(y.to_bytes(KEY_BYTES, "little")), "little") ^ y


def garble_and(a: int, b: int, delta: int, keys: tuple[int, int], instance: int) -> tuple[int, int, int]:
    """The garbler's half of the figure.

    Args:
        a, b: zero labels of the inputs.
        delta: the offset between the labels of every wire; odd.
        keys: from `gate_keys`.
        instance: its number within its tile.
    Returns:
        T_G, T_E and the zero label of the output.
    """
    j, j_ = keys
    p_a, p_b = color_bit(a), color_bit(b)
    h_a, h_b = hash_label(a, j, instance), hash_label(b, j_, instance)
    t_g = h_a ^ hash_label(a ^ delta, j, instance) ^ p_b * delta
    w_g = h_a ^ p_a * t_g
    t_e = h_b ^ hash_label(b ^ delta, j_, instance) ^ a
    w_e = h_b ^ p_b * (t_e ^ a)
    return t_g, t_e, w_g ^ w_e


def evaluate_and(a: int, b: int, t_g: int, t_e: int, keys: tuple[int, int], instance: int) -> int:
    """The evaluator's half of the figure: the active label of the output, from those of the inputs."""
    j, j_ = keys
    s_a, s_b = color_bit(a), color_bit(b)
    w_g = hash_label(a, j, instance) ^ s_a * t_g
    w_e = hash_label(b, j_, instance) ^ s_b * (t_e ^ a)
    return w_g ^ w_e
