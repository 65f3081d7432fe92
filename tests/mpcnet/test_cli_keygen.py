"""`mpcnet keygen` and `mpcnet roster`: the way from nothing to three parties that know each other."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from mpcnet.cli.app import main
from mpcnet.config import Config
from mpcnet.roster import Roster

NAMES = ("lender", "bureau", "bank")


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def make_all() -> None:
    for i, name in enumerate(NAMES):
        assert main(["keygen", name, "--address", f"127.0.0.1:{7001 + i}"]) == 0


def test_three_people_make_a_network(capsys: pytest.CaptureFixture[str]) -> None:
    make_all()
    out = capsys.readouterr().out
    assert "Hand lender/lender.public.toml to the other parties" in out
    assert out.count("fingerprint sha256:") == 3
    public = [f"{name}/{name}.public.toml" for name in NAMES]
    assert main(["roster", "build", *public, "--output", "roster.toml"]) == 0
    for name in NAMES:
        Path("roster.toml").read_bytes()
        (Path(name) / "roster.toml").write_bytes(Path("roster.toml").read_bytes())
        capsys.readouterr()
        assert main(["roster", "check", "--config", name]) == 0
        assert f"all well: {name} is party {sorted(NAMES).index(name)} of 3" in capsys.readouterr().out
        config = Config.load(name)
        assert config.load_roster(config.load_identity()).names == ("bank", "bureau", "lender")


def test_json_everywhere(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["keygen", "lender", "--address", "127.0.0.1:7001", "--json", "--days", "30"]) == 0
    lender = json.loads(capsys.readouterr().out)
    assert lender["name"] == "lender"
    assert lender["public"] == "lender/lender.public.toml"
    assert main(["keygen", "bank", "--address", "[::1]:7002", "--dir", "elsewhere", "--json"]) == 0
    bank = json.loads(capsys.readouterr().out)
    assert main(["roster", "build", lender["public"], bank["public"], "--json"]) == 0
    built = json.loads(capsys.readouterr().out)
    assert main(["roster", "show", "--json"]) == 0
    shown = json.loads(capsys.readouterr().out)
    assert shown == built
    assert [party["name"] for party in shown["parties"]] == ["bank", "lender"]
    assert [party["address"] for party in shown["parties"]] == ["[::1]:7002", "127.0.0.1:7001"]
    assert shown["parties"][1]["fingerprints"] == [lender["fingerprint"]]
    assert shown["parties"][1]["valid_until"] == lender["valid_until"]
    assert shown["digest"] == Roster.load("roster.toml").digest.hex()
    Path("roster.toml").rename("elsewhere/roster.toml")
    assert main(["roster", "check", "--config", "elsewhere/party.toml", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["me"] == "bank"


def test_show_prints_what_people_compare(capsys: pytest.CaptureFixture[str]) -> None:
    make_all()
    main(["roster", "build", *(f"{name}/{name}.public.toml" for name in NAMES)])
    capsys.readouterr()
    assert main(["roster", "show", "roster.toml"]) == 0
    out = capsys.readouterr().out
    for party in Roster.load("roster.toml").parties:
        assert f"{party.party_id}  {party.name}" in out
        assert f"sha256:{party.fingerprints[0]}" in out
        assert party.address in out


def test_add_and_warnings(capsys: pytest.CaptureFixture[str]) -> None:
    make_all()
    capsys.readouterr()
    assert main(["roster", "add", "lender/lender.public.toml"]) == 0
    assert "roster.toml has one party; add the public files of the others" in capsys.readouterr().out
    assert main(["roster", "add", "bank/bank.public.toml", "bureau/bureau.public.toml"]) == 0
    out = capsys.readouterr().out
    assert "bank: added, at 127.0.0.1:7003; certificate sha256:" in out
    digest = Roster.load("roster.toml").digest.hex()
    assert f"roster digest {digest[:16]}" in out
    assert main(["keygen", "bank", "--renew", "--days", "400"]) == 0
    out = capsys.readouterr().out
    assert "UTC the present certificate is shown, and from then on the new one." in out
    assert "Every party, this one too, runs: mpcnet roster add bank.public.toml" in out
    assert main(["roster", "add", "bank/bank.public.toml"]) == 0
    out = capsys.readouterr().out
    assert "   (the old one, until 20" in out
    assert max(map(len, out.splitlines())) <= 80
    assert main(["roster", "add", "bank/bank.public.toml", "--json"]) == 0
    facts = json.loads(capsys.readouterr().out)
    assert facts["digest"] == digest
    assert facts["parties"] == ["bank", "bureau", "lender"]
    assert main(["keygen", "shop", "--address", "127.0.0.1:7009", "--days", "12"]) == 0
    assert main(["roster", "add", "shop/shop.public.toml"]) == 0
    assert "mpcnet: warning: the certificate of shop expires in 11 days" in capsys.readouterr().err
    assert main(["roster", "show", "--json"]) == 0
    (warning,) = json.loads(capsys.readouterr().out)["warnings"]
    assert "shop runs `mpcnet keygen shop --renew`" in warning


def test_renewal(capsys: pytest.CaptureFixture[str]) -> None:
    make_all()
    before = Path("lender/identity.key").read_bytes(), Path("lender/lender.public.toml").read_text()
    assert main(["keygen", "lender", "--renew", "--days", "400"]) == 0
    after = Path("lender/identity.key").read_bytes(), Path("lender/lender.public.toml").read_text()
    assert before[0] == after[0]
    assert before[1] != after[1]
    capsys.readouterr()
    assert main(["keygen", "lender", "--renew", "--days", "10"]) == 2
    assert "longer than a new certificate of 10 days" in capsys.readouterr().err
    assert main(["keygen", "lender", "--renew", "--listen", "h:1"]) == 2
    assert "--listen is not changed by --renew" in capsys.readouterr().err


def test_a_party_is_found_in_its_folder_and_beside_it(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    make_all()
    monkeypatch.chdir("lender")
    assert main(["keygen", "lender", "--renew", "--days", "400"]) == 0
    assert Path("certificate.next.pem").exists()
    capsys.readouterr()
    assert main(["keygen", "lender", "--new-key"]) == 0
    out = capsys.readouterr().out
    assert "Hand lender.public.toml to the other parties" in out
    assert "mpcnet roster add lender.public.toml --new-key" in out
    (aside,) = Path().glob("before-*")
    assert {path.name for path in aside.iterdir()} == {"identity.key", "certificate.pem", "certificate.next.pem"}
    Config.load("party.toml").load_identity()
    assert main(["keygen", "lender", "--new-key", "--renew"]) == 2
    assert "give --renew, which keeps the key, or --new-key" in capsys.readouterr().err


def test_what_keygen_says_next_leaves_nobody_out(capsys: pytest.CaptureFixture[str]) -> None:
    """The own public file lies in the own folder, and the others' are put there."""
    make_all()
    for name in ("bureau", "bank"):
        (Path("lender") / f"{name}.public.toml").write_bytes((Path(name) / f"{name}.public.toml").read_bytes())
    line = next(line for line in capsys.readouterr().out.splitlines() if "into lender, too" in line)
    command = line.partition("then: ")[2]
    assert command == "mpcnet roster add lender/*.public.toml --roster lender/roster.toml"
    files = sorted(str(path) for path in Path("lender").glob("*.public.toml"))
    assert main(["roster", "add", *files, "--roster", "lender/roster.toml"]) == 0
    assert main(["roster", "check", "--config", "lender"]) == 0


