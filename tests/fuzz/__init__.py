"""Everything that reads what others wrote, fed with anything: nothing but the packages' own errors may come out.

    targets         one function of bytes for each parser of what comes over the wire, and all the others by name
    files           one for each file that a user or another institution makes
    played          a conversation that is played to one party again with changes
    conversations   every protocol, as such conversations
    sessions        what a session says beside its protocols, likewise
    seeds           good inputs, from which the others are made; tests/corpus holds them, and what was found since
    __main__        `make fuzz`: coverage-guided, with atheris

In the suite Hypothesis changes the seeds (`tests/test_fuzz.py`), and every file of the corpus is run.
"""

from __future__ import annotations

from pathlib import Path

CORPUS = Path(__file__).parent.parent / "corpus"
