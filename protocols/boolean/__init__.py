"""GMW: any number of parties evaluate a circuit on XOR shares of bits; all but one may collude.

shares = await boolean.evaluate_shares(mesh, circuit, my_shares, batch=1000)

See `protocols.boolean.gmw` for the protocol and `protocols.boolean.triples` for what it spends.
"""

from __future__ import annotations

from protocols.boolean.gmw import evaluate_shares, warm_up
from protocols.boolean.triples import Triples, TripleSource

__all__ = ["TripleSource", "Triples", "evaluate_shares", "warm_up"]
