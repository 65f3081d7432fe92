"""The files a party needs, made in one go: what `mpcnet keygen` and `mpcnet roster` call.

DIR/identity.key         the private key, mode 0600; stays where it is
DIR/certificate.pem      the certificate over it; beside it certificate.next.pem during a renewal
DIR/NAME.public.toml     name, address, fingerprint, certificate: what the others get
DIR/party.toml           the configuration to start with
DIR/roster.toml          all public files in one; made once everybody's is there
"""

from __future__ import annotations

import datetime
from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path

from mpcnet.config import CONFIG_FILE, RECORD_FILE, ROSTER_FILE, Config, Deadlines, ScoreConfig
from mpcnet.errors import ConfigError
from mpcnet.files import replace_text
from mpcnet.identity import CERTIFICATE_FILE, KEY_FILE, VALID_DAYS, Identity, check_name, next_path
from mpcnet.record.log import head_path
from mpcnet.roster import Party, Roster, dump_entries, parse_address, parse_reachable, read_entries

__all__ = [
    "add_to_roster",
    "build_roster",
    "create_network",
    "create_party",
    "find_folder",
    "public_file",
    "renew_party",
    "replace_key",
    "write_new",
]


def public_file(folder: Path, name: str) -> Path:
    """Where a party's public file lies in its folder."""
    return folder / f"{name}.public.toml"


def create_party(
    name: str,
    address: str,
    folder: str | Path,
    *,
    listen: str | None = None,
    days: int = VALID_DAYS,
    deadlines: Deadlines | None = None,
    score: ScoreConfig | None = None,
    record: Path | None = Path(RECORD_FILE),
) -> Identity:
    """Make a party's folder: key, certificate, public file and party.toml.

    Args:
        name: the party's name.
        address: host:port where the others reach it.
        folder: made where it is missing.
        listen: host:port to listen on, where that differs from `address`.
        days: how long the certificate is valid.
        record: where runs are written, relative to the folder; None for nowhere, but for those of a signed job.
        deadlines, score: written into party.toml; paths relative to the folder.
    Raises:
        ConfigError: a bad name or address, or one of the files is there already: nothing is overwritten.
    """
    folder = Path(folder)
    check_name(name)
    host, port = parse_reachable(address, "address")
    if listen is not None:
        parse_address(listen, "listen")
    for path in (folder / KEY_FILE, folder / CERTIFICATE_FILE, public_file(folder, name), folder / CONFIG_FILE):
        if path.exists():
            raise ConfigError(f"{path} is there already and is not overwritten; choose another folder")
    config = Config(
        name,
        Path(KEY_FILE),
        Path(CERTIFICATE_FILE),
        Path(ROSTER_FILE),
        listen=parse_address(listen, "listen") if listen is not None else None,
        deadlines=deadlines or Deadlines(),
        score=score,
        record=record,
    )
    identity = Identity.create(name, folder, days=days)
    write_new(public_file(folder, name), dump_entries([Party(name, host, port, (identity.certificate,))]))
    write_new(folder / CONFIG_FILE, config.dumps())
    return identity


def renew_party(name: str, folder: str | Path, *, address: str | None = None, days: int = VALID_DAYS) -> Identity:
    """Give a party a new certificate over its present key, and write its public file anew.

    The public file then holds both certificates while the old one is valid, and so do the rosters that it is added to.
    A run needs all rosters to have the new one by the day before the old one expires; until then old rosters do too.

    Args:
        address: the new address, where it changes; otherwise that of the present public file. A new address is in every
            roster before the next run, or the rosters differ.
    """
    folder = Path(folder)
    identity = Identity.load(folder / KEY_FILE, folder / CERTIFICATE_FILE, check_time=False)
    if identity.name != name:
        raise ConfigError(f"{folder} holds the identity of {identity.name!r}, not of {name!r}")
    if address is not None:
        host, port = parse_reachable(address, "address")
    else:
        old = read_entries(public_file(folder, name))[0]
        host, port = old.host, old.port
    identity = identity.renew(days=days)
    text = dump_entries([Party(name, host, port, identity.held)])
    replace_text(public_file(folder, name), text)
    return identity


def replace_key(name: str, folder: str | Path, *, address: str | None = None, days: int = VALID_DAYS) -> Path:
    """Give a party whose key is lost or stolen a new key and certificate, and write its public file anew.

    Its party.toml stays, and what belongs to the old key is moved aside: certificates, what there is of the key, and
    the record, which is signed with it. Jobs name keys, so they are made anew.

    Args:
        address: the new address, where it changes; otherwise that of the present public file or roster.
    Returns:
        the folder to which the old files were moved.
    Raises:
        ConfigError: party.toml is missing or another party's, or its files lie elsewhere; nothing was changed.
    """
    folder = Path(folder)
    config = Config.load(folder)
    if config.name != name:
        raise ConfigError(f"{config.source} is that of {config.name!r}, not of {name!r}")
    if config.identity.parent != folder.absolute() or config.certificate.parent != folder.absolute():
        raise ConfigError(f"{config.source}: key or certificate lie in another folder; make the new ones there")
    if address is not None:
        host, port = parse_reachable(address, "address")
    else:
        places = [path for path in (public_file(folder, name), config.roster) if path.exists()]
        entries = [entry for path in places for entry in read_entries(path) if entry.name == name]
        if not entries:
            raise ConfigError("give --address HOST:PORT: there is no public file and no roster that tells it")
        host, port = entries[0].host, entries[0].port
    aside = folder / f"before-{datetime.datetime.now(datetime.UTC):%Y-%m-%dT%H%M%S.%f}"
    old = [config.identity, config.certificate, next_path(config.certificate)]
    old += [config.record_path, head_path(config.record_path)]
    try:
        aside.mkdir(mode=0o700)
        for path in old:
            if path.exists():
                path.replace(aside / path.name)
    except OSError as error:
        raise ConfigError(f"{error.filename}: cannot be moved to {aside}: {error.strerror}") from None
    identity = Identity.create(name, folder, days=days)
    replace_text(public_file(folder, name), dump_entries([Party(name, host, port, (identity.certificate,))]))
    return aside


