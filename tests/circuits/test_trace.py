"""From functions to circuits: the example of the design, annotations, results, calls of circuits, closures."""

from __future__ import annotations

from typing import Annotated, Any

import numpy as np
import pytest

from circuits import (
    Bit,
    Circuit,
    CircuitError,
    Fixed,
    Int,
    Port,
    TraceError,
    UInt,
    Vec,
    WidthError,
    bristol,
    circuit,
    select,
)


@circuit
def approve(income: UInt[32], debt: UInt[32], late: UInt[8], cutoff: UInt[16]) -> Bit:
    ratio = debt * 100 // income
    points = select(ratio < 40, 55, 20) + select(late == 0, 60, 10)
    return points >= cutoff


def approve_plain(income: int, debt: int, late: int, cutoff: int) -> bool:
    ratio = debt * 100 // income if income else 2**39 - 1
    return (55 if ratio < 40 else 20) + (60 if late == 0 else 10) >= cutoff


def test_the_example_of_the_design(tmp_path: Any) -> None:
    assert approve.inputs == (
        Port("income", UInt[32]), Port("debt", UInt[32]), Port("late", UInt[8]), Port("cutoff", UInt[16]),
    )  # fmt: skip
    assert approve.outputs == (Port("out0", Bit),)
    assert approve.and_count < 1100
    assert 0 < approve.and_depth <= approve.and_count
    assert approve(income=4000, debt=900, late=0, cutoff=100) is True
    assert approve(4000, 900, 0, cutoff=116) is False
    rng = np.random.default_rng(5)
    incomes, debts = rng.integers(0, 2**16, 500), rng.integers(0, 2**16, 500)
    incomes[:3] = 0
    lates = rng.integers(0, 3, 500)
    for cutoff in (29, 31, 66, 81, 100, 116):
        got = approve(income=incomes, debt=debts, late=lates, cutoff=cutoff)
        rows = zip(incomes.tolist(), debts.tolist(), lates.tolist(), strict=True)
        assert got.tolist() == [approve_plain(*row, cutoff) for row in rows]
    bristol.dump(approve, tmp_path / "approve.txt")
    again = bristol.load(tmp_path / "approve.txt")
    assert again(4000, 900, 0, 100) == 1


def test_the_circuit_knows_its_function() -> None:
    @circuit
    def documented(a: UInt[8]) -> UInt[8]:
        """Nothing at all."""
        return a

    assert documented.name == "documented"
    assert documented.__doc__ == "Nothing at all."
    assert isinstance(documented, Circuit)


def test_options() -> None:
    @circuit(name="both", outputs=["total", "less"])
    def f(a: UInt[4], b: UInt[4]) -> tuple[UInt[5], Bit]:
        return a + b, a < b

    assert f.name == "both"
    assert [(p.name, p.type) for p in f.outputs] == [("total", UInt[5]), ("less", Bit)]
    assert f(3, 9) == (12, True)
    with pytest.raises(TraceError, match="has 1 result, but 2 names of outputs"):

        @circuit(outputs=["a", "b"])
        def g(a: Bit) -> Bit:
            return a

    with pytest.raises(CircuitError, match="output port 'a' appears more than once"):

        @circuit(outputs=["a", "a"])
        def h(a: Bit) -> tuple[Bit, Bit]:
            return a, a


def test_without_annotation_types_are_as_they_come() -> None:
    @circuit
    def f(a: UInt[8], b: Int[4]):  # type: ignore[no-untyped-def]
        return a + 1, a < b, [a, b], 7, True, -1, [[True, False], [a == 0, False]], a

    assert [repr(p.type) for p in f.outputs] == [
        "UInt[9]", "Bit", "Vec[Int[9], 2]", "UInt[3]", "Bit", "Int[1]", "Vec[Vec[Bit, 2], 2]", "UInt[8]",
    ]  # fmt: skip
    assert [p.name for p in f.outputs] == [f"out{i}" for i in range(8)]
    values = f(255, -8)
    assert [v.tolist() if hasattr(v, "tolist") else v for v in values] == [
        256, False, [255, -8], 7, True, -1, [[True, False], [False, False]], 255,
    ]  # fmt: skip


def test_results_are_widened_where_that_loses_nothing() -> None:
    @circuit
    def f(a: UInt[8], b: Bit) -> tuple[UInt[16], Int[9], Fixed[20, 4], UInt[3], Vec[Int[10], 2], Bit, Fixed[8, 2]]:
        return a, a, a, b, (a, -5), 1, 0.3

    assert [repr(p.type) for p in f.outputs][4] == "Vec[Int[10], 2]"
    wide, signed, fixed, bit, vec, one, third = f(200, True)
    assert (wide, signed, fixed, bit, vec.tolist(), one, third) == (200, 200, 200.0, 1, [200, -5], True, 0.25)


