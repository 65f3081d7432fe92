"""The credit run as three institutions do it: three folders, and one command in each of three terminals.

    python examples/credit_three_terminals.py

makes the folders in a temporary place, starts the three commands, and shows what each terminal shows.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path

PARTIES = ("lender", "bureau", "bank")
MPCNET = [sys.executable, "-m", "mpcnet"]


def run_in_three_terminals(folder: Path) -> dict[str, str]:
    """Start one `mpcnet score` for each party at once; what each printed."""
    terminals = {
        party: subprocess.Popen(
            [*MPCNET, "score", "--config", str(folder / party / "party.toml")],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        for party in PARTIES
    }
    try:
        shown = {party: terminal.communicate(timeout=180)[0] for party, terminal in terminals.items()}
    finally:
        for terminal in terminals.values():
            terminal.kill()
    failed = [party for party, terminal in terminals.items() if terminal.returncode]
    if failed:
        raise SystemExit("\n".join(f"{party} failed:\n{shown[party]}" for party in failed))
    return shown


def main() -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name) / "run"
        subprocess.run([*MPCNET, "demo", "--prepare", str(folder)], check=True, timeout=120)
        for party, text in run_in_three_terminals(folder).items():
            print(f"\n=== the {party}'s terminal ===\n{text.strip()}")


if __name__ == "__main__":
    main()
