"""Certificates over their life: renewal with an overlap, warnings, and the exact words for each mishap."""

from __future__ import annotations

import asyncio
import datetime
import re
import ssl
from dataclasses import replace
from pathlib import Path

import pytest

from mpcnet.config import Config
from mpcnet.errors import ConfigError, HandshakeFailed
from mpcnet.identity import Identity, next_path
from mpcnet.provision import add_to_roster, create_network, create_party, public_file, renew_party, replace_key
from mpcnet.roster import Party, Roster, dump_entries, read_entries
from mpcnet.wire.advice import advise
from tests.kit.certificates import identity_of, in_days
from tests.kit.network import Net, close_links, gather_errors, make_roster

DOCS = Path(__file__).parents[2] / "docs" / "keys.md"


def documented() -> list[re.Pattern[str]]:
    """The texts in docs/keys.md as patterns."""
    table = DOCS.read_text(encoding="utf-8").partition("<!-- errors -->")[2].partition("<!-- end -->")[0]
    rows = re.findall(r"^\| [^|]+ \| [^|]+ \| `([^|]+)` \|$", table, re.M)
    patterns = []
    for row in rows:
        pattern = re.escape(row).replace("'", "['`]")
        for mark, meaning in (("DATE", r"20\d\d-\d\d-\d\d \d\d:\d\d"), ("ADDRESS", r"[\w.]+:\d+"), ("FILE", r"\S+")):
            pattern = pattern.replace(mark, meaning)
        patterns.append(re.compile(pattern))
    return patterns


def check_documented(text: str) -> None:
    text = re.sub(r" \(seen by [a-z]+\)$", "", text)  # all parties have the same line
    assert sum(bool(pattern.fullmatch(text)) for pattern in documented()) == 1, text


def test_table_has_a_row_for_each_text() -> None:
    assert len(documented()) == 11


# ---- files


def test_texts_about_files(tmp_path: Path) -> None:
    files = create_network(tmp_path, {"bank": "127.0.0.1:7001", "lender": "127.0.0.1:7002"})
    config = Config.load(files["bank"])
    identity = config.load_identity()
    for days in (-3, 400):
        with pytest.raises(ConfigError) as caught:
            Roster.load(config.roster, check_time=False).check_time(in_days(days))
        check_documented(str(caught.value))
        with pytest.raises(ConfigError) as caught:
            Identity.load(config.identity, config.certificate, now=in_days(days))
        check_documented(str(caught.value))
    create_party("bank", "127.0.0.1:7001", tmp_path / "other")
    (tmp_path / "other" / "roster.toml").write_bytes(config.roster.read_bytes())
    other = Config.load(tmp_path / "other")
    with pytest.raises(ConfigError) as caught:
        other.load_roster(other.load_identity())
    check_documented(str(caught.value))
    config.identity.chmod(0o604)
    with pytest.raises(ConfigError) as caught:
        config.load_identity()
    check_documented(str(caught.value))
    assert identity.name == "bank"


# ---- renewal


def test_old_certificate_is_shown_until_its_last_day(tmp_path: Path) -> None:
    old = create_party("lender", "127.0.0.1:7001", tmp_path, days=20)
    new = renew_party("lender", tmp_path, days=365)
    paths = tmp_path / "identity.key", tmp_path / "certificate.pem"
    assert [one.fingerprint for one in new.held] == [old.fingerprint, new.held[1].fingerprint]
    assert new.fingerprint == old.fingerprint
    assert new.certificate_path == paths[1]
    assert read_entries(public_file(tmp_path, "lender"))[0].certificates == new.held
    on_the_last_day = Identity.load(*paths, now=in_days(19.5))
    assert on_the_last_day.fingerprint == new.held[1].fingerprint
    assert on_the_last_day.certificate_path == next_path(paths[1])
    assert on_the_last_day.held == new.held
    assert Identity.load(*paths, now=in_days(100)).fingerprint == new.held[1].fingerprint
    assert Identity.load(*paths, now=in_days(18)).fingerprint == old.fingerprint
    until = f"{new.held[1].valid_until:%Y-%m-%d}"
    with pytest.raises(ConfigError, match=rf"certificate\.next\.pem: the certificate of lender expired on {until}"):
        Identity.load(*paths, now=in_days(500))  # both have: it is the later that counts


