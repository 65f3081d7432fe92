"""A holder's records: from a CSV file to numbers, in one pass, with errors that name the place and not the value.

The file has a header line, a column `applicant` and a column for each feature of its holder; further columns are not
read. A value is replaced by the number of its bin, or standardised, as soon as it is read: no other module sees the
values.
"""

from __future__ import annotations

import csv
import hashlib
import os
from array import array
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mpcnet.credit.features import AnyFeature, BinError
from mpcnet.errors import ConfigError

__all__ = ["APPLICANT", "Records", "read_records", "write_rows"]

APPLICANT = "applicant"
"""The column that says whose record it is: the same in the files of all holders, in the same order."""


@dataclass(frozen=True, repr=False)
class Records:
    """The records of one holder. Its repr shows none of them.

    Args:
        ids: the applicants, in the order of the file.
        values: for each feature, of shape (len(ids),): numbers of bins as uint8, or measures as float64.
    """

    ids: tuple[str, ...]
    values: Mapping[str, NDArray[Any]]

    def __len__(self) -> int:
        return len(self.ids)

    def __repr__(self) -> str:
        return f"<Records of {len(self.ids)} applicants, {len(self.values)} features>"

    def name_of(self, number: int) -> str:
        """The applicant at a place of the list repeated without end: `G0007`, and in the second round `G0007/2`."""
        lap, row = divmod(number, len(self.ids))
        return f"{self.ids[row]}/{lap + 1}" if lap else self.ids[row]

    def ids_digest(self, key: bytes) -> bytes:
        """32 bytes that are equal for two holders exactly if their applicants are the same in the same order."""
        h = hashlib.blake2b(key=key, digest_size=32, person=b"mpcnet-applican")
        for applicant in self.ids:
            data = applicant.encode()
            h.update(len(data).to_bytes(8, "little") + data)
        return h.digest()


def read_records(path: str | Path, features: Sequence[AnyFeature]) -> Records:
    """Read one holder's records.

    Args:
        path: the CSV file: commas, a header line, UTF-8.
        features: the columns to read, and how; may be empty, then only the applicants are read.
    Returns:
        Records, one for each line.
    Raises:
        ConfigError: the file is missing, empty or not UTF-8; a column is missing or doubled; an applicant is missing or
            doubled; a value is missing, no number, out of range or of an unknown category. Names file, line and
            column, never the value.
    """
    path = Path(path)
    ids: dict[str, int] = {}
    values: dict[str, array[Any]] = {feature.name: array(feature.typecode) for feature in features}
    for line, row in _rows(path, [APPLICANT, *values]):
        applicant = row[0].strip()
        if not applicant:
            raise ConfigError(f"{path}, line {line}, column {APPLICANT!r}: the value is missing")
        if applicant in ids:
            raise ConfigError(
                f"{path}, line {line}, column {APPLICANT!r}: the same applicant as in line {ids[applicant]}"
            )
        ids[applicant] = line
        for feature, value in zip(features, row[1:], strict=True):
            try:
                values[feature.name].append(feature.read(value))
            except BinError as error:
                raise ConfigError(f"{path}, line {line}, column {feature.name!r}: {error}") from None
    if not ids:
        raise ConfigError(f"{path}: there is a header but no applicant")
    return Records(tuple(ids), {name: np.frombuffer(column, column.typecode) for name, column in values.items()})


def _rows(path: Path, wanted: Sequence[str]) -> Iterator[tuple[int, list[str]]]:
    """The wanted columns of each line, with the number of the line on which the record ends."""
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            reader = csv.reader(file, strict=True)
            header = next(reader, None)
            if header is None:
                raise ConfigError(f"{path}: the file is empty")
            places = _places(path, [name.strip() for name in header], wanted)
            for row in reader:
                if not row or (len(row) == 1 and not row[0].strip()):
                    continue  # an empty line, or one of blanks, as editors leave at the end
                if len(row) != len(header):
                    raise ConfigError(
                        f"{path}, line {reader.line_num}: {len(row)} fields, but the header names {len(header)}"
                    )
                yield reader.line_num, [row[place] for place in places]
    except FileNotFoundError:
        raise ConfigError(f"{path}: there is no such file") from None
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read: {error.strerror}") from None
    except UnicodeDecodeError:
        raise ConfigError(f"{path}, line {_undecodable_line(path)}: not UTF-8; save the file as CSV in UTF-8") from None
    except csv.Error as error:
        raise ConfigError(f"{path}, line {reader.line_num}: not valid CSV: {error}") from None


def _places(path: Path, header: Sequence[str], wanted: Sequence[str]) -> list[int]:
    for name in wanted:
        if header.count(name) > 1:
            raise ConfigError(f"{path}, line 1: column {name!r} stands there more than once")
        if name not in header:
            alike = [there for there in header if there.casefold() == name.casefold()]
            hint = " (the columns must be separated by commas)" if len(header) == 1 else ""
            if alike:
                hint = f"; {alike[0]!r} differs from it in capital letters alone: rename it"
            raise ConfigError(f"{path}, line 1: column {name!r} is missing{hint}")
    return [header.index(name) for name in wanted]


def _undecodable_line(path: Path) -> int:
    """The first line that is not UTF-8."""
    with path.open("rb") as file:
        for number, raw in enumerate(file, 1):
            try:
                raw.decode("utf-8")
            except UnicodeDecodeError:
                return number
    return 0


def write_rows(path: str | Path, header: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """Write a CSV file that only its owner may read, row by row; whole, or not at all.

    Raises:
        OSError: there is no room, or no right; nothing is left of the file.
    """
    target = Path(path).resolve()
    plain = target.is_file() or not target.exists()  # not a pipe or a device
    fresh = target.with_name(f".{target.name}.{os.getpid()}") if plain else target
    try:
        descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "w", encoding="utf-8", newline="") as file:
            writer = csv.writer(file, lineterminator="\n")
            writer.writerow(header)
            writer.writerows(rows)
        if plain:
            fresh.replace(target)
    except BaseException:
        if plain:
            fresh.unlink(missing_ok=True)
        raise
