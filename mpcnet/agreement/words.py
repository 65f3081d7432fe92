"""A job in plain words: who gives and learns what, who must not put their heads together; and how two jobs differ.

Everything here is made of what the job says. Names of columns and outputs are those of whoever made the job; what they
stand for is in the circuit, whose digest the job names.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import msgspec

from mpcnet.agreement.job import SHARES, Evaluation, Job, JobFile

__all__ = ["as_dict", "describe", "differences", "learns"]


def learns(job: Job, party: str) -> str:
    """What one party learns, as the end of a sentence."""
    parts = []
    for evaluation in job.evaluations:
        names = [port.name for port in evaluation.outputs if party in port.to]
        if names:
            where = f" ({evaluation.circuit})" if len(job.evaluations) > 1 else ""
            parts.append(f"{_and(names)} of each applicant{where}")
    parts += [f"{o.what}: at most {o.values:,} numbers" for o in job.openings if party in o.to]
    counts = "the number of applicants" if job.evaluations else "how much is computed"
    return f"{'; '.join(parts)}; and {counts}" if parts else f"nothing but {counts}"


def describe(file: JobFile) -> str:
    """The whole job for people, some lines of text."""
    job = file.job
    lines = [f"job {job.name}" + (f": {job.purpose}" if job.purpose else "")]
    lines += [f"{party} learns: {learns(job, party)}." for party in job.names]
    lines.append("")
    for party in job.names:
        columns = job.owned_by(party)
        lines.append(f"{party} gives: {_and(columns)}." if columns else f"{party} gives: nothing.")
    lines.append("")
    lines += _trust(job)
    lines.append("")
    lines += _work(job)
    lines.append(
        f"limits: {job.limits.applicants:,} applicants and {job.limits.seconds:,.0f} seconds in a run; as many runs "
        f"as all policies allow until it expires on {job.expires:%Y-%m-%d %H:%M} UTC"
    )
    lines.append(f"digest {file.digest.hex()}")
    return "\n".join(lines)


def _trust(job: Job) -> list[str]:
    """Who could open whose inputs if they put their heads together."""
    lines = []
    for evaluation in job.evaluations:
        name = f"{evaluation.circuit}: " if len(job.evaluations) > 1 else ""
        owners = dict.fromkeys(port.owner for port in evaluation.inputs)
        if evaluation.protocol == "gmw":
            lines.append(
                f"{name}all parties compute; inputs stay private even if all other parties put notes together."
            )
            continue
        if evaluation.protocol in SHARES:
            most = (len(job.names) - 1) // 2 if evaluation.protocol == "shamir" else len(job.names) - 1
            lines.append(
                f"{name}all parties compute on shares; inputs stay private while at most {most} put notes together."
            )
            continue
        others = [party for party in job.names if party in owners and party not in evaluation.compute]
        computing = _and(evaluation.compute)
        lines.append(
            f"{name}{computing} compute"
            + (f"; together these two could open the inputs of {_and(others)}." if others else ".")
        )
    if job.openings:
        lines.append(
            "The program computes on secret arrays: how many may put notes together is its choice, so read it."
        )
    return lines


def _work(job: Job) -> list[str]:
    work = job.work
    lines = [f"{work.kind} {work.source}".rstrip() + f"  {work.digest}"]
    lines += [f"  {name}  {digest}" for name, digest in work.files.items()]
    if work.kind == "program":
        lines.append("  A program can do more than evaluate: read these files before you sign.")
    for evaluation in job.evaluations:
        types = ", ".join(f"{port.name}: {port.type}" for port in evaluation.inputs)
        results = ", ".join(f"{port.name}: {port.type}" for port in evaluation.outputs)
        lines.append(f"  {evaluation.circuit}({types}) -> {results}")
        lines.append(f"    {evaluation.protocol}, {evaluation.digest}")
    return lines


def as_dict(file: JobFile) -> dict[str, Any]:
    """For JSON: the job, its digest, and who learns and gives what."""
    job = file.job
    return {
        "digest": file.digest.hex(),
        "learns": {party: list(job.learned_by(party)) for party in job.names},
        "gives": {party: list(job.owned_by(party)) for party in job.names},
        "job": msgspec.to_builtins(job),
    }


def differences(one: JobFile, two: JobFile) -> list[str]:
    """How the second job differs from the first, entry by entry; what changes for a party's knowledge comes first."""
    if one.data == two.data:
        return []
    lines = []
    for party in dict.fromkeys([*one.job.names, *two.job.names]):
        before, after = (learns(job, party) if party in job.names else "is no party" for job in (one.job, two.job))
        if before != after:
            lines.append(f"{party} learns: {before} -> {after}")
        gave, gives = (set(job.owned_by(party)) for job in (one.job, two.job))
        if gives - gave:
            lines.append(f"{party} gives now: {_and(sorted(gives - gave))}")
        if gave - gives:
            lines.append(f"{party} no longer gives: {_and(sorted(gave - gives))}")
    left, right = dict(_entries(_plain(one.job))), dict(_entries(_plain(two.job)))
    for key in dict.fromkeys([*left, *right]):
        if left.get(key) != right.get(key):
            lines.append(f"{key}: {left.get(key, '(not there)')} -> {right.get(key, '(not there)')}")
    if not lines and one.job != two.job:
        return ["entries of the same name differ: compare the files themselves"]
    return lines or [
        "the same entries, written differently: the bytes differ, so the signatures of one do not fit the other"
    ]


def _plain(job: Job) -> dict[str, Any]:
    table: dict[str, Any] = msgspec.to_builtins(job)
    table["party"] = {entry["name"]: entry["key"] for entry in table["party"]}
    table["evaluation"] = {_name(job.evaluations, i): entry for i, entry in enumerate(table["evaluation"])}
    table["opening"] = {entry["what"]: entry for entry in table["opening"]}
    for entry in table["evaluation"].values():
        for side in ("input", "output"):
            entry[side] = {port["name"]: port for port in entry[side]}
    return table


def _name(evaluations: tuple[Evaluation, ...], number: int) -> str:
    same = [i for i, other in enumerate(evaluations) if other.circuit == evaluations[number].circuit]
    return evaluations[number].circuit + (f"/{same.index(number) + 1}" if len(same) > 1 else "")


def _entries(value: Any, place: str = "") -> Iterator[tuple[str, str]]:
    if isinstance(value, Mapping):
        for key, inner in value.items():
            yield from _entries(inner, f"{place}.{key}" if place else str(key))
    elif isinstance(value, list | tuple):
        yield place, ", ".join(map(str, value)) or "nobody"
    else:
        yield place, str(value)


def _and(names: Any) -> str:
    """a, b and c"""
    listed = [str(name) for name in names]
    return listed[0] if len(listed) == 1 else f"{', '.join(listed[:-1])} and {listed[-1]}"
