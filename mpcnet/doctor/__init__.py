"""What is wrong with a party before any secret moves: what `mpcnet doctor` runs.

    checks     one finding, and all of them
    mends      what to do about a finding
    own        this party's files, keys and dates
    papers     its data, its record, and the job that all have signed
    machine    processor, memory, disk, clock
    look       one other party, seen from here
    visit      all other parties, while this party can be looked at itself

Every check stands alone: what cannot be checked is said to be so, with the reason, and the rest goes on.
"""

from __future__ import annotations

from mpcnet.doctor.checks import Check, Report, State
from mpcnet.doctor.visit import examine

__all__ = ["Check", "Report", "State", "examine"]
