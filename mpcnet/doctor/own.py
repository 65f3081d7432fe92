"""This party's own files: configuration, key, certificate, roster, the data it brings, the port it listens on."""

from __future__ import annotations

import datetime
import os
import stat
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from mpcnet.doctor.checks import Report, State
from mpcnet.errors import ConfigError, MPCNetError

if TYPE_CHECKING:
    from mpcnet.config import Config
    from mpcnet.identity import Identity
    from mpcnet.roster import Roster

__all__ = ["Own", "examine_own"]

MAX_DATA_BYTES = 64 << 20  # larger tables are left to the run


@dataclass
class Own:
    """What could be read of this party's files, and the folder they lie in."""

    folder: Path
    config: Config | None = None
    identity: Identity | None = None
    roster: Roster | None = None


def examine_own(path: Path, report: Report) -> Own:
    """Check this party's files, and return what is good enough to look at the others with."""
    from mpcnet.config import Config

    own = Own(path.absolute() if path.is_dir() else path.absolute().parent)
    try:
        own.config = config = Config.load(path)
    except ConfigError as error:
        report.add("config", State.MEND, *_split(error))
        for name in ("files", "key", "certificate", "roster"):
            report.add(name, State.SKIP, "needs party.toml")
        return own
    report.name = config.name
    report.add("config", State.WELL, f"{config.source}: the configuration of {config.name}")
    _examine_modes(config, report)
    own.identity = _examine_identity(config, report)
    own.roster = _examine_roster(config, own.identity, report)
    _examine_data(config, report)
    return own


def _split(error: Exception) -> tuple[str, str]:
    """An error of ours as a finding and what to do: they are written as `what; what to do`."""
    text = str(error)
    found, semicolon, mend = text.rpartition("; ")
    return (found, mend) if semicolon else (text, "")


def _examine_modes(config: Config, report: Report) -> None:
    """Whoever can write one of these files decides with whom this party computes what."""
    folder = Path(config.source).absolute().parent
    paths = [folder, config.identity.parent, config.identity, config.certificate, config.roster, Path(config.source)]
    for state, bit, who in ((State.MEND, stat.S_IWOTH, "by everybody"), (State.WARN, stat.S_IWGRP, "by its group")):
        open_to = [path for path in dict.fromkeys(paths) if _mode(path) & bit and not _mode(path) & stat.S_ISVTX]
        if open_to:
            names = " ".join(str(path) for path in open_to)
            report.add("files", state, f"{names} can be changed {who}", f"chmod go-w {names}")
            return
    report.add("files", State.WELL, "nobody else can change the files")


def _mode(path: Path) -> int:
    try:
        return path.stat().st_mode
    except OSError:
        return 0


def _examine_identity(config: Config, report: Report) -> Identity | None:
    from mpcnet.identity import SWITCH, Identity

    try:
        identity = Identity.load(config.identity, config.certificate, check_time=False)
    except ConfigError as error:
        about_key = str(error).startswith(str(config.identity))
        report.add("key" if about_key else "certificate", State.MEND, *_split(error))
        report.add("certificate" if about_key else "key", State.SKIP, "needs the other of the two")
        return None
    report.add("key", State.WELL, f"{identity.key_path}: readable by this user alone, and fits the certificate")
    if identity.name != config.name:
        found = f"{config.source}: name is {config.name!r}, but {config.certificate} is that of {identity.name!r}"
        report.add("certificate", State.MEND, found, f"write name = {identity.name!r} into {config.source}")
        return None
    now, until = datetime.datetime.now(datetime.UTC), identity.held[-1].valid_until
    try:
        identity.certificate.check_time(str(identity.certificate_path), now)
    except ConfigError as error:
        found, _, mend = str(error).partition(" UTC; ")
        report.add("certificate", State.MEND, f"{found} UTC", mend.partition(". ")[2])
        return identity
    warning = identity.held[-1].expiry_warning(now)
    if warning:
        report.add("certificate", State.WARN, *_split(ConfigError(warning)))
    elif identity.certificate is not identity.held[-1]:
        switch = identity.certificate.valid_until - SWITCH
        found = f"is being renewed: the old one is shown until {switch:%Y-%m-%d}, the new one until {until:%Y-%m-%d}"
        report.add("certificate", State.WELL, found)
    else:
        report.add("certificate", State.WELL, f"valid until {until:%Y-%m-%d}")
    return identity


