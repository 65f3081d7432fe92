"""Put measured and declared tables into docs/performance.md.

    mpcnet bench --json bench.json              the rows of equal parties
    mpcnet bench --peers --json peers.json      MPyC on the same work

Rounds and bytes are counted and written again each time, without a file nothing else.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

from mpcnet.bench import costs, document
from mpcnet.bench.show import seconds

PAGE = Path(__file__).parent.parent / "docs" / "performance.md"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("bench", nargs="?", type=Path)
    parser.add_argument("--peers", type=Path)
    options = parser.parse_args()
    text = PAGE.read_text(encoding="utf-8")
    measured = document.read_members(document.find(text, "members"))
    if options.bench is not None:
        rows = json.loads(options.bench.read_text(encoding="utf-8"))
        measured |= {row["name"]: seconds(row["seconds"]) for row in rows if row["name"] in document.NAMES}
    text = document.put(text, "members", document.members_table(measured))
    if options.peers is not None:
        rows = json.loads(options.peers.read_text(encoding="utf-8"))
        text = document.put(text, "peers", document.peers_table(rows))
    for name, count in costs.TABLES.items():
        text = document.put(text, name, document.costs_table(count()))
    PAGE.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
