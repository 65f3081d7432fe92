"""What a run is told as: at a party by hand, and at the end of the demo, which alone knows the truth."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING, Any

from mpcnet.credit.progress import counted, megabytes

if TYPE_CHECKING:
    from rich.console import Console

    from mpcnet.credit.job import ScoreJob, Scores

__all__ = ["DemoResult", "PartyFacts", "Quality", "print_demo", "print_scores", "run_facts"]

SHOWN = 8
MEASURABLE = 100  # with fewer applicants, AUC and KS say more of who happens to be among them than of the score
PHASES = ("connect", "ot", "evaluate", "total")
PHASE_WORDS = {"connect": "connecting", "ot": "oblivious transfer", "evaluate": "evaluating", "total": "in all"}


@dataclass(frozen=True)
class Quality:
    """How well scores separate: AUC and KS, without the others and with them."""

    lender_alone: float
    joint: float

    def as_dict(self) -> dict[str, float]:
        """For JSON."""
        return {"lender_alone": round(self.lender_alone, 6), "joint": round(self.joint, 6)}


@dataclass(frozen=True)
class PartyFacts:
    """What one party's process did.

    Args:
        name, pid: who.
        bytes_sent, bytes_received: over all its links, before TLS.
        peak_bytes: the most memory it held.
    """

    name: str
    pid: int
    bytes_sent: int
    bytes_received: int
    peak_bytes: int


@dataclass(frozen=True)
class DemoResult:
    """All that the demo found out.

    Args:
        parties: the lender, then the others.
        applicants: how many were scored.
        mismatches: how many joint results differ from scoring in the clear; None of them should.
        auc, ks: on the scored applicants; None where all of them are good, or all bad.
        and_gates: over all applicants.
        seconds: connect, ot, evaluate and total, at the lender.
        first: (applicant, score, decision) of the first applicants, as they are written.
        cross_validated: the AUC of the fit's report, for comparison, where it has one.
        max_difference: the largest difference between a joint probability and that in the clear; None for points.
    """

    parties: tuple[PartyFacts, ...]
    applicants: int
    mismatches: int
    auc: Quality | None
    ks: Quality | None
    and_gates: int
    seconds: Mapping[str, float]
    first: tuple[tuple[str, str, str], ...]
    cross_validated: Quality | None
    max_difference: float | None = None

    @property
    def kind(self) -> str:
        """What a score is called."""
        return "score" if self.max_difference is None else "probability"

    def as_dict(self) -> dict[str, Any]:
        """The object that `mpcnet demo --json` writes."""
        found = {
            "parties": [
                {"name": p.name, "pid": p.pid, "bytes_sent": p.bytes_sent, "bytes_received": p.bytes_received}
                for p in self.parties
            ],
            "applicants": self.applicants,
            "mismatches": self.mismatches,
            "auc": self.auc.as_dict() if self.auc else None,
            "ks": self.ks.as_dict() if self.ks else None,
            "and_gates": self.and_gates,
            "seconds": {phase: round(self.seconds[phase], 4) for phase in PHASES},
        }
        return found if self.max_difference is None else found | {"max_difference": self.max_difference}


def run_facts(job: ScoreJob, stats: Mapping[str, Any], pid: int, peak_bytes: int) -> dict[str, Any]:
    """The object that `mpcnet score --json` writes: no score in it.

    Args:
        stats: `Session.stats.as_dict()`.
    """
    seconds = stats["seconds"]
    return {
        "name": job.name,
        "pid": pid,
        "applicants": job.applicants,
        "bytes_sent": stats["bytes_sent"],
        "bytes_received": stats["bytes_received"],
        "bytes_by_peer": stats["bytes_by_peer"],
        "and_gates": stats["and_gates"],
        "seconds": {phase: seconds[phase] for phase in PHASES},
        "peak_bytes": peak_bytes,
        "evaluations": stats["evaluations"],
        "computations": stats.get("computations", []),
    }


def print_scores(console: Console, job: ScoreJob, scores: Scores | None, facts: Mapping[str, Any]) -> None:
    """What one party sees at its end of a run by hand."""
    if scores is None:
        console.print(
            f"{counted(job.applicants, 'applicant')} scored. {job.name} learns nothing; score and decision are at "
            f"{job.scheme.lender}.",
            highlight=False,
        )
    else:
        heading(console, "The first applicants")
        console.print(first_applicants(islice(scores.rows(job.records), SHOWN), job.applicants, scores.header[1]))
        accepted = int(scores.accepted.sum())
        console.print(f"At or above the cutoff: {accepted:,} of {job.applicants:,}", highlight=False)
    sent, received = megabytes(facts["bytes_sent"]), megabytes(facts["bytes_received"])
    console.print(f"Bytes: {sent} sent, {received} received", highlight=False)
    print_cost(console, facts["and_gates"], facts["seconds"])


def print_demo(console: Console, result: DemoResult) -> None:
    """The end of the demo."""
    from rich.box import SIMPLE
    from rich.table import Table

    heading(console, "The first applicants, as the lender sees them")
    console.print(first_applicants(iter(result.first), result.applicants, result.kind))
    agreeing = result.applicants - result.mismatches
    verdict = "bit for bit" if result.max_difference is None else "within 2^-10"
    if result.mismatches:
        verdict = f"{result.mismatches:,} DIFFER"
    if result.max_difference is not None:
        verdict += f"; the largest difference is {result.max_difference:.1e}"
    console.print(
        f"Same as scoring in the clear: {agreeing:,} of {result.applicants:,}, {verdict}",
        style="bold green" if not result.mismatches else "bold red",
        highlight=False,
        soft_wrap=True,
    )
    print_quality(console, result)
    heading(console, "What each party's process did")
    traffic = Table(box=SIMPLE)
    for title in ("", "pid", "sent", "received", "peak memory"):
        traffic.add_column(title, justify="left" if not title else "right")
    for party in result.parties:
        sent, received, peak = map(megabytes, (party.bytes_sent, party.bytes_received, party.peak_bytes))
        traffic.add_row(party.name, str(party.pid), sent, received, peak)
    console.print(traffic)
    print_cost(console, result.and_gates, result.seconds)


def print_quality(console: Console, result: DemoResult) -> None:
    """A table of AUC and KS, where there are applicants enough for them to mean something."""
    from rich.box import SIMPLE
    from rich.table import Table

    if result.applicants < MEASURABLE or result.auc is None or result.ks is None:
        console.print("too few applicants to measure how well the score separates good from bad", highlight=False)
        return
    heading(console, "How well the score separates good from bad")
    quality = Table(box=SIMPLE)
    for title in ("", "lender alone", "joint"):
        quality.add_column(title, justify="left" if not title else "right")
    quality.add_row("AUC", f"{result.auc.lender_alone:.3f}", f"{result.auc.joint:.3f}")
    quality.add_row("KS", f"{result.ks.lender_alone:.3f}", f"{result.ks.joint:.3f}")
    crossed = result.cross_validated
    if crossed is not None:
        quality.add_row("AUC, cross-validated", f"{crossed.lender_alone:.2f}", f"{crossed.joint:.2f}", style="dim")
    console.print(quality)


def heading(console: Console, text: str) -> None:
    """A line above a table."""
    console.print(f"\n{text}", style="bold", highlight=False)


def first_applicants(rows: Any, count: int, kind: str) -> Any:
    """A table of the first applicants as the lender sees them; `kind` is what a score is called."""
    from rich.box import SIMPLE
    from rich.table import Table

    table = Table(box=SIMPLE)
    table.add_column("applicant")
    table.add_column(kind, justify="right")
    table.add_column("decision")
    shown = 0
    for applicant, score, decision in rows:
        table.add_row(applicant, score, decision, style="" if decision == "accept" else "dim")
        shown += 1
    if count > shown:
        table.add_row(f"and {count - shown:,} more", "", "", style="dim")
    return table


def print_cost(console: Console, and_gates: int, seconds: Mapping[str, float]) -> None:
    """AND gates where a circuit was evaluated, and seconds of each phase."""
    if and_gates:
        rate = and_gates / seconds["evaluate"] if seconds["evaluate"] > 0 else 0.0
        console.print(f"AND gates: {and_gates:,}{rate_in_words(rate)}", highlight=False)
    passed = [phase for phase in PHASES if seconds[phase]]  # on shares modulo a prime there is no oblivious transfer
    phases = ", ".join(f"{PHASE_WORDS[phase]} {seconds[phase]:.2f}" for phase in passed)
    console.print(f"Seconds: {phases} (phases can overlap)", highlight=False, soft_wrap=True)


def rate_in_words(rate: float) -> str:
    """AND gates a second, in the unit that suits; nothing where there are too few to speak of a rate."""
    if rate >= 1e6:
        return f", {rate / 1e6:,.1f} million a second"
    return f", {rate / 1e3:,.0f} thousand a second" if rate >= 1e4 else ""
