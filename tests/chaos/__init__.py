"""The fault matrix: the three-party scoring job against every fault, in every phase, at every party.

    plan      phases, faults, and what must come of each
    proxy     a man in the middle of every connection, below TLS
    child     one party in a process of its own, with hooks that this harness alone installs
    arena     one run of three parties, a fault in the middle of it, and what came of it
    crowd     strangers at the ports; strangers: what they cost
    table     what came of all runs

`scripts/chaos` runs it; `docs/reliability.md` has the last table. Linux only. Nothing in the product knows of it.
"""
