"""The doctor finds what is wrong with the data of a scoring run, and with the job that was signed for it."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest

from mpcnet.agreement.job import JobFile
from mpcnet.agreement.policy import draft_policy
from mpcnet.agreement.signature import sign
from mpcnet.cli.app import main
from mpcnet.config import Config
from mpcnet.credit.files import load_scheme
from mpcnet.credit.prepare import prepare
from mpcnet.doctor import Report, State, examine
from tests.kit.doctors import of


def agree(files: dict[str, Path], *options: str) -> None:
    """Make a job in this folder, signed by all, and the lender's policy for it."""
    assert main(["job", "new", "decide", "--score", "scheme.toml", *options]) == 0
    job = JobFile.load("decide.toml")
    for path in files.values():
        sign(job, Config.load(path).load_identity())
    Path("policy.toml").write_text(draft_policy(job.job, "lender"))


@pytest.fixture
def parties(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, Path]:
    """The parties of the demo; the test sits in the lender's folder."""
    files = prepare(tmp_path / "credit")
    monkeypatch.chdir(files["lender"].parent)
    return files


async def look() -> Report:
    return await examine("party.toml", alone=True, job=Path("decide.toml"))


async def test_all_is_well(parties: dict[str, Path]) -> None:
    agree(parties)
    report = await look()
    assert [check for check in report.of(State.MEND, State.WARN) if check.name != "processor"] == []
    assert of(report, "data").found.endswith("lender.csv: 300 applicants")
    assert "signed by all" in of(report, "job").found


def replace(file: str, old: str, new: str) -> Callable[[], None]:
    def spoil() -> None:
        path = Path(file)
        text = re.sub(old, new, path.read_text(encoding="utf-8"), count=1)
        assert text != path.read_text(encoding="utf-8")
        path.write_text(text, encoding="utf-8")

    return spoil


MISTAKES = [
    (Path("lender.csv").unlink, "data", State.MEND, "lender.csv"),
    (replace("lender.csv", r"(?m)^(G\d+),\d+,", r"\1,many,"), "data", State.MEND, "expected a number such as 12"),
    (replace("lender.csv", "duration", "length"), "data", State.MEND, "lender.csv"),
    (Path("points.toml").unlink, "data", State.MEND, "points.toml"),
    (lambda: Path("points.toml").chmod(0o644), "data", State.WARN, "secret points that others can read"),
    (replace("party.toml", "\npoints = .*", ""), "data", State.MEND, "points"),
]


@pytest.mark.parametrize(("spoil", "name", "state", "found"), MISTAKES)
async def test_mistakes_in_the_data(
    parties: dict[str, Path], spoil: Callable[[], None], name: str, state: State, found: str
) -> None:
    agree(parties)
    spoil()
    hits = [check for check in (await look()).checks if (check.name, check.state) == (name, state)]
    assert any(found in check.found and check.mend for check in hits), hits


async def test_another_scheme_than_the_one_that_was_signed(parties: dict[str, Path]) -> None:
    agree(parties)
    replace("scheme.toml", 'name = "german-credit"', 'name = "of-april"')()
    digest = load_scheme(Path("scheme.toml")).digest.hex()
    replace("points.toml", 'scheme = "\\w+"', f'scheme = "{digest}"')()
    report = await look()
    assert of(report, "data").state == State.WELL, of(report, "data")
    check = of(report, "job")
    assert "is for another scheme" in check.found
    assert "take the scheme that was signed" in check.mend


async def test_more_applicants_than_were_agreed_on(parties: dict[str, Path]) -> None:
    agree(parties, "--applicants", "299")
    check = of(await look(), "job")
    assert "the job allows 299 applicants in a run, and these are 300" in check.found
    assert check.mend.startswith("score fewer")
