"""`mpcnet roster build|add|show|check`: who takes part."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from mpcnet.roster import Roster

__all__ = ["command"]

command = typer.Typer(no_args_is_help=True, help="Put the parties' public files together; show and check the result.")

Json = Annotated[bool, typer.Option("--json", help="Print a JSON object.")]
File = Annotated[Path, typer.Argument(help="The roster.")]


@command.command()
def build(
    files: Annotated[list[Path], typer.Argument(help="The public file of every party.")],
    output: Annotated[Path, typer.Option("--output", "-o", help="The roster to write.")] = Path("roster.toml"),
    force: Annotated[bool, typer.Option("--force", help="Replace the file where it exists.")] = False,
    as_json: Json = False,
) -> None:
    """Put public files together into a roster, the same at every party."""
    from mpcnet.provision import build_roster

    _print(build_roster(files, output, force=force), as_json)
    if not as_json:
        typer.echo(f"written to {output}; the digest must be the same at every party")


@command.command(short_help="Add public files to a roster: new parties, renewed certificates.")
def add(
    files: Annotated[list[Path], typer.Argument(help="Public files of parties.")],
    roster: Annotated[Path, typer.Option(help="The roster to change; made where it is missing.")] = Path("roster.toml"),
    new_key: Annotated[bool, typer.Option("--new-key", help="Take a party that comes with another key.")] = False,
    as_json: Json = False,
) -> None:
    """Add public files to a roster: parties that are not in it, and new certificates and addresses of those that are.

    The certificate that is there stays valid until it expires, so the parties need not do this at the same time.
    """
    from mpcnet.provision import add_to_roster
    from mpcnet.roster import MIN_PARTIES, Roster, read_entries

    changes = add_to_roster(files, roster, new_key=new_key)
    entries = read_entries(roster)
    complete = len(entries) >= MIN_PARTIES
    if as_json:
        digest = Roster(entries, source=str(roster)).digest.hex() if complete else None
        typer.echo(json.dumps({"changes": changes, "digest": digest, "parties": [party.name for party in entries]}))
        return
    for change in changes:
        typer.echo(re.sub(r"(sha256:[0-9a-f]{16})[0-9a-f]{48}", r"\1...", change))  # in full below
    if complete:
        _print(Roster(entries, source=str(roster)), as_json)
    else:
        typer.echo(f"{roster} has one party; add the public files of the others")


@command.command()
def show(file: File = Path("roster.toml"), as_json: Json = False) -> None:
    """Show the parties of a roster, even where a certificate has expired."""
    from mpcnet.errors import ConfigError
    from mpcnet.roster import Roster

    if not file.exists():
        raise ConfigError(
            f"{file}: there is no roster here; name it, or make one with `mpcnet roster add *.public.toml`"
        )
    _print(Roster.load(file, check_time=False), as_json)


@command.command(short_help="Check that a party's files fit together and are valid today.")
def check(
    config: Annotated[Path, typer.Option(help="This party's party.toml, or its folder.")] = Path("party.toml"),
    as_json: Json = False,
) -> None:
    """Check that a party's key, certificate, roster and configuration fit together and are valid today."""
    from mpcnet.config import Config

    loaded = Config.load(config)
    identity = loaded.load_identity()
    roster = loaded.load_roster(identity)
    _print(roster, as_json, me=loaded.name)
    if not as_json:
        typer.echo(f"all well: {loaded.name} is party {roster.party(loaded.name).party_id} of {len(roster.parties)}")


def _print(roster: Roster, as_json: bool, me: str | None = None) -> None:
    warnings = {**roster.expiry_warnings(), **_expired(roster)}
    if as_json:
        parties: list[dict[str, Any]] = [
            {
                "name": party.name,
                "party_id": party.party_id,
                "address": party.address,
                "fingerprints": [f"sha256:{fingerprint}" for fingerprint in party.fingerprints],
                "valid_until": party.last_certificate.valid_until.isoformat(),
            }
            for party in roster.parties
        ]
        facts: dict[str, Any] = {"digest": roster.digest.hex(), "parties": parties, "warnings": [*warnings.values()]}
        typer.echo(json.dumps(facts | ({"me": me} if me else {})))
        return
    width = max(len(party.name) for party in roster.parties)
    for party in roster.parties:
        until = f"valid until {party.last_certificate.valid_until:%Y-%m-%d}"
        typer.echo(f"{party.party_id}  {party.name:<{width}}  {party.address}, {until}")
        for one in party.certificates:
            typer.echo(f"   sha256:{one.fingerprint}")
            if one is not party.last_certificate:
                typer.echo(f"   (the old one, until {one.valid_until:%Y-%m-%d})")
    typer.echo(f"roster digest {roster.digest.hex()[:16]}")
    for text in warnings.values():
        typer.echo(f"mpcnet: warning: {text}", err=True)


def _expired(roster: Roster) -> dict[str, str]:
    """For each party without a certificate that is valid now: why, and what to do."""
    import datetime

    from mpcnet.errors import ConfigError

    found, now = {}, datetime.datetime.now(datetime.UTC)
    for party in roster.parties:
        if not any(certificate.is_valid(now) for certificate in party.certificates):
            try:
                party.last_certificate.check_time(roster.source, now)
            except ConfigError as error:
                found[party.name] = str(error)
    return found
