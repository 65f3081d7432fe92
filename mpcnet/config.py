"""A party's own configuration file, party.toml.

    name = "lender"
    identity = "identity.key"           # paths are relative to this file
    certificate = "certificate.pem"
    roster = "roster.toml"
    policy = "policy.toml"              # what this party allows a job to do; beside this file by default
    record = "record.jsonl"             # runs are written there; those of a job always are
    listen = "0.0.0.0:7001"             # only where it differs from the own address in the roster

    [deadlines]                         # seconds, all optional
    connect = 120                       # until every party has to be there
    liveness = 15                       # how long a peer may be silent
    phase = 600                         # how long a phase of an evaluation may stand still; 0 for no limit
    retry = 15                          # how long to wait for a party that was lost before any secret moved; 0: not
    total = 3600                        # the whole session; 0 for no limit

    [score]                             # only for `mpcnet score`
    data = "lender.csv"
    scheme = "scheme.toml"              # the public part of the scorecard, the same at every party
    points = "points.toml"              # the secret part, at the lender alone
    output = "scores.csv"               # at the lender

The file holds no secret; the key it points at does.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from mpcnet.errors import ConfigError
from mpcnet.files import plain_validation, read_bytes, toml_table

if TYPE_CHECKING:
    from mpcnet.identity import Identity
    from mpcnet.roster import Roster

__all__ = ["CONFIG_FILE", "POLICY_FILE", "RECORD_FILE", "ROSTER_FILE", "Config", "Deadlines", "ScoreConfig"]

CONFIG_FILE = "party.toml"
ROSTER_FILE = "roster.toml"
POLICY_FILE = "policy.toml"
RECORD_FILE = "record.jsonl"
MAX_FILE_BYTES = 64 * 1024


@dataclass(frozen=True)
class Deadlines:
    """How long things may take, in seconds.

    Attributes:
        connect: until every party is connected and has shown who it is.
        liveness: how long a peer may be silent before the run ends.
        total: the whole session after connecting; 0 for no limit.
        phase: how long nothing may come from a party that is waited for, in each phase of an evaluation (agreement, OT,
            inputs, garbling, outputs), while it is alive; 0 for no limit.
        retry: how long to wait for a party whose connection was lost before any secret moved; 0 for not at all.
    """

    connect: float = 120.0
    liveness: float = 15.0
    total: float = 3600.0
    phase: float = 600.0
    retry: float = 15.0

    def check(self, where: str) -> None:
        """Raise ConfigError for a time that cannot work."""
        for name, value, least in (
            ("connect", self.connect, 0.1),
            ("liveness", self.liveness, 0.5),
            ("total", self.total, 0.0),
            ("phase", self.phase, 0.0),
            ("retry", self.retry, 0.0),
        ):
            if not least <= value <= 30 * 86400:
                raise ConfigError(f"{where}: deadlines.{name} is {value:g}; give seconds from {least:g} to 30 days")


@dataclass(frozen=True)
class ScoreConfig:
    """What `mpcnet score` reads and writes at this party; absolute paths, None where nothing was given.

    Attributes:
        data: the CSV file with this party's columns.
        scheme: the public part of the scorecard.
        points: its secret part, at the lender alone.
        output: where the scores go, at the party that learns them.
    """

    data: Path | None = None
    scheme: Path | None = None
    points: Path | None = None
    output: Path | None = None


@dataclass(frozen=True)
class Config:
    """How one party runs; `Config.load` reads it from party.toml.

    Attributes:
        name: this party's name, as in its certificate and the roster.
        identity, certificate, roster: the files.
        listen: host and port to listen on; None for the own address in the roster.
        deadlines: how long things may take.
        policy: what this party allows a job to do; None for policy.toml beside `source`.
        record: where runs are written; None for record.jsonl beside `source`, and then only runs of a job.
        score: the table for `mpcnet score`, where there is one.
        source: the file this was read from, for messages.
    """

    name: str
    identity: Path
    certificate: Path
    roster: Path
    listen: tuple[str, int] | None = None
    deadlines: Deadlines = field(default_factory=Deadlines)
    score: ScoreConfig | None = None
    policy: Path | None = None
    record: Path | None = None
    source: str = "config"

    def __post_init__(self) -> None:
        self.deadlines.check(self.source)

    @classmethod
    def load(cls, path: str | Path) -> Config:
        """Read party.toml.

        Raises:
            ConfigError: the file is missing, or an entry is wrong; names the file, the entry and what to do.
        """
        from mpcnet.identity import check_name
        from mpcnet.roster import parse_address

        path = Path(path)
        if path.is_dir():
            path /= CONFIG_FILE
        source = str(path)
        raw = _parse(path)
        check_name(raw.name, f"{source}: name")
        folder = path.absolute().parent
        return cls(
            name=raw.name,
            identity=folder / raw.identity,
            certificate=folder / raw.certificate,
            roster=folder / raw.roster,
            listen=parse_address(raw.listen, f"{source}: listen") if raw.listen else None,
            deadlines=Deadlines(**msgspec.structs.asdict(raw.deadlines)),
            score=_score(raw.score, folder),
            policy=folder / raw.policy if raw.policy else None,
            record=folder / raw.record if raw.record else None,
            source=source,
        )

    @property
    def policy_path(self) -> Path:
        """Where this party's policy is."""
        return self.policy or Path(self.source).absolute().parent / POLICY_FILE

    @property
    def record_path(self) -> Path:
        """Where this party's record is."""
        return self.record or Path(self.source).absolute().parent / RECORD_FILE

    def load_identity(self) -> Identity:
        """Read the own key and certificate.

        Raises:
            ConfigError: a file is missing or wrong, or the certificate is another party's.
        """
        from mpcnet.identity import Identity

        identity = Identity.load(self.identity, self.certificate)
        if identity.name != self.name:
            raise ConfigError(
                f"{self.source}: name is {self.name!r}, but {self.certificate} is the certificate of {identity.name!r}"
            )
        return identity

    def load_roster(self, identity: Identity | None = None) -> Roster:
        """Read the roster, and check that this party stands in it, with the certificate of `identity` if given."""
        from mpcnet.roster import Roster

        if not self.roster.exists():
            raise ConfigError(
                f"{self.roster}: there is no roster yet; put every party's public file there and run "
                "`mpcnet roster add *.public.toml`"
            )
        roster = Roster.load(self.roster)
        own = roster.party(self.name)
        if identity is not None and identity.fingerprint not in own.fingerprints:
            raise ConfigError(
                f"{self.roster}: the entry of {self.name} pins another certificate than {identity.certificate_path}; "
                f"every party runs `mpcnet roster add {self.name}.public.toml` on its roster"
            )
        return roster

    def dumps(self) -> str:
        """The text of a party.toml with these values; paths as they are."""
        import tomli_w

        from mpcnet.roster import format_address

        table: dict[str, Any] = {
            "name": self.name,
            "identity": str(self.identity),
            "certificate": str(self.certificate),
            "roster": str(self.roster),
        }
        if self.policy is not None:
            table["policy"] = str(self.policy)
        if self.record is not None:
            table["record"] = str(self.record)
        if self.listen is not None:
            table["listen"] = format_address(*self.listen)
        table["deadlines"] = asdict(self.deadlines)
        if self.score is not None:
            paths = {name: getattr(self.score, name) for name in ("data", "scheme", "points", "output")}
            table["score"] = {key: str(value) for key, value in paths.items() if value is not None}
        return tomli_w.dumps(table)


