"""Circuits on shares of bits: GMW, where all but one may collude, and replicated sharing with an honest majority.

engine = await boolean.GmwEngine.setup(mesh)            or boolean.ReplicatedEngine.setup(mesh, threshold)
x = await engine.share(mesh.fork("x"), owner, words, n_bits, count)
z = await engine.evaluate(mesh.fork("z"), circuit, [x, y], count)
words = await engine.open(mesh.fork("open"), z, frozenset({0}))

shares = await boolean.evaluate_shares(mesh, circuit, my_shares, batch=1000)        GMW alone, bits in rows

See `protocols.boolean.contract` for what all engines offer, and the modules of the protocols for what they assume and
cost: `gmw` with `triples`, `replicated`.
"""

from __future__ import annotations

from protocols.boolean.contract import BitShares, BooleanEngine, join, n_words
from protocols.boolean.garbled import GarbledEngine
from protocols.boolean.gmw import evaluate_shares, warm_up
from protocols.boolean.gmw_engine import GmwEngine
from protocols.boolean.replicated import ReplicatedEngine
from protocols.boolean.triples import Triples, TripleSource

__all__ = [
    "BitShares",
    "BooleanEngine",
    "GarbledEngine",
    "GmwEngine",
    "ReplicatedEngine",
    "TripleSource",
    "Triples",
    "evaluate_shares",
    "join",
    "n_words",
    "warm_up",
]
