"""From an annotated Python function to a Circuit.

The function runs once, with a traced value for each parameter; what it returns are the outputs. Loops over public
ranges unroll, calls of other functions and circuits become part of it, and public Python values around it are
constants.
"""

from __future__ import annotations

import contextlib
import inspect
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, get_args, get_origin, overload

from circuits.builder import STYLES, Builder
from circuits.convert import assign, describe, find_builder, from_wires, unify
from circuits.errors import CircuitError, TraceError, WidthError
from circuits.ir import Circuit
from circuits.source import an, fail, line_of, location
from circuits.types import PortType
from circuits.values import Scalar, VecValue

__all__ = ["circuit", "inline", "with_style"]


@overload
def circuit(function: Callable[..., Any], /) -> Circuit: ...
@overload
def circuit(
    *, name: str | None = None, outputs: Sequence[str] | None = None, style: str = "few_ands"
) -> Callable[[Callable[..., Any]], Circuit]: ...
def circuit(
    function: Callable[..., Any] | None = None,
    /,
    *,
    name: str | None = None,
    outputs: Sequence[str] | None = None,
    style: str = "few_ands",
) -> Circuit | Callable[[Callable[..., Any]], Circuit]:
    """Make a Circuit of a Python function.

        @circuit
        def approve(income: UInt[32], debt: UInt[32]) -> Bit:
            return debt * 100 // income < 40

    Every parameter is annotated with a port type and becomes an input of that name. The result is one value, or a
    tuple of several. With a return annotation (a port type, or `tuple[...]` of them) each value is widened to its type,
    if that loses nothing; without one the types are as they come. Lists become a Vec.

    Args:
        function: what to trace; run once, at once.
        name: the circuit's name; the function's by default.
        outputs: names of the output ports; out0, out1, ... by default.
        style: what to optimise for, see `builder.STYLES`; `with_style` gives another one of the circuit.
    Raises:
        TraceError: a parameter has no port type; the function asks for what is secret; the result is no value.
        WidthError: the result does not fit its annotation.
    """
    if function is None:
        return lambda inner: _trace(inner, name, outputs, style, sys._getframe(1).f_locals)
    return _trace(function, name, outputs, style, sys._getframe(1).f_locals)


def _trace(
    function: Callable[..., Any],
    name: str | None,
    outputs: Sequence[str] | None,
    style: str,
    names_around: Mapping[str, Any],
) -> Circuit:
    if not inspect.isfunction(function):
        raise fail(TraceError, f"@circuit takes a function, not {describe(function)}")
    where = f"{function.__code__.co_filename}:{line_of(function)}: {function.__name__}"
    if inspect.iscoroutinefunction(function) or inspect.isgeneratorfunction(function):
        raise TraceError(f"{where} is async or a generator; @circuit takes a function that returns its outputs")
    parameters: list[tuple[str, PortType, bool]] = []
    for parameter in inspect.signature(function).parameters.values():
        if parameter.kind in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD):
            raise TraceError(f"{where}: *{parameter.name} is no port; name each input, or take a Vec")
        if parameter.default is not parameter.empty:
            raise TraceError(f"{where}: parameter {parameter.name!r} has a default; every input of a circuit is given")
        type = _evaluate(parameter.annotation, function, names_around, f"{where}: parameter {parameter.name!r}")
        if not isinstance(type, PortType):
            raise TraceError(
                f"{where}: parameter {parameter.name!r} needs a port type, as in `{parameter.name}: UInt[32]`; public "
                "values come from around the function"
            )
        parameters.append((parameter.name, type, parameter.kind is parameter.POSITIONAL_ONLY))
    returns = _evaluate(inspect.signature(function).return_annotation, function, names_around, f"{where}: the result")
    named = None if outputs is None else tuple(outputs)
    return _Source(function, name or function.__name__, named, tuple(parameters), returns, where, style).trace(style)


@dataclass(frozen=True)
class _Source:
    """What a circuit is traced from, with its annotations evaluated."""

    function: Callable[..., Any]
    name: str
    outputs: tuple[str, ...] | None
    parameters: tuple[tuple[str, PortType, bool], ...]
    returns: Any
    where: str
    style: str

    def trace(self, style: str) -> Circuit:
        """Run the function once."""
        builder = Builder(self.name, style=style)
        arguments: dict[str, Any] = {}
        positional: list[Any] = []
        for name, type, by_position in self.parameters:
            value = from_wires(builder, type, builder.input(name, type))
            if by_position:
                positional.append(value)
            else:
                arguments[name] = value
        try:
            result = self.function(*positional, **arguments)
        except NameError as error:
            if error.name != self.function.__name__:
                raise
            raise TraceError(
                f"{self.where} calls itself, and there is no end a secret could choose; loop a public number of times, "
                "or put the recursion, down to a public depth, into a plain function that this one calls"
            ) from None
        values = _results(builder, result, self.returns, self.where)
        names = [f"out{i}" for i in range(len(values))] if self.outputs is None else self.outputs
        if len(names) != len(values):
            raise TraceError(f"{self.where} has {_count(values)}, but {len(names)} names of outputs are given")
        for output, value in zip(names, values, strict=True):
            builder.output(output, value.type, value.wires)
        made = builder.build()
        object.__setattr__(made, "__doc__", self.function.__doc__)
        object.__setattr__(made, "__wrapped__", self.function)
        object.__setattr__(made, "_source", self)
        object.__setattr__(made, "_styled", {style: made})
        return made


