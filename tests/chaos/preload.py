"""Imported by the process that parties are forked from, so that kernels are loaded once and not for each run."""

from __future__ import annotations

from tests.chaos.child import prepare

prepare()