def trace_error(function: Any) -> str:
    with pytest.raises((TraceError, WidthError)) as caught:
        circuit(function)
    place, message = str(caught.value).split(": ", 1)
    file, line = place.rsplit(":", 1)
    assert file == __file__
    first = function.__code__.co_firstlineno
    assert int(line) == first
    return f"{type(caught.value).__name__}: {message}"


def test_results_that_do_not_fit() -> None:
    def wider(a: UInt[8]) -> UInt[8]:
        return a + 1

    def signed(a: UInt[8]) -> UInt[8]:
        return a - 1

    def bit(a: UInt[8]) -> Bit:
        return a

    def places(a: Fixed[8, 4]) -> Fixed[8, 2]:
        return a

    def whole(a: Fixed[8, 4]) -> Int[8]:
        return a

    def point(a: UInt[8]) -> Fixed[8, 2]:
        return a

    def big(a: UInt[8]) -> UInt[4]:
        return 100

    def short(a: Bit) -> Vec[Bit, 3]:
        return [a, a]

    def scalar(a: Bit) -> Vec[Bit, 3]:
        return a

    def listed(a: Bit) -> Bit:
        return [a]

    start = "the result is annotated"
    assert trace_error(wider) == (
        f"WidthError: wider: {start} UInt[8]; a UInt[9] does not always fit UInt[8]; "
        "narrow it with .wrap(8) or .saturate(8)"
    )
    assert trace_error(signed).endswith(
        "an Int[9] does not always fit UInt[8]; narrow it with .wrap(UInt[8]) or .saturate(UInt[8])"
    )
    assert trace_error(bit).endswith("does not always fit Bit; compare it (x != 0), or take one bit (x[0])")
    assert trace_error(places).endswith("has more fractional bits than Fixed[8, 2]; drop them with .rescale(2)")
    assert trace_error(whole).endswith("has more fractional bits than Int[8]; drop them with .floor() or .nearest()")
    assert trace_error(point).endswith("narrow it with .rescale(2).wrap(8) or .rescale(2).saturate(8)")
    assert trace_error(big).endswith("annotated UInt[4]; out of range: UInt[4] holds 0 .. 15")
    assert trace_error(short).endswith("a Vec[Bit, 3] is wanted, not 2 elements")
    assert trace_error(scalar).endswith("a Vec[Bit, 3] is wanted, not a Bit")
    assert trace_error(listed).endswith("a Bit is wanted, not a list of 1")


def test_what_is_no_circuit() -> None:
    def nothing(a: Bit):  # type: ignore[no-untyped-def]
        pass

    def words(a: Bit):  # type: ignore[no-untyped-def]
        return "no"

    def ragged(a: Bit):  # type: ignore[no-untyped-def]
        return [a, [a, a]]

    def one(a: Bit) -> tuple[Bit, Bit]:
        return a

    def three(a: Bit) -> tuple[Bit, Bit]:
        return a, a, a  # type: ignore[return-value]

    def number(a: Bit) -> int:
        return a

    def bare(a):  # type: ignore[no-untyped-def]
        return a

    def integer(a: int) -> Bit:
        return a

    def starred(*a: Bit) -> Bit:
        return a[0]

    def wrong_type(a: UInt[0]) -> Bit:
        return a

    def unknown(a: Nonsense) -> Bit:  # type: ignore[name-defined]  # noqa: F821
        return a

    def default(a: Bit, b: Bit = True) -> Bit:
        return a & b

    async def later(a: Bit) -> Bit:
        return a

    def generator(a: Bit):  # type: ignore[no-untyped-def]
        yield a

    assert "parameter 'b' has a default; every input of a circuit is given" in trace_error(default)
    assert "is async or a generator" in trace_error(later)
    assert "is async or a generator" in trace_error(generator)
    assert trace_error(nothing) == "TraceError: nothing returns nothing; return the outputs"
    assert "a secret, a public number or a list of them is wanted, not a str" in trace_error(words)
    assert "the elements of a list have different shapes" in trace_error(ragged)
    assert trace_error(one).endswith("is annotated with 2 results, but returns a Bit")
    assert trace_error(three).endswith("is annotated with 2 results, but returns 3")
    assert "annotated <class 'int'>, not with a port type or tuple[...] of them" in trace_error(number)
    assert "parameter 'a' needs a port type, as in `a: UInt[32]`" in trace_error(bare)
    assert "parameter 'a' needs a port type" in trace_error(integer)
    assert "*a is no port; name each input, or take a Vec" in trace_error(starred)
    assert trace_error(wrong_type) == "WidthError: wrong_type: parameter 'a': UInt[n]: n bits is at least 1, not 0"
    assert "annotated 'Nonsense', which cannot be evaluated" in trace_error(unknown)
    with pytest.raises(TraceError, match="@circuit takes a function, not an int"):
        circuit(3)  # type: ignore[call-overload]