def with_style(circuit: Circuit, style: str) -> Circuit:
    """The same function, traced anew with library blocks of another style; kept for the next call.

    A circuit that does not come from `@circuit` (a file, a Builder) stays as it is. So does one whose function means
    something else by now, because what is around it has changed: that shows by tracing it anew in its own style. So the
    function runs twice more, once.

    Args:
        style: one of `builder.STYLES`.
    Raises:
        ValueError: there is no such style.
    """
    if style not in STYLES:
        raise ValueError(f"style is one of {', '.join(STYLES)}, not {style!r}")
    source: _Source | None = getattr(circuit, "_source", None)
    if source is None:
        return circuit
    kept: dict[str, Circuit] = circuit._styled  # type: ignore[attr-defined]
    if style not in kept:
        kept[style] = _retrace(circuit, source, style)
    return kept[style]


def _retrace(circuit: Circuit, source: _Source, style: str) -> Circuit:
    try:
        again, made = source.trace(source.style), source.trace(style)
    except Exception:  # whatever the function now stumbles over, the circuit at hand is right
        return circuit
    if again.digest != circuit.digest or made.inputs != circuit.inputs or made.outputs != circuit.outputs:
        return circuit
    object.__setattr__(made, "_styled", circuit._styled)  # type: ignore[attr-defined]
    return made


def _evaluate(annotation: Any, function: Callable[..., Any], names_around: Mapping[str, Any], what: str) -> Any:
    """The object an annotation names; strings are looked up where the function stands."""
    if isinstance(annotation, str):
        cells = _cells(function)
        try:
            annotation = eval(annotation, function.__globals__, {**names_around, **cells})
        except WidthError as error:
            raise WidthError(f"{what}: {error}") from None
        except Exception as error:
            raise TraceError(f"{what} is annotated {annotation!r}, which cannot be evaluated: {error}") from None
    if get_origin(annotation) is Annotated:
        return next((part for part in get_args(annotation)[1:] if isinstance(part, PortType)), annotation)
    return annotation


def _cells(function: Callable[..., Any]) -> dict[str, Any]:
    """The names of the functions around that the function uses, those with a value so far: its own has none yet."""
    found = {}
    for name, cell in zip(function.__code__.co_freevars, function.__closure__ or (), strict=True):
        with contextlib.suppress(ValueError):
            found[name] = cell.cell_contents
    return found


def _results(builder: Builder, result: Any, returns: Any, where: str) -> list[Scalar | VecValue]:
    """The values of the outputs, of the annotated types if there are any."""
    if result is None:
        raise TraceError(f"{where} returns nothing; return the outputs")
    if find_builder(result) not in (None, builder):
        raise TraceError(f"{where} returns a value of another circuit's trace; pass it as an input")
    if returns is inspect.Signature.empty:
        try:
            return [unify(builder, [item])[0] for item in (result if isinstance(result, tuple) else (result,))]
        except (TraceError, WidthError) as error:
            raise error.__class__(f"{where}: the result: {_reason(error)}") from None
    several = get_origin(returns) is tuple or isinstance(returns, tuple)
    types = (get_args(returns) or returns) if several else (returns,)
    for type in types:
        if not isinstance(type, PortType):
            raise TraceError(f"{where}: the result is annotated {type!r}, not with a port type or tuple[...] of them")
    if several and not isinstance(result, tuple):
        raise TraceError(f"{where} is annotated with {_count(types)}, but returns {describe(result)}")
    items = result if several else (result,)
    if len(items) != len(types):
        raise TraceError(f"{where} is annotated with {_count(types)}, but returns {len(items)}")
    values = []
    for i, (item, type) in enumerate(zip(items, types, strict=True)):
        try:
            values.append(assign(builder, item, type))
        except (TraceError, WidthError) as error:
            which = f"result {i}" if several else "the result"
            raise error.__class__(f"{where}: {which} is annotated {type!r}; {_reason(error)}") from None
    return values


def _count(results: Sequence[Any]) -> str:
    return "1 result" if len(results) == 1 else f"{len(results)} results"


def _reason(error: CircuitError) -> str:
    """The message without the place, where a better one is at hand."""
    return str(error).removeprefix(f"{location()}: ")


def inline(circuit: Circuit, args: Sequence[Any], kwargs: Mapping[str, Any]) -> Any:
    """Make `circuit` part of the trace that its arguments belong to; what calling a Circuit with secrets does.

    Args:
        args, kwargs: secrets and public values, by position or name, each of which its port must hold.
    Returns:
        the value of the one output, or a tuple of several.
    Raises:
        WidthError: a value does not always fit its port.
        TraceError: an input is missing or doubled; values of several traces; no secret among them.
    """
    names = [port.name for port in circuit.inputs]
    values = dict(zip(names, args, strict=False))
    if len(args) > len(names) or values.keys() & kwargs.keys() or {*values, *kwargs} != set(names):
        raise fail(TraceError, f"{circuit.name} takes each of {', '.join(names)} once, by position or by name")
    values.update(kwargs)
    builder = find_builder(*values.values())
    if builder is None:
        raise fail(TraceError, f"{circuit.name} is given no secret; call it with public values to evaluate it")
    wires: list[int] = []
    for port in circuit.inputs:
        try:
            wires += assign(builder, values[port.name], port.type).wires
        except (TraceError, WidthError) as error:
            named = f"input {port.name!r} of {circuit.name} is {an(port.type)}; {_reason(error)}"
            raise fail(error.__class__, named) from None
    if builder.style == "low_depth":
        circuit = with_style(circuit, builder.style)
    found = builder.inline(circuit, wires)
    results = []
    for port in circuit.outputs:
        results.append(from_wires(builder, port.type, found[: port.n_bits]))
        found = found[port.n_bits :]
    return results[0] if len(results) == 1 else tuple(results)
