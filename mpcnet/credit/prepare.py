"""The folders of the demo's parties: each holds what that institution would have, and one process writes them all.

Identity, certificate, roster, its own records, configuration, scheme, and at the lender the points. Beside them stands
what the joint scores must be, which nobody but the writer of all folders could know.
"""

from __future__ import annotations

import contextlib
import socket
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from mpcnet.config import Config, Deadlines, ScoreConfig
from mpcnet.credit import german
from mpcnet.credit.files import AnyScheme, load_points, load_scheme, points_text, scheme_text
from mpcnet.credit.job import ScoreJob, Scores
from mpcnet.credit.party import SCORES_FILE
from mpcnet.credit.records import Records, read_records, write_rows
from mpcnet.errors import ConfigError
from mpcnet.provision import create_network

__all__ = [
    "EXPECTED_FILE",
    "LENDER",
    "MODELS",
    "SCHEME_FILE",
    "ModelFiles",
    "Truth",
    "address_of",
    "expected_scores",
    "free_ports",
    "installed_scheme",
    "prepare",
]

EXPECTED_FILE = "expected.csv"
LENDER = "lender"
SCHEME_FILE = "scheme.toml"
BY_HAND = Deadlines(connect=300.0)  # several people, several terminals


@dataclass(frozen=True)
class ModelFiles:
    """The installed files of a model.

    Args:
        scheme: its public part, for three parties.
        secret: points or weights.
        alone: those of the lender's own columns, to compare with.
        report: how good it is.
    """

    scheme: str
    secret: str
    alone: str
    report: str


MODELS: Mapping[str, ModelFiles] = {
    "scorecard": ModelFiles("scheme.toml", "points.toml", "lender_alone.toml", "report.toml"),
    "logistic": ModelFiles("logistic.toml", "weights.toml", "weights_lender_alone.toml", "report_logistic.toml"),
}


def prepare(
    folder: Path,
    n_parties: int = german.MIN_PARTIES,
    *,
    model: str = "scorecard",
    addresses: Mapping[str, str] | None = None,
    deadlines: Deadlines = BY_HAND,
) -> dict[str, Path]:
    """Write the folders of the parties.

    Args:
        folder: made where it is missing; must not hold the parties' files yet.
        n_parties: among how many the columns are split, see `german.held`.
        model: one of MODELS.
        addresses: host:port of each party; by default free ports of this machine.
        deadlines: for their configurations.
    Returns:
        the party.toml of each party.
    Raises:
        ConfigError: the folder cannot be written, or has such files already.
    """
    split, files = german.held(n_parties), MODELS[model]
    if addresses is None:
        with free_ports(list(split)) as sockets:
            addresses = {name: address_of(bound) for name, bound in sockets.items()}
    scores = {
        name: ScoreConfig(
            data=Path(f"{name}.csv"),
            scheme=Path(SCHEME_FILE),
            points=Path(files.secret) if name == LENDER else None,
            output=Path(SCORES_FILE) if name == LENDER else None,
        )
        for name in split
    }
    try:
        folder.mkdir(parents=True, exist_ok=True)
        configs = create_network(folder, addresses, deadlines=deadlines, scores=scores)
        scored = german.load("scored")
        public, secret = texts_of(files, split)
        for name, columns in split.items():
            german.write_records(folder / name / f"{name}.csv", columns, scored)
            (folder / name / SCHEME_FILE).write_text(public, encoding="utf-8")
        (folder / LENDER / files.secret).write_text(secret, encoding="utf-8")
        (folder / LENDER / files.secret).chmod(0o600)
        truth = expected_scores(folder)
        write_rows(folder / EXPECTED_FILE, truth.scores.header, truth.scores.rows(truth.records))
    except OSError as error:
        raise ConfigError(f"{error.filename or folder}: cannot be written: {error.strerror}") from None
    return configs


def installed_scheme(model: str) -> AnyScheme:
    """The public part of one of MODELS, as it is installed."""
    with german.installed(MODELS[model].scheme) as path:
        return load_scheme(path)


def texts_of(files: ModelFiles, split: Mapping[str, Sequence[str]]) -> tuple[str, str]:
    """The texts of scheme and secret for a split of the columns: those installed, up to the holders."""
    with german.installed(files.scheme) as public, german.installed(files.secret) as secret:
        scheme = load_scheme(public)
        points = load_points(secret, scheme)
    moved = scheme.split({column: name for name, columns in split.items() for column in columns})
    if moved == scheme:
        return german.read_text(files.scheme), german.read_text(files.secret)
    made = f"Made by mpcnet demo: the columns split among {len(split)}."
    return (
        scheme_text(moved, f"The public part of the model: every party has this same file. {made}"),
        points_text(moved, points, f"The secret part of the model: it stays with the lender. {made}"),
    )


@dataclass(frozen=True)
class Truth:
    """What the parties should find.

    Args:
        records: of the lender.
        scores: in the clear, one for each record.
        cutoff: from which a score is accepted.
    """

    records: Records
    scores: Scores
    cutoff: float

    @property
    def exact(self) -> bool:
        """Whether scores are points, which have to agree bit for bit."""
        return self.scores.score.dtype.kind == "i"


def expected_scores(folder: Path) -> Truth:
    """Score in the clear what all folders hold: what nobody but this demo could."""
    job = ScoreJob.load(Config.load(folder / LENDER))
    assert job.points is not None
    values = dict(job.records.values)
    for name in job.scheme.holders[1:]:
        values |= read_records(folder / name / f"{name}.csv", job.scheme.held_by(name)).values
    score = job.points.score(values)
    return Truth(job.records, Scores(score, score >= job.points.cutoff), job.points.cutoff)


@contextlib.contextmanager
def free_ports(names: Sequence[str]) -> Iterator[dict[str, socket.socket]]:
    """A socket bound to a free port of the loopback interface for each name; closed at the end."""
    with contextlib.ExitStack() as stack:
        sockets = {}
        for name in names:
            bound = stack.enter_context(socket.socket(socket.AF_INET, socket.SOCK_STREAM))
            bound.bind(("127.0.0.1", 0))
            sockets[name] = bound
        yield sockets


def address_of(bound: socket.socket) -> str:
    """host:port of a bound socket."""
    host, port = bound.getsockname()
    return f"{host}:{port}"