def test_both_certificates_may_have_expired_when_it_is_renewed(tmp_path: Path) -> None:
    identity_of(tmp_path, "lender", -60, -40)
    identity_of(tmp_path, "lender", -50, -5, next_path(tmp_path / "certificate.pem"))
    renewed = Identity.load(tmp_path / "identity.key", tmp_path / "certificate.pem", check_time=False).renew()
    assert len(renewed.held) == 1
    assert not next_path(renewed.certificate_path).exists()


def test_expired_certificate_is_replaced_at_once(tmp_path: Path) -> None:
    identity_of(tmp_path, "lender", -10, -5)
    renewed = Identity.load(tmp_path / "identity.key", tmp_path / "certificate.pem", check_time=False).renew()
    assert len(renewed.held) == 1
    assert not next_path(renewed.certificate_path).exists()


def test_successor_becomes_the_first_at_the_next_renewal(tmp_path: Path) -> None:
    identity_of(tmp_path, "lender", -100, 0.5)
    identity_of(tmp_path, "lender", -20, 20, next_path(tmp_path / "certificate.pem"))
    shown = Identity.load(tmp_path / "identity.key", tmp_path / "certificate.pem")
    assert shown.certificate is shown.held[1]
    renewed = shown.renew()
    assert renewed.held[0].fingerprint == shown.fingerprint == renewed.fingerprint
    assert renewed.held[1].valid_until > in_days(300)


def test_successor_of_somebody_else_is_refused(tmp_path: Path) -> None:
    identity = Identity.create("lender", tmp_path / "a")
    other = Identity.create("lender", tmp_path / "b")
    next_path(identity.certificate_path).write_text(other.certificate.pem)
    with pytest.raises(ConfigError, match=r"certificate\.next\.pem does not belong to the key"):
        Identity.load(identity.key_path, identity.certificate_path)


def test_renewal_reaches_the_rosters_on_different_days(tmp_path: Path) -> None:
    files = create_network(tmp_path, {"bank": "127.0.0.1:7001", "lender": "127.0.0.1:7002"})
    lender, bank = (Config.load(files[name]).roster for name in ("lender", "bank"))
    before = Roster.load(lender).digest
    renewed = renew_party("bank", tmp_path / "bank")
    public = public_file(tmp_path / "bank", "bank")
    (line,) = add_to_roster([public], lender)
    new = renewed.held[1]
    assert line == f"bank: certificate sha256:{new.fingerprint}, valid until {new.valid_until:%Y-%m-%d}"
    assert Roster.load(lender).digest == before == Roster.load(bank).digest
    assert Roster.load(lender).party("bank").fingerprints == tuple(one.fingerprint for one in renewed.held)
    assert Config.load(files["bank"]).load_roster(renewed).names == ("bank", "lender")  # its own comes last
    assert add_to_roster([public], lender) == ["bank: nothing new"]


def test_public_files_make_a_roster_one_after_the_other(tmp_path: Path) -> None:
    roster = tmp_path / "roster.toml"
    for i, name in enumerate(("lender", "bureau", "bank")):
        create_party(name, f"127.0.0.1:{7001 + i}", tmp_path / name)
        (line,) = add_to_roster([public_file(tmp_path / name, name)], roster)
        assert line.startswith(f"{name}: added, at 127.0.0.1:{7001 + i}; certificate sha256:")
    assert Roster.load(roster).names == ("bank", "bureau", "lender")


def test_another_key_is_taken_only_when_somebody_says_so(tmp_path: Path) -> None:
    files = create_network(tmp_path, {"bank": "127.0.0.1:7001", "lender": "127.0.0.1:7002"})
    roster = Config.load(files["lender"]).roster
    before = roster.read_bytes()
    fresh = create_party("bank", "127.0.0.1:7003", tmp_path / "fresh")
    public = public_file(tmp_path / "fresh", "bank")
    with pytest.raises(ConfigError, match=f"bank has another key .* sha256:{fresh.fingerprint}; .* --new-key"):
        add_to_roster([public], roster)
    assert roster.read_bytes() == before
    (line,) = add_to_roster([public], roster, new_key=True)
    assert line.startswith("bank: another key; moves from 127.0.0.1:7001 to 127.0.0.1:7003; certificate sha256:")
    assert Roster.load(roster).party("bank").fingerprints == (fresh.fingerprint,)


