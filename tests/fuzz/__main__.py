"""`make fuzz`: coverage-guided fuzzing of every parser with atheris, from the corpus and back into it.

    python -m tests.fuzz --seconds 60               each target in a process of its own
    python -m tests.fuzz frames --seconds 600       one of them

Inputs that reach new code are kept beside the corpus in build/fuzz; what crashes is written to tests/corpus, where the
suite runs it from then on.
"""

from __future__ import annotations

import argparse
import logging
import subprocess
import sys
from pathlib import Path

from tests.fuzz import CORPUS

FOUND = Path("build/fuzz")
MAX_BYTES = 4096


def main() -> int:
    """Fuzz what is asked for; 1 where something was found."""
    parser = argparse.ArgumentParser(prog="make fuzz")
    parser.add_argument("targets", nargs="*", help="by default all")
    parser.add_argument("--seconds", type=int, default=60, help="for each target")
    parser.add_argument("--inside", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.inside:
        return fuzz(options.targets[0], options.seconds)
    failed = []
    for name in options.targets or sorted(path.name for path in CORPUS.iterdir()):
        print(f"== {name}", flush=True)
        command = [sys.executable, "-m", "tests.fuzz", name, "--inside", "--seconds", str(options.seconds)]
        if subprocess.run(command, check=False).returncode:
            failed.append(name)
    print(f"found something in {', '.join(failed)}" if failed else "nothing was found")
    return int(bool(failed))


def fuzz(name: str, seconds: int) -> int:
    """Fuzz one target in this process, and end it."""
    import atheris

    # kernels are left out, for what is compiled needs the bytecode as it was written
    kernels = [f"protocols.kernels.{path.stem}" for path in Path("protocols/kernels").glob("*.py")]
    packages = ["mpcnet", "circuits", "protocols", "tomllib"]
    with atheris.instrument_imports(include=packages, exclude=kernels, enable_loader_override=False):
        from tests.fuzz.targets import feed

    logging.disable()
    for path in (CORPUS / name).iterdir():  # loads, compiles and records what is needed, before anything is timed
        feed(name, path.read_bytes())

    found = FOUND / name
    found.mkdir(parents=True, exist_ok=True)
    limits = [f"-max_total_time={seconds}", f"-max_len={MAX_BYTES}", "-rss_limit_mb=2048", "-timeout=10"]
    arguments = [sys.argv[0], str(found), str(CORPUS / name), *limits, f"-artifact_prefix={CORPUS / name}/"]
    atheris.Setup([*arguments, "-print_final_stats=1", "-verbosity=0"], lambda data: feed(name, data) and None)
    atheris.Fuzz()
    return 0


if __name__ == "__main__":
    sys.exit(main())
