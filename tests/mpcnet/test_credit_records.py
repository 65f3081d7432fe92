"""CSV files to bins: every mistake of a file ends in one error with file, line and column, and without the value."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from mpcnet.credit.features import Feature
from mpcnet.credit.records import Records, read_records
from mpcnet.errors import ConfigError

AMOUNT = Feature("amount", "bank", edges=(100, 250.5, 1000), minimum=0)
HISTORY = Feature("history", "bank", categories=(("late", "very late"), ("none",), ("paid",)))
FEATURES = (AMOUNT, HISTORY)
GOOD = "applicant,amount,history\nA1,99,paid\nA2,100,late\nA3,250.5,none\nA4,999.99,very late\nA5,1000,paid\n"


def write(tmp_path: Path, text: str | bytes) -> Path:
    path = tmp_path / "bank.csv"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


def test_bins_at_the_edges(tmp_path: Path) -> None:
    records = read_records(write(tmp_path, GOOD), FEATURES)
    assert records.ids == ("A1", "A2", "A3", "A4", "A5")
    assert records.values["amount"].tolist() == [0, 1, 2, 2, 3]
    assert records.values["history"].tolist() == [2, 0, 1, 0, 2]
    assert records.values["amount"].dtype == np.uint8


def reordered() -> str:
    rows = [line.split(",") for line in GOOD.splitlines()]
    return "".join(f"note,{history},{amount},{applicant}\n" for applicant, amount, history in rows)


@pytest.mark.parametrize(
    "text",
    [
        "\ufeff" + GOOD,  # as spreadsheets save it
        GOOD.replace("\n", "\r\n"),
        GOOD.rstrip("\n"),
        GOOD + "\n\n",
        GOOD.replace("\nA2", "\n  \nA2") + " \t\n",
        GOOD.replace(",", " , "),
        GOOD.replace("paid", '"paid"'),
        reordered(),
    ],
    ids=[
        "byte order mark",
        "crlf",
        "no last newline",
        "empty last lines",
        "lines of blanks",
        "spaces",
        "quotes",
        "other order",
    ],
)
def test_harmless_differences_are_read(tmp_path: Path, text: str) -> None:
    records = read_records(write(tmp_path, text), FEATURES)
    assert records.ids == ("A1", "A2", "A3", "A4", "A5")
    assert records.values["amount"].tolist() == [0, 1, 2, 2, 3]
    assert records.values["history"].tolist() == [2, 0, 1, 0, 2]


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "the file is empty"),
        ("applicant,amount,history\n", "no applicant"),
        (GOOD.replace("amount", "sum"), "line 1: column 'amount' is missing"),
        (GOOD.replace("amount", "history"), "line 1: column 'amount' is missing"),
        (GOOD.replace("amount", "Amount"), "column 'amount' is missing; 'Amount' differs from it in capital letters"),
        (GOOD.replace("applicant", "id"), "line 1: column 'applicant' is missing"),
        (GOOD.replace(",", ";"), "separated by commas"),
        ("applicant,amount,amount,history\nA1,4711,4711,paid\n", "line 1: column 'amount' stands there more than once"),
        (GOOD.replace("A3,250.5", "A3,4711x"), "line 4, column 'amount': expected a number"),
        (GOOD.replace("A3,250.5", "A3,4_711"), "line 4, column 'amount': expected a number"),
        (GOOD.replace("A3,250.5", "A3,nan"), "line 4, column 'amount': expected a number"),
        (GOOD.replace("A3,250.5", "A3,1e5"), "line 4, column 'amount': expected a number"),
        (GOOD.replace("A3,250.5", "A3,"), "line 4, column 'amount': the value is missing"),
        (GOOD.replace("A3,250.5", "A3,-4711"), "line 4, column 'amount': expected a number of at least 0"),
        (GOOD.replace("none", "4711"), "line 4, column 'history': unknown category"),
        (GOOD.replace("A4,", ","), "line 5, column 'applicant': the value is missing"),
        (GOOD.replace("A4,", "A1,"), "line 5, column 'applicant': the same applicant as in line 2"),
        (GOOD.replace("A4,999.99,", "A4,4711;"), "line 5: 2 fields, but the header names 3"),
        (GOOD.replace("A4,", "A4,4711,"), "line 5: 4 fields, but the header names 3"),
        (GOOD.replace("A4", '"A4711'), "not valid CSV"),
        (GOOD.replace("paid", "bezahlt für 4711").encode("latin-1"), "line 2: not UTF-8"),
        (GOOD.encode("utf-16"), "line 1: not UTF-8"),
    ],
)
def test_mistakes_are_named_and_values_are_not(tmp_path: Path, text: str | bytes, reason: str) -> None:
    path = write(tmp_path, text)
    with pytest.raises(ConfigError) as caught:
        read_records(path, FEATURES)
    message = str(caught.value)
    assert message.startswith(str(path))
    assert reason in message
    for secret in ("4711", "4_711", "-4", "A1'", "A4", "nan ", "1e5"):
        assert secret not in message.replace(str(path), "")
    chain = caught.value.__cause__
    assert chain is None, "a cause would print the value"


def test_a_file_that_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="there is no such file"):
        read_records(tmp_path / "none.csv", FEATURES)
    with pytest.raises(ConfigError, match="cannot be read"):
        read_records(tmp_path, FEATURES)


def test_a_record_over_two_lines_is_counted_by_lines(tmp_path: Path) -> None:
    text = 'applicant,note,amount,history\nA1,"two\nlines",5,paid\nA2,x,oops,paid\n'
    with pytest.raises(ConfigError, match="line 4, column 'amount'"):
        read_records(write(tmp_path, text), FEATURES)


def test_repeated_applicants_have_names_of_their_own() -> None:
    records = Records(("A", "B", "C"), {"f": np.array([0, 1, 2], np.uint8)})
    assert [records.name_of(i) for i in (0, 2, 3, 8)] == ["A", "C", "A/2", "C/3"]


def test_ids_digest_sees_order_and_boundaries_and_key() -> None:
    def digest(*ids: str, key: bytes = b"k") -> bytes:
        return Records(ids, {}).ids_digest(key)

    digests = [digest("A", "B"), digest("B", "A"), digest("AB"), digest("A", "B", "C"), digest("A", "B", key=b"l")]
    assert len(set(digests)) == len(digests)
    assert digest("A", "B") == digest("A", "B")


def test_repr_shows_no_record() -> None:
    assert "A" not in repr(Records(("A17",), {"f": np.array([3], np.uint8)})).replace("applicants", "")
