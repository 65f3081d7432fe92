"""What parties agree to compute: a job file, read, checked and named by a digest of its bytes.

    format = 1
    name = "march"
    purpose = "Decide on the applications of March"
    created = 2026-03-01T09:00:00Z
    expires = 2026-03-31T00:00:00Z

    [limits]
    applicants = 1000                   # instances in one run, all evaluations together
    seconds = 3600.0                    # one run, from the moment all are connected

    [work]
    kind = "program"                    # a Python program; "circuit": a circuit by itself; "score": a scorecard
    digest = "program:5f3a..."
    source = "approve.py:main"
    [work.files]
    "approve.py" = "sha256:9f86..."

    [[party]]
    name = "bank"
    key = "ed25519:3b6a..."             # the identity key, not the certificate: a renewal leaves a job valid

    [[evaluation]]
    circuit = "approve"
    digest = "circuit:77aa..."
    protocol = "yao"
    compute = ["bank", "lender"]        # garbler and evaluator; with "gmw" all parties
    [[evaluation.input]]
    name = "income"
    type = "UInt[32]"
    owner = "bank"
    [[evaluation.output]]
    name = "out"
    type = "Bit"
    to = ["lender"]

The digest is that of the file's bytes, so a job that differs in a space is another job. It is the `job` of the
handshake, and goes from there into the session id.
"""

from __future__ import annotations

import datetime
import hashlib
import math
import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, NoReturn

import msgspec

from mpcnet.errors import ConfigError, JobRefused
from mpcnet.files import parse_toml, read_bytes
from mpcnet.identity import check_name

__all__ = [
    "FORMAT",
    "KINDS",
    "Evaluation",
    "Input",
    "Job",
    "JobFile",
    "Limits",
    "Opening",
    "Output",
    "PartyKey",
    "Work",
    "check_moment",
    "job_digest",
]

FORMAT = 1
KINDS = ("program", "circuit", "score")
MAX_FILE_BYTES = 256 * 1024
MAX_EVALUATIONS = 256
MAX_SECONDS = 366 * 86400
MAX_COUNT = 1 << 40
YEARS = range(2000, 9999)
_TYPE = re.compile(r"[A-Za-z0-9_\[\], -]{1,120}")
_JOB_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
_WORK_DIGEST = {kind: re.compile(rf"{kind if kind != 'score' else 'scheme'}:[0-9a-f]{{64}}") for kind in KINDS}
CIRCUITS, SHARES = ("yao", "gmw"), ("shamir", "additive")
_CIRCUIT_DIGEST = re.compile(r"circuit:[0-9a-f]{64}")
_FILE_DIGEST = re.compile(r"sha256:[0-9a-f]{64}")
_KEY = re.compile(r"ed25519:[0-9a-f]{64}")

Moment = Annotated[datetime.datetime, msgspec.Meta(tz=True)]


