from __future__ import annotations

import functools
from pathlib import Path
from typing import Any

import pytest

from mpcnet.errors import ConfigError
from mpcnet.program import call_program, load_program, name_program, trace_of_program
from tests.integration import programs

FILE = str(Path(programs.__file__))


@pytest.fixture
def program(tmp_path: Path) -> Path:
    path = tmp_path / "my program.py"
    path.write_text(
        "import helper_of_program\nasync def main(session): return helper_of_program.VALUE\n"
        "async def other(session): return 2\ndef plain(session): return 3\n"
        "class Group:\n    @staticmethod\n    async def inner(session): return 4\n"
    )
    (tmp_path / "helper_of_program.py").write_text("VALUE = 1\n")
    return path


async def test_file_with_its_folder_on_the_path(program: Path) -> None:
    session: Any = None
    assert await load_program(str(program))(session) == 1
    assert await load_program(f"{program}:other")(session) == 2
    assert await load_program(f"{program}:Group.inner")(session) == 4


async def test_module() -> None:
    assert load_program("tests.integration.programs:names") is programs.names
    assert load_program("tests.integration.programs") is programs.main


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("nothing.py", r"nothing\.py: there is no such program"),
        ("no_such_module", "no_such_module: there is no module 'no_such_module'"),
        ("tests.no_such_module:main", "there is no module 'tests.no_such_module'"),
        ("tests.integration.programs:bogus", "has no function 'bogus'; define `async def bogus"),
        ("tests.integration.programs:end", "'end' is not an async function"),
        ("tests.integration.programs:Any", "'Any' is not an async function"),
    ],
)
def test_mistakes_are_named(name: str, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        load_program(name)


def test_plain_function_in_a_file(program: Path) -> None:
    with pytest.raises(ConfigError, match="'plain' is not an async function"):
        load_program(f"{program}:plain")


def test_errors_of_the_program_itself_pass(tmp_path: Path) -> None:
    path = tmp_path / "broken.py"
    path.write_text("import no_such_thing_at_all\n")
    with pytest.raises(ModuleNotFoundError, match="no_such_thing_at_all"):
        load_program(str(path))
    path.write_text("1 / 0\n")
    with pytest.raises(ZeroDivisionError):
        load_program(str(path))


async def test_trace_begins_at_the_program(tmp_path: Path) -> None:
    path = tmp_path / "failing.py"
    path.write_text("def inner(x):\n    return 1 / x\n\nasync def main(session):\n    return inner(session)\n")
    main = load_program(str(path))
    assert await call_program(main, 2) == 0.5
    with pytest.raises(ZeroDivisionError) as caught:
        await call_program(main, 0)
    trace = trace_of_program(caught.value)
    assert trace is not None
    places = [line.split(", ", 1)[1] for line in trace.splitlines() if line.startswith("  File ")]
    assert places == ["line 5, in main", "line 2, in inner"]
    with pytest.raises(TypeError) as wrong:
        await call_program(main, 1, "too many")
    trace = trace_of_program(wrong.value)
    assert trace is not None
    assert trace.startswith("TypeError: main() takes 1 positional argument")


def test_trace_of_a_program_that_does_not_load(tmp_path: Path) -> None:
    path = tmp_path / "broken.py"
    for text, first in [
        ("\n1 / 0\n", "line 2, in <module>"),
        ("import no_such_thing_at_all\n", "line 1, in <module>"),
        ("def f(\n", "line 1"),
    ]:
        path.write_text(text)
        with pytest.raises((ZeroDivisionError, ModuleNotFoundError, SyntaxError)) as caught:
            load_program(str(path))
        trace = trace_of_program(caught.value)
        assert trace is not None
        assert [line.split(", ", 1)[1] for line in trace.splitlines() if line.startswith("  File ")] == [first]


def test_no_trace_for_what_one_line_says_or_what_is_not_the_programs() -> None:
    with pytest.raises(ConfigError) as caught:
        load_program("nothing.py")
    assert trace_of_program(caught.value) is None
    assert trace_of_program(KeyError("a defect")) is None


def test_names_for_other_processes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert name_program(programs.names) == f"{FILE}:names"
    assert name_program("some.module:function") == "some.module:function"
    monkeypatch.chdir(tmp_path)
    assert name_program("here.py") == f"{tmp_path}/here.py:main"
    assert name_program("here.py:f") == f"{tmp_path}/here.py:f"


def test_functions_without_a_name(program: Path) -> None:
    async def local(session: Any) -> None: ...

    for function in (local, lambda session: None, functools.partial(programs.names), len):
        with pytest.raises(ConfigError, match="at the top of a file"):
            name_program(function)  # type: ignore[arg-type]