MISTAKES = [
    (["keygen", "a b", "--address", "h:1"], "'a b' is no name for a party"),
    (["keygen", "x"], "give --address HOST:PORT"),
    (["keygen", "x", "--address", "nowhere"], "address: 'nowhere' is no address"),
    (["keygen", "x", "--address", "h:1", "--listen", "h"], "listen: 'h' is no address"),
    (["keygen", "lender", "--address", "h:1"], "lender/identity.key is there already and is not overwritten"),
    (["keygen", "x", "--renew"], "x/certificate.pem: the certificate cannot be read: No such file"),
    (["roster", "build", "nothing.toml"], "nothing.toml: cannot be read: No such file"),
    (["roster", "build", "lender/lender.public.toml"], "roster.toml: a roster has 2 to 10 parties, this one has 1"),
    (["roster", "build", *["lender/lender.public.toml"] * 2], "lender and lender have the same name"),
    (["roster", "build", "lender/party.toml", "bank/bank.public.toml"], "lender/party.toml: unknown key"),
    (["roster", "show"], "roster.toml: there is no roster here"),
    (["roster", "check", "--config", "lender"], "there is no roster yet"),
    (["roster", "check"], "party.toml: cannot be read"),
]


@pytest.mark.parametrize(("argv", "message"), MISTAKES)
def test_mistakes_are_one_line_and_change_nothing(
    argv: list[str], message: str, here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    make_all()
    capsys.readouterr()
    before = {path: path.read_bytes() for path in here.rglob("*") if path.is_file()}
    assert main(argv) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.startswith("mpcnet: ")
    assert message in captured.err
    assert captured.err.count("\n") == 1
    assert {path: path.read_bytes() for path in here.rglob("*") if path.is_file()} == before


def test_key_is_never_printed(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    make_all()
    main(["keygen", "lender", "--renew"])
    main(["roster", "build", *(f"{name}/{name}.public.toml" for name in NAMES)])
    main(["roster", "show"])
    captured = capsys.readouterr()
    for name in NAMES:
        body = "".join((here / name / "identity.key").read_text().splitlines()[1:-1])
        assert body not in captured.out + captured.err