class _Deadlines(msgspec.Struct, forbid_unknown_fields=True):
    connect: float = Deadlines.connect
    liveness: float = Deadlines.liveness
    total: float = Deadlines.total
    phase: float = Deadlines.phase
    retry: float = Deadlines.retry


class _Score(msgspec.Struct, forbid_unknown_fields=True):
    data: str | None = None
    scheme: str | None = None
    points: str | None = None
    output: str | None = None


class _File(msgspec.Struct, forbid_unknown_fields=True):
    name: str
    identity: str = "identity.key"
    certificate: str = "certificate.pem"
    roster: str = ROSTER_FILE
    policy: str | None = None
    record: str | None = None
    listen: str | None = None
    deadlines: _Deadlines = msgspec.field(default_factory=_Deadlines)
    score: _Score | None = None


def _parse(path: Path) -> _File:
    table = toml_table(read_bytes(path, "a party.toml", MAX_FILE_BYTES), str(path), "a party.toml")
    try:
        return msgspec.convert(table, _File)
    except (msgspec.ValidationError, OverflowError, RecursionError) as error:
        raise ConfigError(f"{path}: {plain_validation(str(error))}{_known_keys(str(error))}") from None


def _known_keys(message: str) -> str:
    """After an unknown key: the keys that its table may have."""
    if "unknown field" not in message:
        return ""
    place = message.partition(" - at ")[2].strip("`")
    table = {"": _File, "$.deadlines": _Deadlines, "$.score": _Score}.get(place)
    return f"; known are {', '.join(table.__struct_fields__)}" if table is not None else ""


def _score(raw: _Score | None, folder: Path) -> ScoreConfig | None:
    if raw is None:
        return None
    return ScoreConfig(*(folder / text if text else None for text in (raw.data, raw.scheme, raw.points, raw.output)))
