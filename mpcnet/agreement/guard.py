"""What holds a session to its job: asked before each evaluation, and before a number of a secret array is opened.

A session without a job has no guard. The guard knows the job and this party's policy; that the other parties keep to
the job is in their own interest, and for what they could gain by not doing so see the threat model.
"""

from __future__ import annotations

import datetime
from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING

from mpcnet.agreement.job import SHARES, Evaluation, Input, Job, Output
from mpcnet.errors import JobRefused

if TYPE_CHECKING:
    from mpcnet.agreement.policy import Policy
    from mpcnet.plan import Plan

__all__ = ["Guard", "evaluation_of"]


class Guard:
    """The job of one session, and how much of it is used up.

    Args:
        job: checked, signed and allowed.
        policy: of this party.
        where: the job file, for messages.
    """

    def __init__(self, job: Job, policy: Policy, where: str) -> None:
        self.job, self._policy, self._where = job, policy, where
        self._applicants = 0
        self._opened: Counter[tuple[str, ...]] = Counter()

    def check(self, plan: Plan) -> None:
        """Raise JobRefused unless the job lists an evaluation; names what differs."""
        self._check_time()
        asked = evaluation_of(plan)
        same = [known for known in self.job.evaluations if known.digest == asked.digest]
        if not same:
            raise JobRefused(
                f"{self._where}: the job has no evaluation of circuit {asked.circuit} ({asked.digest[:24]}...); "
                "run what was agreed on, or agree on another job"
            )
        for known in same:
            if (known.inputs, known.outputs, known.protocol, known.compute) == (
                asked.inputs,
                asked.outputs,
                asked.protocol,
                asked.compute,
            ):
                return
        raise JobRefused(f"{self._where}: the job has circuit {asked.circuit}, but {_difference(same[0], asked)}")

    def take(self, count: int) -> None:
        """Count the instances of an evaluation that all parties agreed on, before the first input moves.

        Raises:
            JobRefused: more than the job's limit or than this party's policy allows today.
        """
        most = self.job.limits.applicants
        if self._applicants + count > most:
            raise JobRefused(
                f"{self._where}: the job allows {most:,} applicants in a run, and this would be "
                f"{self._applicants + count:,}; score fewer, or agree on another job"
            )
        self._count_today(count)
        self._applicants += count

    def compute(self, engine: str) -> None:
        """Raise JobRefused where a job that is no program computes with another engine of secret arrays than agreed."""
        self._check_time()
        agreed = [evaluation.protocol for evaluation in self.job.evaluations]
        if self.job.work.kind != "program" and not any(engine.startswith(protocol) for protocol in agreed):
            raise JobRefused(f"{self._where}: is computed with {' and '.join(agreed)}, not with {engine}")

    def open(self, to: Sequence[str], values: int) -> None:
        """Count numbers of a secret array that are to be opened, before their shares move.

        Of a program each of them counts as an applicant of the day: what it stands for only the program knows.

        Raises:
            JobRefused: the job opens nothing to just these parties, or fewer numbers; or has expired; or it would be
                more than this party's policy allows today.
        """
        self._check_time()
        who = tuple(sorted(to))
        most = sum(opening.values for opening in self.job.openings if tuple(sorted(opening.to)) == who)
        for evaluation in self.job.evaluations:
            if evaluation.protocol in SHARES:  # each output once for each applicant
                outputs = sum(tuple(sorted(output.to)) == who for output in evaluation.outputs)
                most += outputs * self.job.limits.applicants
        if self._opened[who] + values > most:
            limit = f"{most:,} numbers" if most else "nothing"
            raise JobRefused(
                f"{self._where}: the job opens {limit} to {' and '.join(who) or 'nobody'}, and this would be "
                f"{self._opened[who] + values:,}; agree on another job"
            )
        if self.job.work.kind == "program":
            self._count_today(values)
        self._opened[who] += values

    def _check_time(self) -> None:
        if datetime.datetime.now(datetime.UTC) > self.job.expires:
            raise JobRefused(f"{self._where}: the job expired on {self.job.expires:%Y-%m-%d %H:%M} UTC")

    def _count_today(self, count: int) -> None:
        if count and self._policy.applicants_a_day is not None:
            self._policy.usage.take(count, self._policy.applicants_a_day)


def evaluation_of(plan: Plan) -> Evaluation:
    """What a job says about an evaluation."""
    circuit = plan.circuit
    return Evaluation(
        circuit=circuit.name,
        digest=f"circuit:{circuit.digest.hex()}",
        protocol=plan.protocol,
        compute=plan.computing,
        inputs=tuple(Input(port.name, repr(port.type), plan.owners[port.name]) for port in circuit.inputs),
        outputs=tuple(Output(port.name, repr(port.type), plan.reveal_to[port.name]) for port in circuit.outputs),
    )


def _ports(evaluation: Evaluation) -> list[tuple[str, str]]:
    return [(p.name, p.type) for p in evaluation.inputs] + [(p.name, p.type) for p in evaluation.outputs]


def _difference(known: Evaluation, asked: Evaluation) -> str:
    """The first thing in which what is asked differs from what the job says."""
    if _ports(known) != _ports(asked):
        return "lists other ports than that circuit has"
    for port, wanted in zip(known.inputs, asked.inputs, strict=True):
        if port != wanted:
            return f"with {port.name!r} of {port.owner}, not of {wanted.owner}"
    for out, opened in zip(known.outputs, asked.outputs, strict=True):
        if out != opened:
            agreed, now = (" and ".join(names) or "nobody" for names in (out.to, opened.to))
            return f"with {out.name!r} for {agreed}, not for {now}"
    if known.protocol != asked.protocol:
        return f"with protocol {known.protocol!r}, not {asked.protocol!r}"
    return f"computed by {' and '.join(known.compute)}, not by {' and '.join(asked.compute)}"
