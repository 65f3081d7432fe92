"""The folders of several parties as `mpcnet keygen` and `mpcnet roster` make them, with a port for each."""

from __future__ import annotations

import socket
from collections.abc import Sequence
from pathlib import Path

from mpcnet.config import Config, Deadlines
from mpcnet.identity import Identity
from mpcnet.provision import create_network
from mpcnet.roster import Party, Roster
from tests.kit.network import bound_socket

NAMES = ("bank", "bureau", "lender")


class Folders:
    """A folder for each party, and a bound socket that nobody listens on yet.

    Attributes:
        files: the party.toml of each party. sockets: by name; who is given one takes it out.
    """

    def __init__(self, folder: Path, names: Sequence[str] = NAMES, deadlines: Deadlines | None = None) -> None:
        self.sockets: dict[str, socket.socket] = {name: bound_socket() for name in names}
        addresses = {name: f"127.0.0.1:{bound.getsockname()[1]}" for name, bound in self.sockets.items()}
        times = deadlines or Deadlines(connect=20, liveness=5, total=60)
        self.files = create_network(folder, addresses, deadlines=times)

    def folder(self, name: str) -> Path:
        """Where that party's files are."""
        return self.files[name].parent

    def config(self, name: str) -> Config:
        """What its party.toml says."""
        return Config.load(self.files[name])

    def roster(self, name: str) -> Roster:
        """Its roster."""
        return Roster.load(self.config(name).roster, check_time=False)

    def write_roster(self, name: str, *changed: Party) -> None:
        """Give one party a roster with some entries replaced."""
        entries = {party.name: party for party in (*self.roster(name).parties, *changed)}
        self.config(name).roster.write_text(Roster(tuple(entries.values())).dumps())

    def write_identity(self, name: str, identity: Identity) -> None:
        """Give a party another key and certificate."""
        for path, source in (
            (self.config(name).identity, identity.key_path),
            (self.config(name).certificate, identity.certificate_path),
        ):
            path.write_bytes(source.read_bytes())

    def close(self) -> None:
        """Give the ports back."""
        for sock in self.sockets.values():
            sock.close()


def bound_socket_at(folders: Folders, name: str) -> socket.socket:
    """A party's own port, once more."""
    sock = socket.socket()
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    sock.bind(("127.0.0.1", folders.roster(name).party(name).port))
    return sock
