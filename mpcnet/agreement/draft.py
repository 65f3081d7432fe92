"""Make a job: from a scorecard's scheme, a circuit, or a program and the evaluations it makes.

An evaluation is written as a call: the circuit, who gives each input, who learns the outputs.

    approve.py:approve(income=bank, debt=bank, late=bureau, cutoff=lender) -> lender
    approve.py:approve(income=bank, ...) -> score: lender, decision: lender+bank
"""

from __future__ import annotations

import datetime
import hashlib
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from mpcnet.agreement.guard import evaluation_of
from mpcnet.agreement.job import FORMAT, Evaluation, Input, Job, Limits, Opening, Output, PartyKey, Work
from mpcnet.errors import ConfigError
from mpcnet.files import sha256_of
from mpcnet.plan import Plan

if TYPE_CHECKING:
    from circuits import Circuit
    from mpcnet.credit.files import AnyScheme
    from mpcnet.roster import Roster

__all__ = [
    "call_evaluation",
    "draft",
    "parse_call",
    "parse_opening",
    "program_digest",
    "program_work",
    "score_evaluation",
]

DAYS = 30
_CALL = re.compile(r"\s*(?P<circuit>[^()\s]+)\s*\((?P<owners>[^()]*)\)\s*->\s*(?P<to>[^()]+)")
_OPENING = re.compile(r"\s*(?P<what>[^:]{1,100}?)\s*->\s*(?P<to>[\w+-]+)\s*:\s*(?P<values>\d{1,12})\s*")


def draft(
    name: str,
    roster: Roster,
    work: Work,
    evaluations: Sequence[Evaluation],
    *,
    openings: Sequence[Opening] = (),
    applicants: int,
    seconds: float = 3600.0,
    days: int = DAYS,
    purpose: str = "",
    now: datetime.datetime | None = None,
) -> Job:
    """A job for all parties of a roster, from now on for some days; checked, not yet signed.

    Raises:
        JobRefused: an entry makes no sense; names it.
    """
    start = (now or datetime.datetime.now(datetime.UTC)).replace(microsecond=0)
    job = Job(
        format=FORMAT,
        name=name,
        purpose=purpose,
        created=start,
        expires=start + datetime.timedelta(days=days),
        limits=Limits(applicants, float(seconds)),
        work=work,
        parties=tuple(PartyKey(p.name, f"ed25519:{p.certificates[0].key.hex()}") for p in roster.parties),
        evaluations=tuple(evaluations),
        openings=tuple(openings),
    )
    job.check(name)
    return job


def program_work(program: str, others: Sequence[str | Path] = ()) -> Work:
    """A program, by the digests of its file and of further files of its own in the same folder.

    Args:
        program: "FILE.py" or "FILE.py:function".
        others: files that it imports, in its folder or below.
    """
    place, _, _ = program.partition(":")
    path = Path(place)
    if path.suffix != ".py":
        raise ConfigError(
            f"{program}: name the program as FILE.py or FILE.py:function, so that its bytes can be signed"
        )
    names = {path.name: path}
    for other in map(Path, others):
        try:
            inside = other.absolute().relative_to(path.absolute().parent)
        except ValueError:
            raise ConfigError(f"{other}: is not in the folder of {path}; keep what belongs together there") from None
        names[inside.as_posix()] = other
    files = {name: f"sha256:{sha256_of(names[name])}" for name in sorted(names)}
    return Work("program", program_digest(files), program.replace(place, path.name, 1), files)


def program_digest(files: Mapping[str, str]) -> str:
    """The digest of a program: SHA-256 over a line of digest and name for each file, in the order of the names."""
    text = "".join(f"{files[name].removeprefix('sha256:')}  {name}\n" for name in sorted(files))
    return f"program:{hashlib.sha256(text.encode()).hexdigest()}"


def score_evaluation(scheme: AnyScheme, parties: Sequence[str], protocol: str | None = None) -> Evaluation:
    """The evaluation of a model: who gives which feature, score and decision for the lender.

    Args:
        protocol: how it is computed; by default as `mpcnet score` does.
    """
    from mpcnet.credit.circuit import owners, scoring_circuit
    from mpcnet.credit.job import SHARES, check_protocol, default_protocol
    from mpcnet.credit.scorecard import Scheme

    protocol = protocol or default_protocol(scheme)
    check_protocol(scheme, protocol)
    if set(parties) != set(scheme.holders):
        raise ConfigError(
            f"scheme {scheme.name!r} is for {', '.join(scheme.holders)}, but the roster names {', '.join(parties)}"
        )
    if protocol in SHARES or not isinstance(scheme, Scheme):
        return _score_on_shares(scheme, tuple(sorted(parties)), protocol)
    circuit = scoring_circuit(scheme)
    return evaluation_of(Plan.make(circuit, parties, owners(scheme), [scheme.lender], protocol=protocol))


def _score_on_shares(scheme: AnyScheme, parties: tuple[str, ...], protocol: str) -> Evaluation:
    lender = scheme.lender
    columns = [Input(f.name, f"Number[{f.n_columns}]", f.holder) for f in scheme.others]
    secret = [Input(name, "Number", lender) for name in ("start", "weights", "cutoff")]
    outputs = (Output("score", "Number", (lender,)), Output("decision", "Bit", (lender,)))
    digest = f"scheme:{scheme.digest.hex()}"
    return Evaluation("scorecard", digest, protocol, parties, (*columns, *secret), outputs)


def parse_call(text: str) -> tuple[str, dict[str, str], dict[str, list[str]] | list[str]]:
    """(circuit, input -> owner, who learns: for all outputs, or for each) of an evaluation written as a call."""
    found = _CALL.fullmatch(text)
    if found is None:
        raise ConfigError(
            f"{text[:200]!r} is no evaluation; write CIRCUIT(INPUT=OWNER, ...) -> WHO, "
            "as in 'approve.py:approve(income=bank, cutoff=lender) -> lender'"
        )
    owners: dict[str, str] = {}
    for pair in filter(None, (part.strip() for part in found["owners"].split(","))):
        port, equals, owner = (part.strip() for part in pair.partition("="))
        if not equals or not port or not owner or port in owners:
            raise ConfigError(f"{pair!r} in {text[:200]!r}: write each input once, as INPUT=OWNER")
        owners[port] = owner
    parts = [part.strip() for part in found["to"].split(",")]
    if all(":" in part for part in parts):
        named = [part.partition(":") for part in parts]
        return found["circuit"], owners, {port.strip(): _names(who) for port, _, who in named}
    return found["circuit"], owners, [name for part in parts for name in _names(part)]


def parse_opening(text: str) -> Opening:
    """What a program with secret arrays opens, as in `coefficients -> lender: 20`."""
    found = _OPENING.fullmatch(text)
    if found is None:
        raise ConfigError(f"{text[:200]!r} is no opening; write WHAT -> WHO: NUMBERS, as in 'weights -> lender: 20'")
    return Opening(found["what"].strip(), tuple(sorted(_names(found["to"]))), int(found["values"]))


def call_evaluation(text: str, circuit: Circuit, parties: Sequence[str], protocol: str) -> Evaluation:
    """The evaluation that a call means, once its circuit is there."""
    _, owners, to = parse_call(text)
    return evaluation_of(Plan.make(circuit, parties, owners, to, protocol=protocol))


def _names(text: str) -> list[str]:
    return [name.strip() for name in text.split("+") if name.strip() and name.strip() != "nobody"]
