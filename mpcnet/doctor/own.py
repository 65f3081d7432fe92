"""This party's own files: configuration, key, certificate and roster."""

from __future__ import annotations

import datetime
import shlex
import stat
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from mpcnet.doctor.checks import Report, State, split
from mpcnet.doctor.mends import RIGHT_CLOCK, WRONG_CLOCK, add_to, own_key, own_renewal, renewal, shell
from mpcnet.errors import ConfigError

if TYPE_CHECKING:
    from mpcnet.config import Config
    from mpcnet.identity import Identity
    from mpcnet.roster import Roster

__all__ = ["Own", "examine_own", "mode_of"]


@dataclass
class Own:
    """What could be read of this party's files, and the folder they lie in."""

    folder: Path
    config: Config | None = None
    identity: Identity | None = None
    roster: Roster | None = None


def examine_own(path: Path, report: Report) -> Own:
    """Check this party's files, and return what is good enough to look at the others with."""
    from mpcnet.config import CONFIG_FILE, Config

    own = Own(path.absolute() if path.is_dir() else path.absolute().parent)
    try:
        own.config = config = Config.load(path)
    except ConfigError as error:
        found, mend = split(error)
        if not (path / CONFIG_FILE if path.is_dir() else path).exists():
            mend = "name it with --config, or make one: `mpcnet keygen NAME --address HOST:PORT`"
        report.add("config", State.MEND, found, mend or "correct the file; `mpcnet keygen` makes one that is right")
        for name in ("files", "key", "certificate", "roster"):
            report.add(name, State.SKIP, "needs party.toml")
        return own
    report.name = config.name
    report.add("config", State.WELL, f"{config.source}: the configuration of {config.name}")
    _examine_modes(config, report)
    own.identity = _examine_identity(config, report)
    own.roster = _examine_roster(config, own.identity, report)
    return own


def _examine_modes(config: Config, report: Report) -> None:
    """Whoever can write one of these files decides with whom this party computes what."""
    folder = Path(config.source).absolute().parent
    paths = [folder, config.identity.parent, config.identity, config.certificate, config.roster, Path(config.source)]
    rest = [path for path in dict.fromkeys(paths) if not mode_of(path) & stat.S_ISVTX]
    found = False
    for state, bit, who in ((State.MEND, stat.S_IWOTH, "by everybody"), (State.WARN, stat.S_IWGRP, "by its group")):
        open_to = [path for path in rest if mode_of(path) & bit]
        if open_to:
            names = ", ".join(str(path) for path in open_to)
            report.add("files", state, f"{names} can be changed {who}", shell("chmod", "go-w", *open_to))
            rest, found = [path for path in rest if path not in open_to], True
    if not found:
        report.add("files", State.WELL, "nobody else can change the files")


def mode_of(path: Path) -> int:
    """The mode of a file; 0 where it is not there."""
    try:
        return path.stat().st_mode
    except OSError:
        return 0


def _examine_identity(config: Config, report: Report) -> Identity | None:
    from mpcnet.identity import SWITCH, Identity

    try:
        identity = Identity.load(config.identity, config.certificate, check_time=False)
    except ConfigError as error:
        about_key = str(error).startswith(f"{config.identity}: ")
        is_open = about_key and mode_of(config.identity) & 0o077
        found = split(error)[0]
        mend = shell("chmod", "600", config.identity) if is_open else own_key(config)
        report.add("key" if about_key else "certificate", State.MEND, found, mend)
        report.add("certificate" if about_key else "key", State.SKIP, "needs the other of the two")
        return None
    report.add("key", State.WELL, f"{identity.key_path}: readable by this user alone, and fits the certificate")
    if identity.name != config.name:
        found = f"{config.source}: name is {config.name!r}, but {config.certificate} is that of {identity.name!r}"
        mend = f"put the files of {config.name} there, or write name = {identity.name!r} into {config.source}"
        report.add("certificate", State.MEND, found, mend)
        return None
    now, until = datetime.datetime.now(datetime.UTC), identity.held[-1].valid_until
    try:
        identity.certificate.check_time(str(identity.certificate_path), now)
    except ConfigError as error:
        mend = f"{RIGHT_CLOCK}{own_renewal(config)}" if now > identity.certificate.valid_until else WRONG_CLOCK
        report.add("certificate", State.MEND, f"{str(error).partition(' UTC. ')[0]} UTC", mend)
        return identity
    warning = identity.held[-1].expiry_warning(now)
    if warning:
        report.add("certificate", State.WARN, split(ConfigError(warning))[0], own_renewal(config))
    elif identity.certificate is not identity.held[-1]:
        switch = identity.certificate.valid_until - SWITCH
        found = f"is being renewed: the old one is shown until {switch:%Y-%m-%d}, the new one until {until:%Y-%m-%d}"
        report.add("certificate", State.WELL, found)
    else:
        report.add("certificate", State.WELL, f"valid until {until:%Y-%m-%d}")
    return identity