class Input(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """An input port of a circuit: its name, its type as it is written, and the party that gives it."""

    name: str
    type: str
    owner: str


class Output(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """An output port of a circuit: its name, its type, and the parties that learn it."""

    name: str
    type: str
    to: tuple[str, ...]


class Evaluation(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One kind of evaluation that a run may make, as often as the limits allow.

    Attributes:
        circuit: its name; no meaning.
        digest: "circuit:" and 64 hexadecimal digits, of the circuit as the protocol evaluates it; that of the scheme
            where a model is computed on shares.
        protocol: "yao" or "gmw", and for a scorecard "shamir" or "additive" too.
        compute: (garbler, evaluator) with "yao", else all parties.
        inputs, outputs: every port, in the circuit's order.
    """

    circuit: str
    digest: str
    protocol: str
    compute: tuple[str, ...]
    inputs: tuple[Input, ...] = msgspec.field(name="input", default=())
    outputs: tuple[Output, ...] = msgspec.field(name="output", default=())


class Opening(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Numbers that a program with secret arrays may open in a run.

    Attributes:
        what: in words.
        to: who learns them.
        values: how many numbers, at most.
    """

    what: str
    to: tuple[str, ...]
    values: int


class Limits(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How much one run may do.

    Attributes:
        applicants: instances, all evaluations together.
        seconds: from the moment all are connected.
    """

    applicants: int
    seconds: float


class Work(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What is run.

    Attributes:
        kind: one of KINDS.
        digest: "program:", "circuit:" or "scheme:" and 64 hexadecimal digits.
        source: where the party that made the job had it; where others look first, beside the job file.
        files: of a program, SHA-256 of each file of its own by name.
    """

    kind: str
    digest: str
    source: str = ""
    files: dict[str, str] = {}


class PartyKey(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A party and the key that it signs with."""

    name: str
    key: str


class Job(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The contents of a job file; `check` says whether they make sense."""

    format: int
    name: str
    created: Moment
    expires: Moment
    limits: Limits
    work: Work
    parties: tuple[PartyKey, ...] = msgspec.field(name="party")
    purpose: str = ""
    evaluations: tuple[Evaluation, ...] = msgspec.field(name="evaluation", default=())
    openings: tuple[Opening, ...] = msgspec.field(name="opening", default=())

    @property
    def names(self) -> tuple[str, ...]:
        """The parties' names, in order."""
        return tuple(party.name for party in self.parties)

    def owned_by(self, party: str) -> tuple[str, ...]:
        """The columns that a party gives, over all evaluations, each once."""
        ports = (port.name for evaluation in self.evaluations for port in evaluation.inputs if port.owner == party)
        return tuple(dict.fromkeys(ports))

    def learned_by(self, party: str) -> tuple[str, ...]:
        """The outputs and openings that a party learns, each once."""
        ports = [port.name for evaluation in self.evaluations for port in evaluation.outputs if party in port.to]
        return tuple(dict.fromkeys([*ports, *(opening.what for opening in self.openings if party in opening.to)]))

    def check(self, source: str) -> None:
        """Raise JobRefused where the job contradicts itself; names the entry."""

        def fail(text: str) -> NoReturn:
            raise JobRefused(f"{source}: {text}")

        if self.format != FORMAT:
            fail(f"format {self.format} is unknown to this version, which reads {FORMAT}; install the same release")
        if not _JOB_NAME.fullmatch(self.name):
            fail("name: use 1 to 64 letters, digits, '.', '-' and '_', starting with a letter or digit")
        _printable(self.purpose, 400, f"{source}: purpose")
        check_moment(self.created, f"{source}: created")
        check_moment(self.expires, f"{source}: expires")
        if self.expires <= self.created:
            fail("expires is not after created")
        if not 1 <= self.limits.applicants <= MAX_COUNT:
            fail(f"limits.applicants goes from 1 to {MAX_COUNT}")
        if not math.isfinite(self.limits.seconds) or not 0 < self.limits.seconds <= MAX_SECONDS:
            fail(f"limits.seconds goes up to {MAX_SECONDS}, and is more than 0")
        self._check_parties(source)
        self._check_work(source)
        if len(self.evaluations) > MAX_EVALUATIONS or len(self.openings) > MAX_EVALUATIONS:
            fail(f"more than {MAX_EVALUATIONS} evaluations or openings")
        for number, evaluation in enumerate(self.evaluations, 1):
            _check_evaluation(evaluation, self.names, f"{source}: evaluation {number}")
            if evaluation.protocol in SHARES and evaluation.digest != self.work.digest:
                raise JobRefused(f"{source}: evaluation {number}: {evaluation.protocol!r} is for the scheme of the job")
        if len({opening.what for opening in self.openings}) != len(self.openings):
            fail("two openings have the same words; say what each of them is")
        for number, opening in enumerate(self.openings, 1):
            where = f"{source}: opening {number}"
            _printable(opening.what, 100, f"{where}: what")
            _check_parties(opening.to, self.names, where)
            if not 1 <= opening.values <= MAX_COUNT:
                raise JobRefused(f"{where}: values goes from 1 to {MAX_COUNT}")

    def _check_parties(self, source: str) -> None:
        if not 2 <= len(self.parties) <= 10:
            raise JobRefused(f"{source}: a job has 2 to 10 parties, this one has {len(self.parties)}")
        try:
            for name in self.names:
                check_name(name, f"{source}: party")
        except ConfigError as error:
            raise JobRefused(str(error)) from None
        if list(self.names) != sorted(set(self.names)):
            raise JobRefused(f"{source}: list each party once, in the order of the names")
        for party in self.parties:
            if not _KEY.fullmatch(party.key):
                raise JobRefused(f"{source}: the key of {party.name} is not 'ed25519:' and 64 hexadecimal digits")

    def _check_work(self, source: str) -> None:
        work = self.work
        if work.kind not in KINDS:
            raise JobRefused(f"{source}: work.kind is one of {', '.join(KINDS)}")
        if not _WORK_DIGEST[work.kind].fullmatch(work.digest):
            what = "scheme" if work.kind == "score" else work.kind
            raise JobRefused(f"{source}: work.digest is '{what}:' and 64 hexadecimal digits")
        _printable(work.source, 400, f"{source}: work.source")
        for name, digest in work.files.items():
            _printable(name, 200, f"{source}: work.files")
            if Path(name).is_absolute() or ".." in Path(name).parts or "\\" in name:
                raise JobRefused(f"{source}: work.files: {name!r} leaves the folder of the program")
            if not _FILE_DIGEST.fullmatch(digest):
                raise JobRefused(f"{source}: work.files: that of {name!r} is not 'sha256:' and 64 hexadecimal digits")
        if (work.kind == "program") != bool(work.files):
            raise JobRefused(f"{source}: work.files lists the files of a program, and only of a program")
        if work.kind != "program" and len(self.evaluations) != 1:
            raise JobRefused(f"{source}: a job of kind {work.kind!r} has one evaluation, not {len(self.evaluations)}")
        if work.kind != "program" and self.openings:
            raise JobRefused(f"{source}: a job of kind {work.kind!r} has no openings beside its evaluation")


def _check_evaluation(evaluation: Evaluation, parties: tuple[str, ...], where: str) -> None:
    _printable(evaluation.circuit, 100, f"{where}: circuit")
    if evaluation.protocol not in CIRCUITS + SHARES:
        raise JobRefused(f"{where}: protocol is one of {', '.join(CIRCUITS + SHARES)}")
    if evaluation.protocol in CIRCUITS and not _CIRCUIT_DIGEST.fullmatch(evaluation.digest):
        raise JobRefused(f"{where}: digest is 'circuit:' and 64 hexadecimal digits")
    _check_parties(evaluation.compute, parties, f"{where}: compute")
    everybody = evaluation.compute == parties
    if evaluation.protocol == "yao" and len(evaluation.compute) != 2:
        raise JobRefused(f"{where}: with 'yao' two parties compute, (garbler, evaluator)")
    if evaluation.protocol != "yao" and not everybody:
        raise JobRefused(f"{where}: with {evaluation.protocol!r} all parties compute, in the order of their names")
    for ports, side in ((evaluation.inputs, "input"), (evaluation.outputs, "output")):
        names = [port.name for port in ports]
        if len(set(names)) != len(names):
            raise JobRefused(f"{where}: an {side} is listed twice")
        for port in ports:
            _printable(port.name, 100, f"{where}: {side}")
            if not _TYPE.fullmatch(port.type):
                raise JobRefused(f"{where}: {side} {port.name!r} has no type such as UInt[8]")
    for port in evaluation.inputs:
        _check_parties((port.owner,), parties, f"{where}: input {port.name!r}")
    for out in evaluation.outputs:
        _check_parties(out.to, parties, f"{where}: output {out.name!r}")
    if not any(out.to for out in evaluation.outputs):
        raise JobRefused(f"{where}: nobody learns an output")


def _check_parties(names: Iterable[str], parties: tuple[str, ...], where: str) -> None:
    seen = list(names)
    for name in seen:
        if name not in parties:
            raise JobRefused(f"{where}: {name[:64]!r} is no party of this job; there are {', '.join(parties)}")
    if len(set(seen)) != len(seen):
        raise JobRefused(f"{where}: a party is named twice")


def check_moment(moment: datetime.datetime, where: str) -> None:
    """Raise JobRefused for a time that is not written in UTC, as it is shown, or that nobody can mean."""
    if moment.utcoffset() or moment.year not in YEARS:
        raise JobRefused(f"{where}: write a time in UTC, as in 2026-03-01T09:00:00Z")


def _printable(text: str, limit: int, where: str) -> None:
    if len(text) > limit or not text.isprintable():
        raise JobRefused(f"{where}: up to {limit} printable characters on one line")


def job_digest(job: bytes | str) -> bytes:
    """32 bytes that name a job in the handshake: of the bytes of a job file, or of a name that all parties give."""
    data = job.encode() if isinstance(job, str) else bytes(job)
    return hashlib.blake2b(data, digest_size=32, person=b"mpcnet-job").digest()


@dataclass(frozen=True)
class JobFile:
    """A job as it lies in a file.

    Attributes:
        job: what it says.
        data: its bytes, which are what is signed.
        path: where it is.
    """

    job: Job
    data: bytes
    path: Path

    @property
    def digest(self) -> bytes:
        """32 bytes; another job where a byte differs."""
        return job_digest(self.data)

    @classmethod
    def load(cls, path: str | Path) -> JobFile:
        """Read a job file.

        Raises:
            JobRefused: it cannot be read, or an entry is wrong; names the file and the entry.
        """
        path = Path(path)
        return cls.loads(read_bytes(path, "a job file", MAX_FILE_BYTES, JobRefused), path)

    @classmethod
    def loads(cls, data: bytes, path: str | Path = "job.toml") -> JobFile:
        """Read a job from the bytes of a file."""
        job = parse_toml(data, Job, str(path), "a job file", JobRefused)
        job.check(str(path))
        return cls(job, data, Path(path))


def dumps(job: Job) -> str:
    """The text of a job file."""
    import tomli_w

    table = {key: value for key, value in msgspec.to_builtins(job, builtin_types=(datetime.datetime,)).items() if value}
    if not table["work"].get("files"):
        table["work"].pop("files", None)
    return (
        f"# A job of mpcnet. The parties sign these very bytes: to change it, make a new one.\n{tomli_w.dumps(table)}"
    )
