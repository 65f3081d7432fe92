from __future__ import annotations

import datetime
import tomllib
from pathlib import Path
from typing import Any

import pytest
import tomli_w

from mpcnet.errors import ConfigError
from mpcnet.identity import Identity
from mpcnet.provision import build_roster, create_network, create_party, renew_party
from mpcnet.roster import Party, Roster, dump_entries, format_address, parse_address, read_entries

NAMES = ("lender", "bureau", "bank")


@pytest.fixture(scope="module")
def identities(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Identity]:
    folder = tmp_path_factory.mktemp("identities")
    return {name: Identity.create(name, folder / name) for name in NAMES}


@pytest.fixture
def table(identities: dict[str, Identity]) -> dict[str, list[dict[str, Any]]]:
    """A good roster as TOML would give it."""
    parties = [
        Party(name, "127.0.0.1", 7001 + i, (identity.certificate,))
        for i, (name, identity) in enumerate(identities.items())
    ]
    return {"party": [party.as_entry() for party in parties]}


def load(table: dict[str, Any]) -> Roster:
    return Roster.loads(tomli_w.dumps(table), "roster.toml")


def test_parties_are_numbered_by_name(table: dict[str, Any]) -> None:
    roster = load(table)
    assert roster.names == ("bank", "bureau", "lender")
    assert [party.party_id for party in roster.parties] == [0, 1, 2]
    assert (roster.party("lender").host, roster.party("lender").port) == ("127.0.0.1", 7001)


def test_digest_does_not_depend_on_how_the_file_is_written(table: dict[str, Any]) -> None:
    roster = load(table)
    table["party"].reverse()
    again = "# a comment\n" + tomli_w.dumps(table, multiline_strings=False).replace("sha256:", "sha256:")
    table["party"][0]["fingerprint"] = table["party"][0]["fingerprint"].upper().replace("SHA256", "sha256")
    assert Roster.loads(again).digest == load(table).digest == roster.digest == Roster.loads(roster.dumps()).digest


@pytest.mark.parametrize(("key", "value"), [("address", "127.0.0.1:7009"), ("address", "localhost:7001")])
def test_digest_depends_on_the_entries(table: dict[str, Any], key: str, value: str) -> None:
    before = load(table).digest
    table["party"][0][key] = value
    assert load(table).digest != before


def test_digest_depends_on_the_key(table: dict[str, Any], tmp_path: Path) -> None:
    before = load(table).digest
    other = Party("lender", "127.0.0.1", 7001, (Identity.create("lender", tmp_path).certificate,))
    table["party"][0] = other.as_entry()
    assert load(table).digest != before


def test_round_trip(table: dict[str, Any], identities: dict[str, Identity]) -> None:
    roster = load(table)
    assert Roster.loads(roster.dumps()) == roster
    by_fingerprint = roster.by_fingerprint()
    assert {f: p.name for f, p in by_fingerprint.items()} == {i.fingerprint: n for n, i in identities.items()}
    for name, identity in identities.items():
        party = roster.party(name)
        assert party.verify_key.verify(b"m", identity.sign(b"m"))
        assert party.certificate_pem == identity.certificate_path.read_text()


def test_unknown_party_names_those_there_are(table: dict[str, Any]) -> None:
    with pytest.raises(ConfigError, match=r"roster\.toml: there is no party 'shop'; there are bank, bureau, lender"):
        load(table).party("shop")


def test_two_certificates_of_one_party(table: dict[str, Any], tmp_path: Path) -> None:
    old, new = Identity.create("lender", tmp_path).renew().held
    entry = Party("lender", "127.0.0.1", 7001, (old, new)).as_entry()
    assert len(entry["fingerprint"]) == 2
    table["party"][0] = entry
    roster = load(table)
    assert roster.by_fingerprint()[old.fingerprint] is roster.by_fingerprint()[new.fingerprint]
    assert load({"party": [entry, *table["party"][1:]]}).party("lender").fingerprints == (
        old.fingerprint,
        new.fingerprint,
    )


def change(key: str, value: Any) -> Any:
    def apply(table: dict[str, Any]) -> None:
        table["party"][1][key] = value

    return apply


def drop(key: str) -> Any:
    def apply(table: dict[str, Any]) -> None:
        del table["party"][1][key]

    return apply


def copy_to_second(key: str) -> Any:
    def apply(table: dict[str, Any]) -> None:
        table["party"][1][key] = table["party"][0][key]

    return apply


def same_identity(table: dict[str, Any]) -> None:
    table["party"][1] = {**table["party"][0], "address": "127.0.0.1:7009"}


def shorten(table: dict[str, Any]) -> None:
    del table["party"][1:]


