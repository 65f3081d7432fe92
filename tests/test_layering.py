"""Imports go one way: circuits <- protocols <- mpcnet."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
FORBIDDEN = {"circuits": {"protocols", "mpcnet"}, "protocols": {"mpcnet"}, "mpcnet": set()}
OUTSIDE = {"tests", "examples", "scripts"}


def imported_roots(path: Path) -> set[str]:
    roots = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            roots |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import in line {node.lineno}; name the module in full"
            roots.add((node.module or "").split(".")[0])
    return roots


@pytest.mark.parametrize("package", sorted(FORBIDDEN))
def test_no_arrow_points_back(package: str) -> None:
    files = sorted((ROOT / package).rglob("*.py"))
    assert files
    for path in files:
        wrong = imported_roots(path) & (FORBIDDEN[package] | OUTSIDE)
        assert not wrong, f"{path.relative_to(ROOT)} imports {sorted(wrong)}"


@pytest.mark.parametrize("package", sorted(FORBIDDEN))
def test_nothing_is_unpickled(package: str) -> None:
    for path in sorted((ROOT / package).rglob("*.py")):
        assert not imported_roots(path) & {"pickle", "marshal", "shelve", "dill", "cloudpickle"}, path


def test_numba_stays_in_the_kernels() -> None:
    for package in FORBIDDEN:
        for path in sorted((ROOT / package).rglob("*.py")):
            if (ROOT / "protocols" / "kernels") not in path.parents:
                assert not imported_roots(path) & {"numba", "llvmlite"}, path
