"""Turns the published `german.data` into the readable table that this project carries.

    python scripts/convert_german_credit.py german.data mpcnet/credit/data/german_credit.csv

It ran once. It stays so that anyone can fetch the original from the UCI repository (doi 10.24432/C5NC77), run it and
compare. Words replace codes, an applicant's number and the part of the split are added; no value is changed, no row
is dropped or moved.
"""

from __future__ import annotations

import csv
import hashlib
import sys
from pathlib import Path

ORIGINAL_SHA256 = "b21f3d81db8071257d5ff1deaeba1fd4303b62712e6fcc9715c7a86202cb5871"
SPLIT_SEED = "mpcnet"
SCORED = {"good": 210, "bad": 90}  # 300 of 1,000, at the proportion of the whole

COLUMNS: dict[str, dict[str, str]] = {
    "checking_account": {
        "A11": "below 0 DM",
        "A12": "0 to 199 DM",
        "A13": "200 DM or more or salary for a year",
        "A14": "none",
    },
    "duration_months": {},
    "credit_history": {
        "A30": "none taken or all repaid",
        "A31": "all at this bank repaid",
        "A32": "existing repaid till now",
        "A33": "delays in the past",
        "A34": "critical or credits elsewhere",
    },
    "purpose": {
        "A40": "car new",
        "A41": "car used",
        "A42": "furniture or equipment",
        "A43": "radio or television",
        "A44": "domestic appliances",
        "A45": "repairs",
        "A46": "education",
        "A47": "vacation",
        "A48": "retraining",
        "A49": "business",
        "A410": "other",
    },
    "amount_dm": {},
    "savings": {
        "A61": "below 100 DM",
        "A62": "100 to 499 DM",
        "A63": "500 to 999 DM",
        "A64": "1000 DM or more",
        "A65": "unknown or none",
    },
    "employed_since": {
        "A71": "unemployed",
        "A72": "below 1 year",
        "A73": "1 to 3 years",
        "A74": "4 to 6 years",
        "A75": "7 years or more",
    },
    "installment_rate": {},
    "personal_status_and_sex": {
        "A91": "male divorced or separated",
        "A92": "female divorced or separated or married",
        "A93": "male single",
        "A94": "male married or widowed",
        "A95": "female single",
    },
    "other_debtors": {"A101": "none", "A102": "co-applicant", "A103": "guarantor"},
    "residence_since": {},
    "property": {
        "A121": "real estate",
        "A122": "building savings or life insurance",
        "A123": "car or other",
        "A124": "unknown or none",
    },
    "age_years": {},
    "other_installment_plans": {"A141": "bank", "A142": "stores", "A143": "none"},
    "housing": {"A151": "rent", "A152": "own", "A153": "for free"},
    "existing_credits": {},
    "job": {
        "A171": "unemployed or unskilled non-resident",
        "A172": "unskilled resident",
        "A173": "skilled",
        "A174": "management or self-employed or highly qualified",
    },
    "dependents": {},
    "telephone": {"A191": "none", "A192": "registered"},
    "foreign_worker": {"A201": "yes", "A202": "no"},
}
OUTCOME = {"1": "good", "2": "bad"}


def applicant(row: int) -> str:
    """The number given to a row of the original, from 1."""
    return f"G{row:04d}"


def split(outcomes: list[str]) -> list[str]:
    """The part of each applicant: of each outcome, those whose SHA-256 with the seed is lowest are scored."""
    parts = ["development"] * len(outcomes)
    for outcome, count in SCORED.items():
        rows = [i for i, value in enumerate(outcomes) if value == outcome]
        rows.sort(key=lambda i: hashlib.sha256(f"{SPLIT_SEED}/{applicant(i + 1)}".encode()).digest())
        for i in rows[:count]:
            parts[i] = "scored"
    return parts


def main(source: str, target: str) -> None:
    raw = Path(source).read_bytes()
    if hashlib.sha256(raw).hexdigest() != ORIGINAL_SHA256:
        sys.exit(f"{source} is not the german.data that this table was made from")
    rows = [line.split() for line in raw.decode("ascii").splitlines()]
    outcomes = [OUTCOME[row[20]] for row in rows]
    parts = split(outcomes)
    with Path(target).open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(["applicant", "part", *COLUMNS, "outcome"])
        for i, row in enumerate(rows):
            values = [
                words[code] if words else str(int(code)) for code, words in zip(row, COLUMNS.values(), strict=False)
            ]
            writer.writerow([applicant(i + 1), parts[i], *values, outcomes[i]])


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit("usage: convert_german_credit.py german.data german_credit.csv")
    main(sys.argv[1], sys.argv[2])