def _examine_roster(config: Config, identity: Identity | None, report: Report) -> Roster | None:
    from mpcnet.provision import public_file
    from mpcnet.roster import Roster

    public = public_file(Path(config.source).absolute().parent, config.name)
    own_add = add_to(config.roster, config.name, file=public)
    if not config.roster.exists():
        every, to = shlex.quote(str(public.parent)), shlex.quote(str(config.roster))
        put = f"mpcnet roster add {every}/*.public.toml --roster {to}"
        mend = f"put every party's public file into {public.parent}, then: `{put}`"
        report.add("roster", State.MEND, f"{config.roster}: there is no roster yet", mend)
        return None
    try:
        roster = Roster.load(config.roster, check_time=False)
    except ConfigError as error:
        again = f"mpcnet roster build *.public.toml --output {shlex.quote(str(config.roster))} --force"
        report.add("roster", State.MEND, str(error), f"make it anew, from every party's public file: `{again}`")
        return None
    if config.name not in roster.names:
        found = f"{config.roster}: {config.name} is not in it; there are {', '.join(roster.names)}"
        report.add("roster", State.MEND, found, f"{own_add}; the same at every party")
        return None
    own = roster.party(config.name)
    if identity is not None and identity.certificate.key != own.key:
        found = f"{config.roster}: the entry of {config.name} holds another key than {identity.key_path}"
        add = add_to(config.roster, config.name, file=public, new_key=True)
        report.add("roster", State.MEND, found, f"{add}; hand out {public.name}, for everybody to do the same")
        return None
    if identity is not None and identity.fingerprint not in own.fingerprints:
        found = f"{config.roster}: the entry of {config.name} pins another certificate than it shows"
        mend = f"{own_add}; hand out {public.name}, for everybody to do the same"
        report.add("roster", State.MEND, found, mend)
        return None
    names = ", ".join(roster.names)
    report.add("roster", State.WELL, f"{names}; digest {roster.digest.hex()[:16]}, the same at every party")
    if identity is not None and identity.held[-1].fingerprint not in own.fingerprints:
        found = f"{config.roster}: lacks the new certificate of {config.name}"
        report.add("roster", State.WARN, found, f"{own_add}; hand out {public.name}, for everybody to do the same")
    _examine_others(roster, config, report)
    return roster


def _examine_others(roster: Roster, config: Config, report: Report) -> None:
    """The dates of the other parties' certificates."""
    now = datetime.datetime.now(datetime.UTC)
    for party in roster.parties:
        if party.name == config.name:
            continue
        if not any(certificate.is_valid(now) for certificate in party.certificates):
            last, mend = party.last_certificate, f"{RIGHT_CLOCK}{renewal(party.name, roster)}"
            when = f"expired on {last.valid_until:%Y-%m-%d %H:%M}"
            if now < last.valid_from:
                when, mend = f"is not valid before {last.valid_from:%Y-%m-%d %H:%M}", WRONG_CLOCK
            found = f"{config.roster}: the certificate {when} UTC; this machine's clock says {now:%Y-%m-%d %H:%M} UTC"
            report.add("certificate", State.MEND, found, mend, party=party.name)
            continue
        warning = party.last_certificate.expiry_warning(now)
        if warning:
            found = split(ConfigError(warning))[0]
            report.add("certificate", State.WARN, found, renewal(party.name, roster), party=party.name)
