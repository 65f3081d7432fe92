"""Frozen values: a JSON file of hashes that the tests compare with, so that a change on the wire is a changed line.

A value that is meant to change is written anew by running its test with MPCNET_FREEZE=1; the changed line is to be
looked at and committed.
"""

from __future__ import annotations

import json
import os
from pathlib import Path

FILE = Path(__file__).parent.parent / "wire_hashes.json"


def frozen_values() -> dict[str, str]:
    values: dict[str, str] = json.loads(FILE.read_text(encoding="utf-8")) if FILE.exists() else {}
    return values


def check_frozen(key: str, value: str) -> None:
    """Compare a value with the one frozen under its key."""
    known = frozen_values()
    if os.environ.get("MPCNET_FREEZE") == "1":
        FILE.write_text(json.dumps(dict(sorted((known | {key: value}).items())), indent=2) + "\n", encoding="utf-8")
        return
    assert key in known, f"{key} is not frozen yet: run its test once with MPCNET_FREEZE=1"
    assert value == known[key], f"{key} says something else on the wire than it did"