def _examine_roster(config: Config, identity: Identity | None, report: Report) -> Roster | None:
    from mpcnet.roster import Roster

    if not config.roster.exists():
        found = f"{config.roster}: there is no roster yet"
        report.add("roster", State.MEND, found, f"mpcnet roster add NAME.public.toml ... --roster {config.roster}")
        return None
    try:
        roster = Roster.load(config.roster, check_time=False)
        own = roster.party(config.name)
    except ConfigError as error:
        report.add("roster", State.MEND, *_split(error))
        return None
    add = f"mpcnet roster add {config.name}.public.toml --roster {config.roster}"
    if identity is not None and identity.certificate.key != own.key:
        found = f"{config.roster}: the entry of {config.name} holds another key than {identity.key_path}"
        report.add("roster", State.MEND, found, f"at every party: {add} --new-key")
        return None
    if identity is not None and identity.fingerprint not in own.fingerprints:
        found = f"{config.roster}: the entry of {config.name} pins another certificate than it shows"
        report.add("roster", State.MEND, found, f"at every party: {add}")
        return None
    names = ", ".join(roster.names)
    report.add("roster", State.WELL, f"{names}; digest {roster.digest.hex()[:16]}, the same at every party")
    if identity is not None and identity.held[-1].fingerprint not in own.fingerprints:
        report.add("roster", State.WARN, f"{config.roster}: lacks the new certificate of {config.name}", add)
    _examine_others(roster, config, report)
    return roster


def _examine_others(roster: Roster, config: Config, report: Report) -> None:
    """The dates of the other parties' certificates."""
    now = datetime.datetime.now(datetime.UTC)
    for party in roster.parties:
        if party.name == config.name:
            continue
        if not any(certificate.is_valid(now) for certificate in party.certificates):
            last, add = party.last_certificate, f"mpcnet roster add {party.name}.public.toml --roster {config.roster}"
            when = f"expired on {last.valid_until:%Y-%m-%d %H:%M}"
            mend = f"{party.name}: mpcnet keygen {party.name} --renew; then everybody: {add}"
            if now < last.valid_from:
                when = f"is not valid before {last.valid_from:%Y-%m-%d %H:%M}"
                mend = "set the clock that is wrong: timedatectl set-ntp true"
            found = f"{config.roster}: the certificate {when} UTC; this machine's clock says {now:%Y-%m-%d %H:%M} UTC"
            report.add("certificate", State.MEND, found, mend, party=party.name)
            continue
        warning = party.last_certificate.expiry_warning(now)
        if warning:
            found, mend = _split(ConfigError(warning))
            report.add("certificate", State.WARN, found, mend, party=party.name)


def _examine_data(config: Config, report: Report) -> None:
    """What the [score] table names."""
    from mpcnet.credit.job import ScoreJob

    if config.score is None:
        return
    data = config.score.data
    try:
        if data is not None and data.exists() and data.stat().st_size > MAX_DATA_BYTES:
            report.add("data", State.WELL, f"{data}: {data.stat().st_size >> 20} MB, too many to read here")
            return
        job = ScoreJob.load(config, None)
    except (MPCNetError, OSError) as error:
        report.add("data", State.MEND, *_split(error))
        return
    report.add("data", State.WELL, f"{data}: {len(job.records)} applicants")
    points = config.score.points
    if points is not None and _mode(points) & (stat.S_IROTH | stat.S_IRGRP) and os.name == "posix":
        report.add("data", State.WARN, f"{points}: secret points that others can read", f"chmod 600 {points}")
