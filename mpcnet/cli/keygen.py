"""`mpcnet keygen`: a party makes its key, certificate, public file and configuration."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

__all__ = ["command"]


def command(
    name: Annotated[str, typer.Argument(help="This party's name, as the others will write it.")],
    address: Annotated[
        str | None, typer.Option(help="HOST:PORT where the others reach this party.", show_default=False)
    ] = None,
    folder: Annotated[Path | None, typer.Option("--dir", help="Folder for the files. [default: NAME]")] = None,
    listen: Annotated[
        str | None, typer.Option(help="HOST:PORT to listen on, where it differs (NAT, container).", show_default=False)
    ] = None,
    days: Annotated[int, typer.Option(min=1, max=3650, help="How long the certificate is valid.")] = 365,
    renew: Annotated[bool, typer.Option("--renew", help="New certificate for the key that is there.")] = False,
    new_key: Annotated[
        bool, typer.Option("--new-key", help="New key, where the one that was there is lost or stolen.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print a JSON object.")] = False,
) -> None:
    """Make a party's key, certificate, public file and party.toml.

    The public file goes to the other parties; identity.key goes nowhere. Nothing is overwritten. --renew keeps key and
    name: the old certificate holds until it expires, so the others can add the new public file at any time before.
    --new-key moves the old key aside: every party has to take the new public file before the next run.
    """
    from mpcnet.errors import ConfigError
    from mpcnet.identity import CERTIFICATE_FILE, KEY_FILE, SWITCH, Identity
    from mpcnet.provision import create_party, find_folder, public_file, renew_party, replace_key

    if renew and new_key:
        raise ConfigError("give --renew, which keeps the key, or --new-key, which replaces it")
    if (renew or new_key) and listen is not None:
        raise ConfigError(
            f"--listen is not changed by {'--renew' if renew else '--new-key'}; edit `listen` in party.toml"
        )
    aside = None
    if folder is None:
        folder = find_folder(name) if renew or new_key else Path(name)
    if renew:
        identity = renew_party(name, folder, address=address, days=days)
    elif new_key:
        aside = replace_key(name, folder, address=address, days=days)
        identity = Identity.load(folder / KEY_FILE, folder / CERTIFICATE_FILE)
    elif address is None:
        raise ConfigError("give --address HOST:PORT, where the other parties reach this one")
    else:
        identity = create_party(name, address, folder, listen=listen, days=days)
    public = public_file(folder, name)
    last = identity.held[-1]
    until = last.valid_until
    if as_json:
        facts = {
            "name": name,
            "dir": str(folder),
            "public": str(public),
            "fingerprint": f"sha256:{last.fingerprint}",
            "valid_until": until.isoformat(),
        }
        typer.echo(json.dumps(facts))
        return
    if renew:
        typer.echo(f"{name}: new certificate, valid until {until:%Y-%m-%d}; key and name stay")
        typer.echo(f"fingerprint sha256:{last.fingerprint}")
        if identity.certificate is not last:
            switch = identity.certificate.valid_until - SWITCH
            typer.echo(
                f"Until {switch:%Y-%m-%d %H:%M} UTC the present certificate is shown, and from then on the new one."
            )
        typer.echo(
            f"Hand {public} to the other parties. Every party, this one too, runs: mpcnet roster add {public.name}"
        )
        return
    if new_key:
        typer.echo(
            f"{name}: new key and certificate, valid until {until:%Y-%m-%d}; what belonged to the old key: {aside}"
        )
        typer.echo(f"fingerprint sha256:{last.fingerprint}")
        typer.echo(f"Hand {public} to the other parties, and let them compare the fingerprint over another way.")
        typer.echo(f"Then every party, this one too, runs: mpcnet roster add {public.name} --new-key")
        typer.echo("Jobs name the old key: make them anew, and have all sign them.")
        return
    typer.echo(f"{name}: key, certificate and party.toml are in {folder}; valid until {until:%Y-%m-%d}")
    typer.echo(f"fingerprint sha256:{last.fingerprint}")
    typer.echo(f"Hand {public} to the other parties, and let them compare the fingerprint over another way.")
    add = "mpcnet roster add *.public.toml"
    if folder != Path():
        add = f"mpcnet roster add {folder}/*.public.toml --roster {folder}/roster.toml"
    typer.echo(f"Put their public files into {folder}, too; then: {add}")
