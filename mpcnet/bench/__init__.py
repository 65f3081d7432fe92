"""Measurements of this machine: what `mpcnet bench` runs and what `docs/performance.md` reports.

rows       what there is to measure, how much of it, and the result
timing     repetitions, medians, processor time
machine    what it was measured on
kernels    rows of one process: AES, garbling, evaluating
compiling  rows of one process: tracing, loading a circuit file
pair       rows of two processes: starts them, collects what they measured
roles      what each of the two does
plain      a link over TCP without TLS, for comparison; measurements alone can open one
clock, wan two parties on a slow network, in one process, on a clock that skips the waiting
growth     how the cost grows with instances and gates
show       tables for people
"""
