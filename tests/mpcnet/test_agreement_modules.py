"""What runs of a signed program is what was signed: source, not compiled files; at the top of a file and inside."""

from __future__ import annotations

import asyncio
import importlib.util
import py_compile
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from mpcnet.agreement.draft import program_work
from mpcnet.agreement.modules import SignedFiles
from mpcnet.errors import JobRefused
from mpcnet.program import Main
from tests.kit.agreement import Institutions, approval, institutions

GOOD, BAD = "value = 1\n", "value = 2\n"
TOP = "from {0} import value\nasync def main(session): return value\n"
INSIDE = "async def main(session):\n    from {0} import value\n    return value\n"


@pytest.fixture
def three(tmp_path: Path) -> Iterator[Institutions]:
    """Three parties; what their programs import is forgotten afterwards."""
    path, finders = list(sys.path), list(sys.meta_path)
    yield institutions(tmp_path)
    for name, module in list(sys.modules.items()):
        if str(getattr(module, "__file__", "")).startswith(str(tmp_path)):
            del sys.modules[name]
    sys.path[:], sys.meta_path[:] = path, finders
    importlib.invalidate_caches()


def signed(three: Institutions, program: str, *others: str) -> Path:
    """The folder of a party with a program, and other files, that all have signed."""
    folder = three.folder / "bank"
    (folder / "prog.py").write_text(program, encoding="utf-8")
    for other in others:
        (folder / other).parent.mkdir(exist_ok=True)
        (folder / other).write_text(GOOD, encoding="utf-8")
    work = program_work(str(folder / "prog.py"), [folder / other for other in others])
    three.agree(three.job(work=work, evaluations=[approval()]))
    return folder


def load(three: Institutions) -> Main:
    agreement = three.load("bank")
    return agreement.load_program(agreement.find())


def run(main: Main) -> Any:
    return asyncio.run(main(None))  # type: ignore[arg-type]


def compile_another(path: Path, source: str) -> None:
    """What a folder may bring in its __pycache__: Python takes it and does not look at the source."""
    kept = path.read_bytes()
    path.write_text(source, encoding="utf-8")
    py_compile.compile(str(path), invalidation_mode=py_compile.PycInvalidationMode.UNCHECKED_HASH)
    path.write_bytes(kept)


@pytest.mark.parametrize("program", [TOP, INSIDE])
def test_compiled_files_are_not_taken(three: Institutions, program: str) -> None:
    folder = signed(three, program.format("compiled_help"), "compiled_help.py")
    compile_another(folder / "compiled_help.py", BAD)
    compile_another(folder / "prog.py", "async def main(session): return 3\n")
    assert run(load(three)) == 1


@pytest.mark.parametrize("brought", ["late_help.py", "late_help/__init__.py", "late_help.pyc"])
def test_a_file_that_is_imported_late_is_looked_at(three: Institutions, brought: str) -> None:
    folder = signed(three, INSIDE.format("late_help"))
    main = load(three)
    (folder / brought).parent.mkdir(exist_ok=True)
    (folder / brought).write_text(BAD, encoding="utf-8")
    if brought.endswith(".pyc"):
        (folder / "x.py").write_text(BAD, encoding="utf-8")
        py_compile.compile(str(folder / "x.py"), cfile=str(folder / brought))
    importlib.invalidate_caches()
    with pytest.raises(JobRefused, match=f"the program imports {brought}, which the job does not list"):
        run(main)


def test_a_file_that_changes_before_it_is_imported(three: Institutions) -> None:
    folder = signed(three, INSIDE.format("moving_help"), "moving_help.py")
    main = load(three)
    (folder / "moving_help.py").write_text(BAD, encoding="utf-8")
    with pytest.raises(JobRefused, match=r"moving_help\.py: differs from what was signed \(sha256:"):
        run(main)


def test_a_listed_file_of_a_package_is_imported(three: Institutions) -> None:
    signed(three, TOP.format("pack.part"), "pack/__init__.py", "pack/part.py")
    assert run(load(three)) == 1


def test_a_link_is_a_file_of_the_folder(three: Institutions, tmp_path: Path) -> None:
    folder = signed(three, TOP.format("linked_help"))
    (tmp_path / "elsewhere.py").write_text(BAD, encoding="utf-8")
    (folder / "linked_help.py").symlink_to(tmp_path / "elsewhere.py")
    with pytest.raises(JobRefused, match=r"the program imports linked_help\.py, which the job does not list"):
        load(three)


def test_files_beside_a_link_are_not_those_that_run(three: Institutions, tmp_path: Path) -> None:
    """Python imports from the folder of the real file: that is where the digests are compared."""
    folder = signed(three, TOP.format("other_place"), "other_place.py")
    real = tmp_path / "real"
    real.mkdir()
    (folder / "prog.py").rename(real / "prog.py")
    (real / "other_place.py").write_text(BAD, encoding="utf-8")
    (folder / "prog.py").symlink_to(real / "prog.py")
    with pytest.raises(JobRefused, match=r"real/other_place\.py: differs from what was signed"):
        load(three)


def test_what_was_imported_before_was_not_looked_at(three: Institutions) -> None:
    folder = signed(three, TOP.format("early_help"), "early_help.py")
    (folder / "early_help.py").write_text(BAD, encoding="utf-8")
    sys.path.insert(0, str(folder))
    importlib.import_module("early_help")
    (folder / "early_help.py").write_text(GOOD, encoding="utf-8")
    with pytest.raises(JobRefused, match=r"had imported early_help\.py before the job was looked at"):
        load(three)


def test_the_same_job_may_be_loaded_twice(three: Institutions) -> None:
    signed(three, TOP.format("twice_help"), "twice_help.py")
    assert [run(load(three)), run(load(three))] == [1, 1]
    here = [f for f in sys.meta_path if isinstance(f, SignedFiles) and f.folder == (three.folder / "bank").resolve()]
    assert len(here) == 1