def test_widths_and_constants_may_come_from_around_the_function() -> None:
    def make(n: int, factor: int) -> Circuit:
        T = UInt[n]

        @circuit
        def f(a: UInt[n], b: T, c: Annotated[Any, UInt[n]]) -> UInt[2 * n]:
            return (a * factor + b + c).wrap(2 * n)

        return f

    f = make(5, 7)
    assert [p.type for p in f.inputs] == [UInt[5]] * 3
    assert f(31, 30, 29) == 31 * 7 + 59


def test_positional_keyword_and_nested_parameters() -> None:
    @circuit
    def f(a: UInt[4], /, b: Vec[Vec[UInt[4], 2], 2], *, c: Bit) -> UInt[8]:
        return select(c, a + b[1][0], b[0][1])

    assert f(1, [[2, 3], [4, 5]], c=True) == 5
    assert f(1, [[2, 3], [4, 5]], c=False) == 3


def test_a_circuit_called_in_a_trace_becomes_part_of_it() -> None:
    @circuit(outputs=["total", "less"])
    def step(a: UInt[8], b: Vec[UInt[8], 2]) -> tuple[UInt[9], Bit]:
        return a + b[0], a < b[1]

    @circuit
    def f(x: UInt[8], y: UInt[4]) -> tuple[UInt[9], Bit]:
        total, less = step(x, b=[y, 200])
        return total, less & step(y, [0, x])[1]

    assert f(199, 15) == (214, True)
    assert f(200, 15) == (215, False)

    @circuit
    def g(x: UInt[8]) -> UInt[9]:
        assert step(1, [2, 3]) == (3, True), "public arguments evaluate at once"
        return step(x, [1, 1])[0]

    assert g.and_count < 8
    assert g(255) == 256

    def too_wide(x: UInt[9]) -> UInt[9]:
        return step(x, [1, 1])[0]

    with pytest.raises(WidthError) as caught:
        circuit(too_wide)
    assert str(caught.value) == (
        f"{__file__}:{too_wide.__code__.co_firstlineno + 1}: input 'a' of step is a UInt[8]; a UInt[9] does not always "
        "fit UInt[8]; narrow it with .wrap(8) or .saturate(8)"
    )
    with pytest.raises(CircuitError, match="input 'b'"):
        circuit(_calls_without(step))


def _calls_without(step: Circuit) -> Any:
    def f(x: UInt[8]) -> UInt[9]:
        return step(x)

    return f


def test_inline_checks_its_arguments() -> None:
    from circuits.trace import inline

    with pytest.raises(TraceError, match="approve takes each of income, debt, late, cutoff once"):
        inline(approve, (1, 2), {"debt": 3})
    with pytest.raises(TraceError, match="approve is given no secret"):
        inline(approve, (1, 2, 3, 4), {})


def test_values_of_another_trace_are_refused() -> None:
    leaked: list[Any] = []

    @circuit
    def first(a: UInt[8]) -> UInt[8]:
        leaked.append(a)
        return a

    for use in (
        lambda a: a + leaked[0],
        lambda a: select(leaked[0] == 0, a, 1),
        lambda a: [a, leaked[0]],
        lambda a: leaked[0],
        lambda a: leaked[0].wrap(4),
        lambda a: first(leaked[0]),
    ):

        def f(a: UInt[8]):  # type: ignore[no-untyped-def]
            return use(a)  # noqa: B023

        with pytest.raises(TraceError, match=r"a value of first is used (in f|after that circuit was built)"):
            circuit(f)

    def outer(a: UInt[8]) -> UInt[9]:
        @circuit
        def inner(b: UInt[8]) -> UInt[9]:
            return b + a

        return inner(a)

    with pytest.raises(TraceError, match="a value of outer is used in inner; a circuit knows only its own inputs"):
        circuit(outer)


def test_an_error_of_the_users_own_passes_through() -> None:
    def f(a: UInt[8]) -> UInt[8]:
        raise KeyError("mine")

    with pytest.raises(KeyError, match="mine"):
        circuit(f)
