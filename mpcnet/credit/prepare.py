"""The folders of the demo's parties: each holds what that institution would have, and one process writes them all.

Identity, certificate, roster, its own records, configuration, scheme, and at the lender the points. Beside them stands
what the joint scores must be, which nobody but the writer of all folders could know.
"""

from __future__ import annotations

import contextlib
import socket
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np

from mpcnet.config import Deadlines, ScoreConfig
from mpcnet.credit import german
from mpcnet.credit.files import load_points, load_scheme, points_text, scheme_text
from mpcnet.credit.job import Scores
from mpcnet.credit.party import SCORES_FILE, SCORES_HEADER
from mpcnet.credit.records import Records, read_records, write_rows
from mpcnet.errors import ConfigError
from mpcnet.provision import create_network

__all__ = ["EXPECTED_FILE", "LENDER", "SCHEME_FILE", "address_of", "expected_scores", "free_ports", "prepare"]

EXPECTED_FILE = "expected.csv"
LENDER = "lender"
SCHEME_FILE, POINTS_FILE = "scheme.toml", "points.toml"
BY_HAND = Deadlines(connect=300.0)  # several people, several terminals


def prepare(
    folder: Path,
    n_parties: int = german.MIN_PARTIES,
    *,
    addresses: Mapping[str, str] | None = None,
    deadlines: Deadlines = BY_HAND,
) -> dict[str, Path]:
    """Write the folders of the parties.

    Args:
        folder: made where it is missing; must not hold the parties' files yet.
        n_parties: among how many the columns are split, see `german.held`.
        addresses: host:port of each party; by default free ports of this machine.
        deadlines: for their configurations.
    Returns:
        the party.toml of each party.
    Raises:
        ConfigError: the folder cannot be written, or has such files already.
    """
    split = german.held(n_parties)
    if addresses is None:
        with free_ports(list(split)) as sockets:
            addresses = {name: address_of(bound) for name, bound in sockets.items()}
    scores = {
        name: ScoreConfig(
            data=Path(f"{name}.csv"),
            scheme=Path(SCHEME_FILE),
            points=Path(POINTS_FILE) if name == LENDER else None,
            output=Path(SCORES_FILE) if name == LENDER else None,
        )
        for name in split
    }
    try:
        folder.mkdir(parents=True, exist_ok=True)
        configs = create_network(folder, addresses, deadlines=deadlines, scores=scores)
        scored = german.load("scored")
        public, secret = card_of(split)
        for name, columns in split.items():
            german.write_records(folder / name / f"{name}.csv", columns, scored)
            (folder / name / SCHEME_FILE).write_text(public, encoding="utf-8")
        (folder / LENDER / POINTS_FILE).write_text(secret, encoding="utf-8")
        (folder / LENDER / POINTS_FILE).chmod(0o600)
        records, scores_in_clear = expected_scores(folder)
        write_rows(folder / EXPECTED_FILE, SCORES_HEADER, scores_in_clear.rows(records))
    except OSError as error:
        raise ConfigError(f"{error.filename or folder}: cannot be written: {error.strerror}") from None
    return configs


def card_of(split: Mapping[str, Sequence[str]]) -> tuple[str, str]:
    """The texts of scheme and points for a split of the columns: those installed, up to the holders."""
    with german.installed(SCHEME_FILE) as public, german.installed(POINTS_FILE) as secret:
        scheme = load_scheme(public)
        points = load_points(secret, scheme)
    moved = scheme.split({column: name for name, columns in split.items() for column in columns})
    if moved == scheme:
        return german.read_text(SCHEME_FILE), german.read_text(POINTS_FILE)
    made = f"Made by mpcnet demo: the columns split among {len(split)}."
    return (
        scheme_text(moved, f"The public part of the scorecard: every party has this same file. {made}"),
        points_text(moved, points, f"The secret part of the scorecard: it stays with the lender. {made}"),
    )


def expected_scores(folder: Path) -> tuple[Records, Scores]:
    """Score in the clear what all folders hold: what nobody but this demo could."""
    scheme = load_scheme(folder / LENDER / SCHEME_FILE)
    points = load_points(folder / LENDER / POINTS_FILE, scheme)
    records = {name: read_records(folder / name / f"{name}.csv", scheme.held_by(name)) for name in scheme.holders}
    bins = {feature: values for party in records.values() for feature, values in party.bins.items()}
    totals = points.score(bins)
    return records[LENDER], Scores(totals.astype(np.int32), totals >= points.cutoff)


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