def cut_certificate(table: dict[str, Any]) -> None:
    table["party"][1]["certificate"] = table["party"][1]["certificate"][:200]


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (change("name", "b u"), r"party 2: 'b u' is no name"),
        (change("name", 7), r"party 2: name: Expected 'str', got 'int'"),
        (change("name", "bank2"), r"party 2 \(bank2\): the certificate is that of 'bureau'"),
        (copy_to_second("name"), r"party 2 \(lender\): the certificate is that of 'bureau'"),
        (copy_to_second("address"), r"bureau and lender have the same address"),
        (copy_to_second("fingerprint"), r"party 2 \(bureau\): the fingerprint is not that of the certificate"),
        (copy_to_second("certificate"), r"party 2 \(bureau\): the fingerprint is not that of the certificate"),
        (same_identity, r"lender and lender have the same name"),
        (change("address", "127.0.0.1"), r"party 2 \(bureau\): '127.0.0.1' is no address"),
        (change("fingerprint", "md5:00"), r"party 2 \(bureau\): a fingerprint is 'sha256:' and 64"),
        (change("fingerprint", []), r"party 2 \(bureau\): the fingerprint is not that of the certificate"),
        (change("fingerprint", 12), r"party 2 \(bureau\): fingerprint: Expected"),
        (change("certificate", "none"), r"party 2 \(bureau\): this is no PEM certificate"),
        (cut_certificate, r"party 2 \(bureau\): this is no PEM certificate"),
        (change("port", 7001), r"party 2 \(bureau\): unknown key 'port'"),
        (drop("address"), r"party 2 \(bureau\): misses 'address'"),
        (drop("name"), r"party 2: misses 'name'"),
        (drop("certificate"), r"party 2 \(bureau\): misses 'certificate'"),
        (shorten, r"a roster has 2 to 10 parties, this one has 1"),
        (lambda table: table["party"].clear(), r"there is no \[\[party\]\] entry"),
        (lambda table: table.update(extra=1), r"unknown key 'extra'"),
        (lambda table: table.update(party={"name": "x"}), r".*double brackets"),
        (lambda table: table.update(party=[1]), r".*double brackets"),
    ],
)
def test_wrong_rosters_are_named(table: dict[str, Any], spoil: Any, message: str) -> None:
    spoil(table)
    with pytest.raises(ConfigError, match=rf"^roster\.toml: {message}"):
        load(table)


def test_too_many_parties(tmp_path: Path) -> None:
    parties = [
        Party(f"p{i}", "127.0.0.1", 7000 + i, (Identity.create(f"p{i}", tmp_path / str(i)).certificate,))
        for i in range(11)
    ]
    assert len(Roster(tuple(parties[:10])).parties) == 10
    with pytest.raises(ConfigError, match="2 to 10 parties, this one has 11"):
        Roster(tuple(parties))


def test_names_that_differ_in_case_alone(tmp_path: Path) -> None:
    parties = [
        Party(name, "127.0.0.1", 7000 + i, (Identity.create(name, tmp_path / str(i)).certificate,))
        for i, name in enumerate(("bank", "Bank"))
    ]
    with pytest.raises(ConfigError, match="Bank and bank have the same name"):
        Roster(tuple(parties))


def test_unreadable_files_are_named(tmp_path: Path) -> None:
    path = tmp_path / "roster.toml"
    with pytest.raises(ConfigError, match=r"roster\.toml: cannot be read: No such file"):
        Roster.load(path)
    path.write_bytes(b"\xff\xfe")
    with pytest.raises(ConfigError, match="not UTF-8"):
        Roster.load(path)
    path.write_text("[[party]\n")
    with pytest.raises(ConfigError, match=r"not valid TOML: .*line 1"):
        Roster.load(path)
    path.write_text("#" * 2_000_000)
    with pytest.raises(ConfigError, match="longer than"):
        Roster.load(path)


def test_expired_certificate_is_named(tmp_path: Path) -> None:
    folders = create_network(tmp_path, {"lender": "127.0.0.1:7001", "bank": "127.0.0.1:7002"})
    path = folders["lender"].parent / "roster.toml"
    roster = Roster.load(path)
    later = datetime.datetime.now(datetime.UTC) + datetime.timedelta(days=400)
    with pytest.raises(ConfigError, match=rf"{path}: the certificate of bank expired"):
        roster.check_time(later)


@pytest.mark.parametrize(
    ("text", "host", "port"),
    [
        ("127.0.0.1:7001", "127.0.0.1", 7001),
        ("[::1]:65535", "::1", 65535),
        ("[2001:DB8::0:1]:1", "2001:db8::1", 1),
        ("bank.example.org:443", "bank.example.org", 443),
        ("party-1:80", "party-1", 80),
    ],
)
def test_addresses(text: str, host: str, port: int) -> None:
    assert parse_address(text, "x") == (host, port)
    assert parse_address(format_address(host, port), "x") == (host, port)


