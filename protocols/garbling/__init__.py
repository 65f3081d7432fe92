"""Garbled circuits between two parties: half gates or three halves, free XOR, streamed and batched.

out = await garble(channel, circuit, {"a": 5})          out = await evaluate(channel, circuit, {"b": 7})

With scheme="three-halves" at both sides an AND gate is 25 bytes instead of 32, and some more work.

`garble_shares` and `evaluate_shares` are the core, on bits, and end in XOR shares of the outputs; `warm_up` compiles or
loads the kernels ahead of time.
"""

from __future__ import annotations

from protocols.garbling.agreement import RevealTo
from protocols.garbling.evaluation import evaluate, garble
from protocols.garbling.inputs import InputRole
from protocols.garbling.scheme import SCHEMES
from protocols.garbling.two_party import evaluate_shares, garble_shares, warm_up

__all__ = [
    "SCHEMES",
    "InputRole",
    "RevealTo",
    "evaluate",
    "evaluate_shares",
    "garble",
    "garble_shares",
    "warm_up",
]