def test_expired_public_file_is_refused_and_expired_certificates_go(tmp_path: Path) -> None:
    old, new = identity_of(tmp_path, "bank", -9, -1), identity_of(tmp_path, "bank", -2, 200)
    other = Identity.create("lender", tmp_path / "lender")
    entry = Party("lender", "127.0.0.1", 7002, (other.certificate,))
    roster, public = tmp_path / "roster.toml", tmp_path / "bank.public.toml"
    roster.write_text(Roster((Party("bank", "127.0.0.1", 7001, (old.certificate,)), entry)).dumps())
    public.write_text(roster.read_text())
    with pytest.raises(ConfigError, match="the certificate of bank expired"):
        add_to_roster([public], roster)
    public.write_text(Roster((Party("bank", "127.0.0.1", 7001, (old.certificate, new.certificate)), entry)).dumps())
    add_to_roster([public], roster)
    assert Roster.load(roster).party("bank").fingerprints == (new.fingerprint,)


def test_two_expired_certificates_are_replaced_one_after_the_other(tmp_path: Path) -> None:
    roster, names = tmp_path / "roster.toml", ("bank", "lender")
    old = {name: identity_of(tmp_path / name, name, -30, -1).certificate for name in names}
    roster.write_text(Roster(tuple(Party(n, "127.0.0.1", 7001 + i, (old[n],)) for i, n in enumerate(names))).dumps())
    for i, name in enumerate(names):
        fresh = Party(name, "127.0.0.1", 7001 + i, (identity_of(tmp_path / name, name, -1, 90).certificate,))
        (tmp_path / "new.public.toml").write_text(dump_entries([fresh]))
        add_to_roster([tmp_path / "new.public.toml"], roster)
    Roster.load(roster)


# ---- a new key


def test_key_that_was_lost_is_replaced_in_place(tmp_path: Path) -> None:
    files = create_network(tmp_path, {"bank": "127.0.0.1:7001", "lender": "127.0.0.1:7002"})
    folder, config = tmp_path / "bank", Config.load(files["bank"])
    before, old = files["bank"].read_bytes(), config.certificate.read_bytes()
    config.identity.unlink()
    (folder / "record.jsonl").write_text("{}")
    aside = replace_key("bank", folder)
    assert {path.name for path in aside.iterdir()} == {"certificate.pem", "record.jsonl"}
    assert (aside / "certificate.pem").read_bytes() == old
    assert files["bank"].read_bytes() == before
    fresh = config.load_identity()
    (entry,) = read_entries(public_file(folder, "bank"))
    assert (entry.address, entry.fingerprints) == ("127.0.0.1:7001", (fresh.fingerprint,))
    public_file(folder, "bank").unlink()
    assert read_entries(config.roster)[0].address == "127.0.0.1:7001"  # told by the roster as well
    replace_key("bank", folder)
    assert read_entries(public_file(folder, "bank"))[0].address == "127.0.0.1:7001"


def test_key_of_another_party_is_not_replaced(tmp_path: Path) -> None:
    files = create_network(tmp_path, {"bank": "127.0.0.1:7001", "lender": "127.0.0.1:7002"})
    before = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    with pytest.raises(ConfigError, match=r"party.toml is that of 'bank', not of 'lender'"):
        replace_key("lender", files["bank"].parent)
    assert {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()} == before


# ---- warnings


@pytest.mark.parametrize(
    ("days", "text"), [(31, None), (29.5, "in 29 days"), (1.5, "in 1 day,"), (0.5, "today or tomorrow"), (-1, None)]
)
def test_warning_begins_thirty_days_before(tmp_path: Path, days: float, text: str | None) -> None:
    certificate = identity_of(tmp_path, "bank", -300, days).certificate
    warning = certificate.expiry_warning()
    if text is None:
        assert warning == ""
    else:
        assert warning.startswith(f"the certificate of bank expires {text}")
        assert warning.endswith("bank runs `mpcnet keygen bank --renew` and hands out bank.public.toml")


