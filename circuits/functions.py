"""The functions of the language, beside the operators: what `from circuits import ...` gives."""

from __future__ import annotations

from circuits.convert import concat
from circuits.lib.lookup import lookup
from circuits.lib.reduce import argmax, argmin, maximum, minimum, sum
from circuits.lib.select import select
from circuits.lib.sort import sort

__all__ = ["argmax", "argmin", "concat", "lookup", "maximum", "minimum", "select", "sort", "sum"]
