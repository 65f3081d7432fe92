"""The Statlog German Credit data and the scorecard fitted on it, as they are installed with this package.

1,000 applicants; source, licence and what was changed stand in `data/README.md`. 700 of them are the development part,
on which the scorecard was fitted; the other 300 are scored jointly.
"""

from __future__ import annotations

import contextlib
import csv
import io
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from mpcnet.credit.records import APPLICANT, write_rows

__all__ = [
    "DATA",
    "HELD",
    "JOINING",
    "LEFT_OUT",
    "MAX_PARTIES",
    "MIN_PARTIES",
    "Applicants",
    "held",
    "installed",
    "load",
    "read_text",
    "write_records",
]

DATA = "data"
Part = Literal["development", "scored", "all"]

HELD: Mapping[str, tuple[str, ...]] = {
    # What stands on the loan application.
    "lender": ("duration_months", "amount_dm", "purpose", "installment_rate", "other_debtors", "telephone"),
    # What other lenders report.
    "bureau": ("credit_history", "existing_credits", "other_installment_plans"),
    # What the bank of the applicant's accounts knows.
    "bank": (
        "checking_account",
        "savings",
        "employed_since",
        "residence_since",
        "property",
        "housing",
        "job",
        "dependents",
    ),
}
"""Which of three institutions would hold which column. The scorecard was fitted on this split."""

JOINING: Mapping[str, tuple[str, ...]] = {
    # Knows since when somebody has worked there, and as what.
    "employer": ("employed_since", "job"),
    # The residents' register: where somebody lives, since when, and with whom.
    "registry": ("residence_since", "housing", "dependents"),
    # Insures the house, the car or the life that the column speaks of.
    "insurer": ("property",),
    # Where the savings are, if that is not the bank of the checking account.
    "savings_bank": ("savings",),
}
"""The institutions that come to the three, in this order; each brings columns that the bank had before."""

MIN_PARTIES, MAX_PARTIES = len(HELD), len(HELD) + len(JOINING)

LEFT_OUT: Mapping[str, str] = {
    "personal_status_and_sex": "sex and marital status",
    "foreign_worker": "origin",
    "age_years": "age",
}
"""Columns that no party's file contains and no score uses, with the ground on which they would discriminate."""


@dataclass(frozen=True)
class Applicants:
    """Applicants in the clear: for fitting, and for the demo, which shows what the parties must not.

    Args:
        ids: of shape (count,).
        columns: every column of the data as text, each of length count.
        good: bool of shape (count,), whether the credit was repaid.
    """

    ids: tuple[str, ...]
    columns: Mapping[str, tuple[str, ...]]
    good: NDArray[np.bool_]

    def __len__(self) -> int:
        return len(self.ids)


def held(n_parties: int) -> dict[str, tuple[str, ...]]:
    """The columns split among so many institutions: HELD, then the first ones of JOINING.

    The columns of the lender and the bureau are the same in every split, and each institution has one that is in the
    score.

    Raises:
        ValueError: there is no such split.
    """
    if not MIN_PARTIES <= n_parties <= MAX_PARTIES:
        raise ValueError(f"the columns are split among {MIN_PARTIES} to {MAX_PARTIES} institutions, not {n_parties}")
    joining = dict(list(JOINING.items())[: n_parties - MIN_PARTIES])
    taken = {name for names in joining.values() for name in names}
    return {party: tuple(name for name in names if name not in taken) for party, names in HELD.items()} | joining


def read_text(name: str) -> str:
    """One of the files installed beside the data, such as `scheme.toml`."""
    return (resources.files("mpcnet.credit") / DATA / name).read_text(encoding="utf-8")


@contextlib.contextmanager
def installed(name: str) -> Iterator[Path]:
    """One of the files installed beside the data, as a file to read from."""
    with resources.as_file(resources.files("mpcnet.credit") / DATA / name) as path:
        yield path


def load(part: Part = "all") -> Applicants:
    """The applicants of one part of the data, in the order of the source."""
    lines = csv.DictReader(io.StringIO(read_text("german_credit.csv"), newline=""))
    rows = [row for row in lines if part in ("all", row["part"])]
    own = [name for name in lines.fieldnames or () if name not in ("applicant", "part", "outcome")]
    return Applicants(
        ids=tuple(row["applicant"] for row in rows),
        columns={name: tuple(row[name] for row in rows) for name in own},
        good=np.array([row["outcome"] == "good" for row in rows]),
    )


def write_records(path: Path, names: Sequence[str], applicants: Applicants) -> None:
    """Write what one holder has of some applicants: their ids and its columns."""
    rows = zip(applicants.ids, *(applicants.columns[name] for name in names), strict=True)
    write_rows(path, [APPLICANT, *names], rows)