def find_folder(name: str) -> Path:
    """The folder of a party that is there already: one of its name, or this one."""
    here = Path()
    if not Path(name).is_dir() and (here / CONFIG_FILE).is_file() and Config.load(here).name == name:
        return here
    return Path(name)


def add_to_roster(files: Iterable[str | Path], roster: str | Path, *, new_key: bool = False) -> list[str]:
    """Put public files into a roster: parties that are not there yet, new certificates and addresses of those that are.

    A certificate that is there stays until it has expired, so that a renewal holds with either.

    Args:
        files: public files or rosters, in any order.
        roster: the file to change; it is made where it is missing.
        new_key: whether a party may come with another key than it has in the roster.
    Returns:
        a line for each party: what changed.
    Raises:
        ConfigError: an entry is wrong or expired, two parties clash, or a party comes with another key; the file is as
            it was.
    """
    path, now = Path(roster), datetime.datetime.now(datetime.UTC)
    parties = {party.name: party for party in (read_entries(path) if path.exists() else ())}
    changes = []
    for file in files:
        for party in read_entries(file):
            if not any(certificate.is_valid(now) for certificate in party.certificates):
                party.last_certificate.check_time(str(file), now)
            old = parties.get(party.name)
            if old is not None and old.key != party.key and not new_key:
                raise ConfigError(
                    f"{file}: {party.name} has another key than in {path}: ask {party.name} whether its fingerprint is "
                    f"sha256:{party.fingerprints[-1]}; if so, add it with --new-key",
                    peer=party.name,
                )
            parties[party.name], change = _merge(old, party, now)
            changes.append(change)
    if len(parties) > 1:
        Roster(tuple(parties.values()), source=str(path))  # no two of them may clash
    replace_text(path, dump_entries(sorted(parties.values(), key=lambda party: party.name)))
    return changes


def _merge(old: Party | None, new: Party, now: datetime.datetime) -> tuple[Party, str]:
    """An entry with what a public file adds to it, and a line that says what that is."""
    certificates = {one.fingerprint: one for one in new.certificates}
    known = {one.fingerprint: one for one in old.certificates} if old is not None and old.key == new.key else {}
    fresh = [fingerprint for fingerprint in certificates if fingerprint not in known]
    both = {fingerprint: one for fingerprint, one in {**known, **certificates}.items() if one.valid_until >= now}
    party = replace(new, certificates=tuple(sorted(both.values(), key=lambda one: one.valid_until)))
    changes = []
    if old is None:
        changes.append(f"added, at {new.address}")
    elif not known:
        changes.append("another key")
    if old is not None and old.address != new.address:
        changes.append(f"moves from {old.address} to {new.address}")
    for fingerprint in fresh:
        until = certificates[fingerprint].valid_until
        changes.append(f"certificate sha256:{fingerprint}, valid until {until:%Y-%m-%d}")
    return party, f"{new.name}: {'; '.join(changes) or 'nothing new'}"


def build_roster(files: Iterable[str | Path], out: str | Path, *, force: bool = False) -> Roster:
    """Put public files together into a roster.

    Args:
        files: public files or rosters, in any order.
        out: where to write; parties copy it beside their party.toml.
        force: replace `out` where it exists.
    Raises:
        ConfigError: an entry is wrong or expired, two parties clash, or `out` exists already.
    """
    out = Path(out)
    parties = [party for file in files for party in read_entries(file)]
    roster = Roster(tuple(parties), source=str(out))
    roster.check_time()
    if force:
        replace_text(out, roster.dumps())
    else:
        write_new(out, roster.dumps(), " without --force")
    return roster


def create_network(
    folder: str | Path,
    addresses: Mapping[str, str],
    *,
    deadlines: Deadlines | None = None,
    scores: Mapping[str, ScoreConfig] | None = None,
) -> dict[str, Path]:
    """Make the folders of all parties of a network at one place: for demos and tests, not for real institutions.

    Args:
        folder: gets one folder for each party, with everything in it.
        addresses: host:port of each party, by name.
        deadlines: for all.
        scores: the [score] table of each party that has one.
    Returns:
        the party.toml of each party, by name.
    """
    folder = Path(folder)
    for name, address in addresses.items():
        score = (scores or {}).get(name)
        create_party(name, address, folder / name, deadlines=deadlines, score=score, record=None)
    entries = [entry for name in addresses for entry in read_entries(public_file(folder / name, name))]
    roster = Roster(tuple(entries))
    for name in addresses:
        path = folder / name / ROSTER_FILE
        write_new(path, replace(roster, source=str(path)).dumps())
    return {name: folder / name / CONFIG_FILE for name in addresses}


def write_new(path: Path, text: str, unless: str = "") -> None:
    """Write a public text file that must not exist yet."""
    try:
        with path.open("x", encoding="utf-8") as file:
            file.write(text)
    except FileExistsError:
        raise ConfigError(f"{path} is there already and is not overwritten{unless}") from None
    except OSError as error:
        raise ConfigError(f"{path}: cannot be written: {error.strerror}") from None
