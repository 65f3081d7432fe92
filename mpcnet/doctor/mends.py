"""What to do about a finding. Commands stand in backticks, whole, as they can be pasted into a shell."""

from __future__ import annotations

import re
import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Final

from mpcnet.wire.advice import SET_CLOCK

if TYPE_CHECKING:
    from mpcnet.config import Config
    from mpcnet.roster import Roster

__all__ = ["RIGHT_CLOCK", "WRONG_CLOCK", "add_to", "commands", "move", "own_key", "own_renewal", "renewal", "shell"]

RIGHT_CLOCK: Final = "if this machine's clock is right: "
WRONG_CLOCK: Final = f"set the clock that is wrong: `{SET_CLOCK}`"


def shell(*words: str | Path) -> str:
    """A command, quoted where it must be."""
    return f"`{shlex.join(str(word) for word in words)}`"


def commands(mend: str) -> list[str]:
    """The commands in the text of a mend."""
    return [text for text in re.findall(r"`([^`]+)`", mend) if " " in text]


def add_to(roster: Roster | Path, name: str, *, new_key: bool = False, file: str | Path = "") -> str:
    """The command with which a party takes a public file into its roster."""
    path = roster if isinstance(roster, Path) else roster.source
    option = ["--new-key"] if new_key else []
    return shell("mpcnet", "roster", "add", file or f"{name}.public.toml", "--roster", path, *option)


def renewal(name: str, roster: Roster) -> str:
    """How another party gets a new certificate, and this one gets to know it."""
    return (
        f"at {name}: `mpcnet keygen {name} --renew`; then everybody, with the new {name}.public.toml: "
        f"{add_to(roster, name)}"
    )


def move(name: str, roster: Roster) -> str:
    """How a party's address is corrected."""
    return (
        f"at {name}: `mpcnet keygen {name} --renew --address HOST:PORT`; then everybody, with the new "
        f"{name}.public.toml: {add_to(roster, name)}"
    )


def own_renewal(config: Config) -> str:
    """How this party gets a new certificate, and everybody gets to know it."""
    folder, public = _folder(config), _public(config)
    renew = shell("mpcnet", "keygen", config.name, "--renew", "--dir", folder)
    return (
        f"{renew}, then {add_to(config.roster, config.name, file=public)}; "
        f"hand out {public.name}, for everybody to do the same"
    )


def own_key(config: Config) -> str:
    """How this party gets a new key in place of one that is gone."""
    folder, public = _folder(config), _public(config)
    return (
        "bring it back from a copy; where there is none: "
        f"{shell('mpcnet', 'keygen', config.name, '--new-key', '--dir', folder)}, then "
        f"{add_to(config.roster, config.name, new_key=True, file=public)}; hand out {public.name}, for everybody to do "
        "the same"
    )


def _folder(config: Config) -> Path:
    return Path(config.source).absolute().parent


def _public(config: Config) -> Path:
    return _folder(config) / f"{config.name}.public.toml"