def test_renewed_party_is_not_warned_about(tmp_path: Path) -> None:
    old, new = identity_of(tmp_path, "bank", -300, 5), identity_of(tmp_path, "bank", -1, 365)
    other = Party("lender", "127.0.0.1", 7002, (Identity.create("lender", tmp_path / "x").certificate,))
    bank = Party("bank", "127.0.0.1", 7001, (old.certificate,))
    assert list(Roster((bank, other)).expiry_warnings()) == ["bank"]
    assert Roster((replace(bank, certificates=(old.certificate, new.certificate)), other)).expiry_warnings() == {}


# ---- over TLS


async def test_either_certificate_holds_during_a_renewal(net: Net, tmp_path: Path) -> None:
    """Bank and bureau have rosters of different days, and the expired certificate of a third is no hindrance."""
    gone = identity_of(tmp_path / "b", "bank", -9, -1)
    old, new = identity_of(tmp_path / "b", "bank", -2, 5), identity_of(tmp_path / "b", "bank", -1, 200)
    identities = {**net.identities, "bank": new}
    ports = {name: net.port(name) for name in identities}
    rosters = {name: make_roster(identities, ports) for name in ("bank", "bureau")}
    entry = replace(rosters["bank"].party("bank"), certificates=(gone.certificate, old.certificate, new.certificate))
    rosters["lender"] = Roster((entry, *rosters["bank"].parties[1:]))
    joining = [net.connect(name, roster=rosters[name], identity=identities[name]) for name in ("bank", "bureau")]
    meshes = await asyncio.gather(*joining, net.connect("lender", roster=rosters["lender"]))
    await close_links(*(links for links, _ in meshes))


async def test_successor_that_is_not_in_the_roster_is_unknown(net: Net, tmp_path: Path) -> None:
    """Same name, same key, another certificate."""
    old, new = identity_of(tmp_path / "b", "bank", -9, 5), identity_of(tmp_path / "b", "bank", -1, 200)
    ports = {name: net.port(name) for name in net.identities}
    stale = make_roster({**net.identities, "bank": old}, ports)
    fresh = make_roster({**net.identities, "bank": new}, ports)
    bank = net.connect("bank", identity=new, roster=fresh, connect_seconds=1.0)
    errors = await gather_errors(bank, net.connect("lender", roster=stale))
    assert isinstance(errors[1], HandshakeFailed)
    check_documented(str(errors[1]))
    assert "; if bank has a new one, run `mpcnet roster add bank.public.toml`" in str(errors[1])


@pytest.mark.parametrize("odd", ["bank", "lender"])
@pytest.mark.parametrize(("start", "end"), [(-10, -5), (5, 10)], ids=["expired", "early"])
async def test_texts_about_dates_over_tls(net: Net, tmp_path: Path, odd: str, start: int, end: int) -> None:
    identities = {**net.identities, odd: identity_of(tmp_path / "odd", odd, start, end)}
    roster = make_roster(identities, {name: net.port(name) for name in identities})
    joining = [net.connect(n, roster=roster, identity=identities[n], connect_seconds=0.7) for n in ("bank", "lender")]
    errors = await gather_errors(*joining)
    assert isinstance(errors[1], HandshakeFailed)
    assert errors[1].peer == "bank"
    check_documented(str(errors[1]))


async def test_texts_about_strangers_over_tls(net: Net, tmp_path: Path) -> None:
    fresh = Identity.create("lender", tmp_path / "changed")
    errors = await gather_errors(net.connect("bank", connect_seconds=0.7), net.connect("lender", identity=fresh))
    check_documented(str(errors[1]))


async def test_text_about_a_wrong_party(net: Net) -> None:
    ports = {"bank": net.port("bureau"), "bureau": net.port("bank"), "lender": net.port("lender")}
    swapped = make_roster(net.identities, ports)
    errors = await gather_errors(
        net.connect("bureau", roster=swapped, connect_seconds=0.7), net.connect("lender", roster=swapped)
    )
    check_documented(str(errors[1]))


def test_other_faults_of_tls_keep_their_words(tmp_path: Path) -> None:
    error = ssl.SSLError(1, "x")
    error.reason = "WRONG_VERSION_NUMBER"
    text = advise(error, Identity.create("a", tmp_path), "bank", datetime.datetime.now(datetime.UTC))
    assert text == "does not speak TLS; another service on that port?"
