from __future__ import annotations

from pathlib import Path

import pytest

from mpcnet.config import Config, Deadlines, ScoreConfig
from mpcnet.errors import ConfigError
from mpcnet.identity import CERTIFICATE_FILE, KEY_FILE, Identity
from mpcnet.provision import create_network, create_party

ADDRESSES = {"lender": "127.0.0.1:7001", "bank": "127.0.0.1:7002"}


def test_defaults_and_relative_paths(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "party.toml").write_text('name = "lender"\nroster = "../common/roster.toml"\n')
    monkeypatch.chdir(tmp_path)
    config = Config.load("party.toml")
    assert config.source == "party.toml"
    assert config.identity == tmp_path / "identity.key"
    assert config.certificate == tmp_path / "certificate.pem"
    assert config.roster == tmp_path / "../common/roster.toml"
    assert config.deadlines == Deadlines()
    assert (config.listen, config.score) == (None, None)


def test_everything_set(tmp_path: Path) -> None:
    (tmp_path / "party.toml").write_text(
        'name = "lender"\nidentity = "/keys/a.key"\ncertificate = "c.pem"\nlisten = "[::]:7001"\n'
        "[deadlines]\nconnect = 5\nliveness = 2.5\ntotal = 0\n"
        '[score]\ndata = "lender.csv"\nscheme = "m.toml"\n'
    )
    config = Config.load(tmp_path)
    assert config.identity == Path("/keys/a.key")
    assert config.listen == ("::", 7001)
    assert config.deadlines == Deadlines(5, 2.5, 0)
    assert config.score == ScoreConfig(tmp_path / "lender.csv", tmp_path / "m.toml", None, None)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "misses 'name'"),
        ('name = "a b"', "name: 'a b' is no name for a party"),
        ("name = 7", "name: Expected 'str', got 'int'"),
        (
            'name = "a"\nrooster = "x"',
            "unknown key 'rooster'; known are name, .*roster, policy, record, listen, deadlines, score$",
        ),
        (
            'name = "a"\n[deadlines]\nconect = 5',
            "deadlines: unknown key 'conect'; known are connect, liveness, total, phase, retry$",
        ),
        ('name = "a"\n[deadlines]\nconnect = "soon"', r"deadlines\.connect: Expected 'float', got 'str'"),
        ('name = "a"\n[deadlines]\nconnect = 0', r"deadlines\.connect is 0; give seconds from 0\.1"),
        ('name = "a"\n[deadlines]\nliveness = -1', r"deadlines\.liveness is -1"),
        ('name = "a"\n[deadlines]\ntotal = inf', r"deadlines\.total is inf"),
        ('name = "a"\n[deadlines]\ntotal = nan', r"deadlines\.total is nan"),
        ('name = "a"\nlisten = "7001"', "listen: '7001' is no address"),
        ('name = "a"\n[score]\ndat = "x"', "score: unknown key 'dat'; known are data, scheme, points, output$"),
        ("name = ", "not valid TOML"),
        ("name = " + "[" * 5000, "not valid TOML: nested too deeply"),
        ("name = " + "1" * 5000, "not valid TOML: a number has too many digits"),
        ("#" * 70_000, "longer than"),
    ],
)
def test_mistakes_are_named(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "party.toml"
    path.write_text(text)
    with pytest.raises(ConfigError, match=rf"^{path}: {message}"):
        Config.load(path)


def test_missing_file(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"nothing\.toml: cannot be read: No such file"):
        Config.load(tmp_path / "nothing.toml")


def test_made_folder_loads(tmp_path: Path) -> None:
    times = Deadlines(connect=3, liveness=2, total=60)
    scores = {"bank": ScoreConfig(data=Path("bank.csv"))}
    files = create_network(tmp_path, ADDRESSES, deadlines=times, scores=scores)
    assert list(files) == ["lender", "bank"]
    for name, path in files.items():
        config = Config.load(path)
        identity = config.load_identity()
        assert config.deadlines == times
        assert identity.name == name
        assert config.load_roster(identity).names == ("bank", "lender")
    score = Config.load(files["bank"]).score
    assert score is not None
    assert score.data == tmp_path / "bank" / "bank.csv"
    assert score.points is None


def test_roster_that_is_not_there_yet(tmp_path: Path) -> None:
    create_party("lender", ADDRESSES["lender"], tmp_path)
    with pytest.raises(ConfigError, match=r"no roster yet.*mpcnet roster add"):
        Config.load(tmp_path).load_roster()


def test_identity_of_another_party(tmp_path: Path) -> None:
    files = create_network(tmp_path, ADDRESSES)
    for file in ("identity.key", "certificate.pem"):
        (tmp_path / "bank" / file).replace(tmp_path / "lender" / file)
    with pytest.raises(ConfigError, match=r"name is 'lender', but .* is the certificate of 'bank'"):
        Config.load(files["lender"]).load_identity()


def test_roster_that_pins_another_certificate(tmp_path: Path) -> None:
    files = create_network(tmp_path, ADDRESSES)
    for file in (KEY_FILE, CERTIFICATE_FILE):
        (tmp_path / "lender" / file).unlink()
    Identity.create("lender", tmp_path / "lender")
    config = Config.load(files["lender"])
    with pytest.raises(ConfigError, match="the entry of lender pins another certificate"):
        config.load_roster(config.load_identity())


def test_roster_without_this_party(tmp_path: Path) -> None:
    files = create_network(tmp_path / "a", ADDRESSES)
    create_party("shop", "127.0.0.1:7003", tmp_path / "shop")
    (files["bank"].parent / "roster.toml").replace(tmp_path / "shop" / "roster.toml")
    config = Config.load(tmp_path / "shop")
    with pytest.raises(ConfigError, match="there is no party 'shop'; there are bank, lender"):
        config.load_roster(config.load_identity())


def test_party_folder_is_never_overwritten(tmp_path: Path) -> None:
    create_party("lender", ADDRESSES["lender"], tmp_path)
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    assert sorted(before) == ["certificate.pem", "identity.key", "lender.public.toml", "party.toml"]
    with pytest.raises(ConfigError, match="not overwritten"):
        create_party("lender", ADDRESSES["lender"], tmp_path)
    (tmp_path / "identity.key").unlink()
    with pytest.raises(ConfigError, match="not overwritten"):
        create_party("lender", ADDRESSES["lender"], tmp_path)
    assert not (tmp_path / "identity.key").exists()


def test_bad_arguments_leave_nothing_behind(tmp_path: Path) -> None:
    for name, address, listen in (("a b", "h:1", None), ("a", "h", None), ("a", "h:1", "nowhere")):
        with pytest.raises(ConfigError):
            create_party(name, address, tmp_path / "new", listen=listen)
    assert not (tmp_path / "new").exists()


def test_listen_address_is_written(tmp_path: Path) -> None:
    create_party("lender", "lender.example.org:7001", tmp_path, listen="0.0.0.0:7001")
    assert Config.load(tmp_path).listen == ("0.0.0.0", 7001)
