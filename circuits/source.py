"""Where in the user's file something happened, and what they wrote there: for messages."""

from __future__ import annotations

import ast
import itertools
import linecache
import os
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from functools import lru_cache
from pathlib import Path
from types import FrameType
from typing import Any, TypeVar

from circuits.errors import CircuitError, TraceError

__all__ = ["an", "construct", "fail", "fail_on_truth", "line_of", "location"]

_PACKAGE = str(Path(__file__).parent) + os.sep
_parsing = threading.Lock()
_E = TypeVar("_E", bound=CircuitError)


def an(name: object) -> str:
    """The name with its article: a UInt[8], an Int[8]."""
    text = name if isinstance(name, str) else repr(name)
    return f"an {text}" if text[0] in "AEIaeio" or text == "ndarray" else f"a {text}"


def fail(kind: type[_E], message: str) -> _E:
    """An error to raise, its message led by the user's file and line."""
    return kind(f"{location()}: {message}")


def location() -> str:
    """`file:line` of the innermost frame outside this package."""
    frame = _user_frame()
    return f"{frame.f_code.co_filename}:{frame.f_lineno}" if frame else "unknown place"


def line_of(function: Callable[..., Any]) -> int:
    """The line of a function's `def`, which Python's own number of its first line does not give below decorators."""
    code = function.__code__
    tree = _parse(code.co_filename, function.__globals__)
    for node in ast.walk(tree) if tree else ():
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.name == code.co_name:
            first = node.decorator_list[0] if node.decorator_list else node
            if first.lineno == code.co_firstlineno:
                return node.lineno
    return code.co_firstlineno


def fail_on_truth(what: object) -> TraceError:
    """The error for a secret whose truth Python asks for, with advice that fits the construct on that line."""
    frame = _user_frame()
    asked, advice = _ADVICE.get(construct(frame) if frame else "", _ADVICE[""])
    return fail(TraceError, f"{asked} needs to know {an(what)}, which is secret; {advice}")


_SELECT = "compute both sides and write select(condition, then, otherwise)"
_ADVICE = {
    "": ("this line", "a secret has no truth in Python: use select(), and & | ~ between conditions"),
    "if": ("`if`", _SELECT),
    "ifexp": ("`... if ... else ...`", _SELECT),
    "while": ("`while`", "loop a public number of times and select() in each round"),
    "assert": ("`assert`", "return the condition as an output"),
    "and": ("`and`", "write a & b, with comparisons in parentheses"),
    "or": ("`or`", "write a | b, with comparisons in parentheses"),
    "not": ("`not`", "write ~a for a Bit, x == 0 for a number"),
    "chain": ("a chain of comparisons", "write (a < b) & (b < c)"),
    "in": ("`in`", "compare with each element and join with |"),
    "filter": ("`if` in a comprehension", "keep every element and select() a neutral value"),
    "match": ("`match`", _SELECT),
    "min": ("min()", "use circuits.minimum"),
    "max": ("max()", "use circuits.maximum"),
    "sorted": ("sorted()", "use circuits.sort"),
    "sort": (".sort()", "use circuits.sort"),
    "any": ("any()", "join the conditions with |"),
    "all": ("all()", "join the conditions with &"),
    "bool": ("bool()", "compare with 0: x != 0 is a Bit"),
}
_TESTS = {"if", "ifexp", "while", "assert", "filter", "match"}
_CALLS = {"min", "max", "sorted", "sort", "any", "all", "bool"}


def _user_frame() -> FrameType | None:
    frame: FrameType | None = sys._getframe(1)
    while frame and frame.f_code.co_filename.startswith(_PACKAGE):
        frame = frame.f_back
    return frame


def _parse(filename: str, names: dict[str, Any]) -> ast.Module | None:
    text = "".join(linecache.getlines(filename, names))
    with _parsing:  # CPython 3.11 counts the depth of a tree for all threads together
        return _tree(text)


@lru_cache(maxsize=8)
def _tree(text: str) -> ast.Module | None:
    try:
        return ast.parse(text)
    except (SyntaxError, ValueError):
        return None


def construct(frame: FrameType) -> str:
    """Which key of _ADVICE the running instruction belongs to; "" if the source does not tell."""
    position = next(itertools.islice(frame.f_code.co_positions(), frame.f_lasti // 2, None), None)
    if position is None or None in position:
        return ""
    line, end_line, column, end_column = position
    tree = _parse(frame.f_code.co_filename, frame.f_globals)
    if tree is None:
        return ""
    assert line is not None
    assert end_line is not None
    found = ""
    inner: set[ast.AST] = set()  # each `not` that only turns the test of a construct round
    for node in ast.walk(tree):  # breadth first: the innermost comes last
        if node in inner:
            continue
        key, parts = _key(node)
        if key in _TESTS:
            inner.update(negation for part in parts for negation in _negations(part))
        spans = [_span(part) for part in parts]
        if any(start <= (line, column) and (end_line, end_column) <= end for start, end in spans):
            found = key
        elif key and isinstance(node, ast.stmt | ast.expr) and _span(node) == ((line, column), (end_line, end_column)):
            found = key  # Python 3.11: `if not x` is a jump that belongs to the whole statement
            if key in _TESTS and isinstance(inside := _without_not(parts[0]), ast.BoolOp):
                found = _key(inside)[0]
    return found


def _negations(test: ast.AST) -> Iterator[ast.UnaryOp]:
    """Each `not` around a test: Python 3.12 and later ask in its place, earlier ones in that of the whole construct."""
    while isinstance(test, ast.UnaryOp) and isinstance(test.op, ast.Not):
        yield test
        test = test.operand


def _without_not(test: ast.AST) -> ast.AST:
    return next((negation.operand for negation in reversed(list(_negations(test)))), test)


def _span(node: ast.stmt | ast.expr | ast.pattern) -> tuple[tuple[int, int], tuple[int, int]]:
    return (node.lineno, node.col_offset), (node.end_lineno or 0, node.end_col_offset or 0)


def _key(node: ast.AST) -> tuple[str, Sequence[ast.expr | ast.pattern]]:
    """The key of _ADVICE for a construct that asks for truth, and the expressions it asks."""
    match node:
        case ast.If(test=test):
            return "if", [test]
        case ast.IfExp(test=test):
            return "ifexp", [test]
        case ast.While(test=test):
            return "while", [test]
        case ast.Assert(test=test):
            return "assert", [test]
        case ast.BoolOp(op=op):
            return ("and" if isinstance(op, ast.And) else "or"), [node]
        case ast.UnaryOp(op=ast.Not()):
            return "not", [node]
        case ast.Compare(ops=[ast.In() | ast.NotIn()]):
            return "in", [node]
        case ast.Compare(ops=[_, _, *_]):
            return "chain", [node]
        case ast.ListComp() | ast.SetComp() | ast.DictComp() | ast.GeneratorExp():
            tests = [test for generator in node.generators for test in generator.ifs]
            return ("filter" if tests else ""), tests
        case ast.Match(cases=cases):
            return "match", [part for case in cases for part in (case.pattern, case.guard) if part]
        case ast.Call(func=ast.Name(id=name) | ast.Attribute(attr=name)) if name in _CALLS:
            return name, [node]
    return "", []
