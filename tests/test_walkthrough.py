"""Three people set up a network from README.md and docs/keys.md alone, and exchange only the files that are public."""

from __future__ import annotations

import json
import re
import tomllib
from pathlib import Path

import pytest

from tests.kit.network import bound_socket
from tests.kit.people import People

ROOT = Path(__file__).parent.parent
NAMES = ("lender", "bureau", "bank")
PUBLIC = re.compile(r"\w+\.public\.toml|\w+\.sig|\w+\.\w+\.sig|march\.toml|approve\.py")


def section(document: str, title: str) -> str:
    """A document's section of that title."""
    text = (ROOT / document).read_text(encoding="utf-8")
    return text.partition(f"\n## {title}\n")[2].partition("\n## ")[0]


@pytest.mark.timeout(120)
def test_three_people_who_exchange_only_public_files(tmp_path: Path) -> None:
    people = People(tmp_path, NAMES)
    text = section("README.md", "Three people, three machines")
    sockets = [bound_socket() for _ in NAMES]
    for sock, port in zip(sockets, ("17001", "17002", "17003"), strict=True):
        assert text.count(port) == 1
        text = text.replace(port, str(sock.getsockname()[1]))
        sock.close()
    people.follow(text)
    for name in NAMES:
        answer = people.hear(name, "mpcnet run --job").splitlines()
        assert ("[True, False, False]" in answer) == (name == "lender")
        (end,) = [line for line in answer if line.startswith("mpcnet: done")]
        assert re.match(r"mpcnet: done in [\d.]+ s; lender learned approve\.approved: 3; ", end)
        report = people.hear(name, "mpcnet doctor --job")
        assert re.search(rf"^well +{name} +job +march.toml: signed by all", report, re.M)
        assert not re.search(r"^(mend|away|skip) ", report, re.M)  # a busy machine is warned about
        entries = (people.places[name] / "record.jsonl").read_text(encoding="utf-8").splitlines()
        assert json.loads(entries[-1])["countersigned"].keys() == set(NAMES)
    assert len({people.hear(name, "mpcnet roster add").split("roster digest ")[1][:16] for name in NAMES}) == 1

    people.follow(section("docs/keys.md", "Renewal"))
    for name in NAMES:
        roster = tomllib.loads((people.places[name] / "roster.toml").read_text(encoding="utf-8"))
        assert {entry["name"]: len(entry["certificate"].split("BEGIN")) - 1 for entry in roster["party"]} == {
            "lender": 1, "bureau": 1, "bank": 2,
        }  # fmt: skip

    assert people.handed
    assert all(PUBLIC.fullmatch(file) for file in people.handed)
    keys = {(people.places[name] / "identity.key").read_bytes() for name in NAMES}
    assert len(keys) == len(NAMES)
    for name in NAMES:  # nobody has anything of another but what was handed out
        found = {path.name for path in people.places[name].iterdir() if any(other in path.name for other in NAMES)}
        assert {file for file in found if name not in file} <= set(people.handed)