@pytest.mark.parametrize(
    "text",
    [
        "", ":", ":80", "host", "host:", "host:0", "host:65536", "host:-1", "host:+1", "host:8 0", "host:٣",
        "::1:80", "[::1]", "[::1]80", "[zz]:80", "[127.0.0.1]:80", "1.2.3:80", "256.1.1.1:80", "a b:80",
        "-a:80", "a..b:80", "http://host:80", f"{'a' * 300}:80", "host:000080",
    ],
)  # fmt: skip
def test_bad_addresses(text: str) -> None:
    with pytest.raises(ConfigError, match=r"^where: "):
        parse_address(text, "where")


def test_public_files_become_a_roster(tmp_path: Path) -> None:
    for i, name in enumerate(NAMES):
        create_party(name, f"127.0.0.1:{7001 + i}", tmp_path / name)
    public = [tmp_path / name / f"{name}.public.toml" for name in NAMES]
    roster = build_roster(public, tmp_path / "roster.toml")
    assert Roster.load(tmp_path / "roster.toml") == roster
    with pytest.raises(ConfigError, match="not overwritten without --force"):
        build_roster(public, tmp_path / "roster.toml")
    assert build_roster(reversed(public), tmp_path / "roster.toml", force=True).digest == roster.digest
    with pytest.raises(ConfigError, match="lender and lender have the same name"):
        build_roster([*public, public[0]], tmp_path / "other.toml")
    assert not (tmp_path / "other.toml").exists()


def test_public_file_holds_nothing_private(tmp_path: Path) -> None:
    identity = create_party("lender", "127.0.0.1:7001", tmp_path)
    text = (tmp_path / "lender.public.toml").read_text()
    assert list(tomllib.loads(text)["party"][0]) == ["name", "address", "fingerprint", "certificate"]
    assert "PRIVATE" not in text
    assert identity._key.encode().hex() not in text


def test_renewal_changes_certificate_and_public_file_alone(tmp_path: Path) -> None:
    old = create_party("lender", "127.0.0.1:7001", tmp_path)
    key = (tmp_path / "identity.key").read_bytes()
    new = renew_party("lender", tmp_path)
    entry = read_entries(tmp_path / "lender.public.toml")[0]
    assert entry.fingerprints == (old.fingerprint, new.held[1].fingerprint)
    assert entry.address == "127.0.0.1:7001"
    assert (tmp_path / "identity.key").read_bytes() == key
    assert renew_party("lender", tmp_path, address="host:1").name == "lender"
    assert read_entries(tmp_path / "lender.public.toml")[0].address == "host:1"
    with pytest.raises(ConfigError, match="holds the identity of 'lender'"):
        renew_party("bank", tmp_path)


def test_entries_of_a_public_file_stay_in_order(tmp_path: Path, identities: dict[str, Identity]) -> None:
    parties = [Party(n, "127.0.0.1", 7001 + i, (identities[n].certificate,)) for i, n in enumerate(NAMES)]
    path = tmp_path / "all.toml"
    path.write_text(dump_entries(parties))
    assert [party.name for party in read_entries(path)] == list(NAMES)


@pytest.mark.parametrize(
    ("text", "says"), [("x = " + "[" * 5000, "nested too deeply"), ("x = " + "1" * 5000, "digits")]
)
def test_toml_that_is_too_much(text: str, says: str) -> None:
    with pytest.raises(ConfigError, match=f"not valid TOML: .*{says}"):
        Roster.loads(text)


@pytest.mark.parametrize("zone", ["\x1b[31m", "a b", "\n", "\u202e"])
def test_an_address_is_fit_for_a_terminal(zone: str) -> None:
    """A public file comes from somebody else."""
    with pytest.raises(ConfigError, match="is no IPv6 address") as caught:
        parse_address(f"[fe80::1%{zone}]:7001", "party 1")
    assert str(caught.value).isprintable()
    assert parse_address("[fe80::1%eth0]:7001", "listen") == ("fe80::1%eth0", 7001)


@pytest.mark.parametrize("address", ["0.0.0.0:7001", "[::]:7001", "[0:0::0]:7001"])
def test_an_address_that_nobody_can_dial(tmp_path: Path, address: str) -> None:
    with pytest.raises(ConfigError, match=r"is where a party listens, and nobody reaches it there; .* `--listen"):
        create_party("bank", address, tmp_path / "bank")
    assert not (tmp_path / "bank").exists()
