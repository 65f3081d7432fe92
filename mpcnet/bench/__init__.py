"""Measurements of this machine: what `mpcnet bench` runs and what `docs/performance.md` reports.

rows       what there is to measure, how much of it, and the result
timing     repetitions, medians, processor time
machine    what it was measured on
kernels    rows of one process: AES, garbling, evaluating
compiling  rows of one process: tracing, loading a circuit file
crew       rows of several processes: starts them, collects what they measured
roles      what each of two does that garble and evaluate, or transfer
members    what each of two or three equal parties does
jobs       what these compute; share_jobs, operands: on secret arrays, and on what numbers
fresh      rows of processes that are started anew each time; trivial: their program
others     what other systems took for the same
peers      MPyC on the same work, in turn with ours; mpyc_program: its program
document   tables of `docs/performance.md`
plain      a link over TCP without TLS, for comparison; measurements alone can open one
clock, wan two parties on a slow network, in one process, on a clock that skips the waiting
growth     how the cost grows with instances and gates
show       tables for people
"""
