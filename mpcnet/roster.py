"""Who takes part, pinned: the names, addresses and certificates that all parties agreed on.

    [[party]]
    name = "lender"
    address = "127.0.0.1:7001"
    fingerprint = "sha256:9f86d081884c7d65..."
    certificate = '''
    -----BEGIN CERTIFICATE-----
    ...
    '''

A party's public file has the same form with a single entry, so a roster is its parties' public files one after the
other. The parties are numbered in the order of their names, whatever the order in the file. During a renewal a party
has two certificates over its one key, and both hold. `digest` depends on names, addresses and keys alone: not on how
the file is written, nor on whether a new certificate has come to everybody yet.
"""

from __future__ import annotations

import datetime
import hashlib
import ipaddress
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from mpcnet.errors import ConfigError
from mpcnet.files import convert, read_bytes, toml_table
from mpcnet.identity import Certificate, check_name, read_certificates

if TYPE_CHECKING:
    from nacl.signing import VerifyKey

__all__ = [
    "MAX_PARTIES",
    "MIN_PARTIES",
    "Party",
    "Roster",
    "format_address",
    "parse_address",
    "parse_reachable",
    "read_entries",
]

MIN_PARTIES = 2
MAX_PARTIES = 10
MAX_FILE_BYTES = 1024 * 1024
_ZONE = re.compile(r"[A-Za-z0-9._-]{0,32}")  # of IPv6; `ipaddress` lets any character pass there
_HOST = re.compile(r"(?!-)[A-Za-z0-9-]{1,63}(\.[A-Za-z0-9-]{1,63})*\.?")


@dataclass(frozen=True)
class Party:
    """One entry of a roster.

    Attributes:
        name: unique in the roster.
        host, port: where the others reach it.
        certificates: its certificate; old and new during a renewal.
        party_id: 0..n_parties-1, in the order of the names; -1 outside a roster.
    """

    name: str
    host: str
    port: int
    certificates: tuple[Certificate, ...] = field(repr=False)
    party_id: int = -1

    @property
    def address(self) -> str:
        return format_address(self.host, self.port)

    @property
    def fingerprints(self) -> tuple[str, ...]:
        """SHA-256 of each accepted certificate, 64 hexadecimal digits."""
        return tuple(certificate.fingerprint for certificate in self.certificates)

    @property
    def certificate_pem(self) -> str:
        """All accepted certificates, as PEM."""
        return "".join(certificate.pem for certificate in self.certificates)

    @property
    def verify_key(self) -> VerifyKey:
        """The key that checks the party's signatures; its certificates share it."""
        return self.certificates[0].verify_key

    @property
    def key(self) -> bytes:
        """The 32 bytes of that key: what the party is."""
        return self.certificates[0].key

    @property
    def last_certificate(self) -> Certificate:
        """The one that is valid longest."""
        return max(self.certificates, key=lambda certificate: certificate.valid_until)

    @property
    def digest(self) -> bytes:
        """32 bytes that stand for name, address and key."""
        h = hashlib.blake2b(digest_size=32, person=b"mpcnet-entry")
        for part in (self.name.encode(), self.address.lower().encode(), self.key):
            h.update(len(part).to_bytes(4, "little") + part)
        return h.digest()

    def as_entry(self) -> dict[str, Any]:
        """The entry as it stands in a file."""
        marked = [f"sha256:{fingerprint}" for fingerprint in self.fingerprints]
        return {
            "name": self.name,
            "address": self.address,
            "fingerprint": marked[0] if len(marked) == 1 else marked,
            "certificate": self.certificate_pem,
        }


@dataclass(frozen=True)
class Roster:
    """The parties of a network, in the order of their names.

    Args:
        parties: two to ten, in any order; they are sorted and numbered.
        source: the file, for messages.
    Raises:
        ConfigError: too few or too many, or two share a name, an address or a certificate.
    """

    parties: tuple[Party, ...]
    source: str = field(default="roster", compare=False)

    def __post_init__(self) -> None:
        ordered = sorted(self.parties, key=lambda party: party.name)
        numbered = (Party(p.name, p.host, p.port, p.certificates, i) for i, p in enumerate(ordered))
        object.__setattr__(self, "parties", tuple(numbered))
        if not MIN_PARTIES <= len(ordered) <= MAX_PARTIES:
            raise ConfigError(
                f"{self.source}: a roster has {MIN_PARTIES} to {MAX_PARTIES} parties, this one has {len(ordered)}"
            )
        self._refuse_shared("name", ordered, lambda party: party.name.lower())
        self._refuse_shared("address", ordered, lambda party: party.address.lower())
        self._refuse_shared("key", ordered, lambda party: party.key)

    def _refuse_shared(self, what: str, parties: list[Party], fact: Callable[[Party], object]) -> None:
        owner: dict[object, Party] = {}
        for party in parties:
            other = owner.setdefault(fact(party), party)
            if other is not party:
                raise ConfigError(
                    f"{self.source}: {other.name} and {party.name} have the same {what}; each party needs its own"
                )

    @property
    def digest(self) -> bytes:
        """32 bytes that are the same at two parties exactly when they agree on every name, address and key."""
        h = hashlib.blake2b(digest_size=32, person=b"mpcnet-roster")
        for party in self.parties:
            h.update(party.digest)
        return h.digest()

    @property
    def names(self) -> tuple[str, ...]:
        """The parties' names, in order."""
        return tuple(party.name for party in self.parties)

    def party(self, name: str) -> Party:
        """The entry with this name, else ConfigError."""
        for party in self.parties:
            if party.name == name:
                return party
        raise ConfigError(f"{self.source}: there is no party {name!r}; there are {', '.join(self.names)}")

    def by_fingerprint(self) -> Mapping[str, Party]:
        """Each party by the fingerprint of each of its certificates."""
        return {fingerprint: party for party in self.parties for fingerprint in party.fingerprints}

    def check_time(self, now: datetime.datetime | None = None) -> None:
        """Raise ConfigError when a party has no certificate that is valid now."""
        now = now or datetime.datetime.now(datetime.UTC)
        for party in self.parties:
            if not any(certificate.is_valid(now) for certificate in party.certificates):
                party.last_certificate.check_time(self.source, now)

    def expiry_warnings(self, now: datetime.datetime | None = None) -> dict[str, str]:
        """For each party whose last certificate expires within 30 days, a line that says what to do."""
        warnings = {party.name: party.last_certificate.expiry_warning(now) for party in self.parties}
        return {name: text for name, text in warnings.items() if text}

    def dumps(self) -> str:
        """The roster as the text of a TOML file."""
        return dump_entries(self.parties)

    @classmethod
    def load(cls, path: str | Path, *, check_time: bool = True) -> Roster:
        """Read a roster from a TOML file.

        Raises:
            ConfigError: the file cannot be read, or an entry is wrong; names the file, the entry and what to do.
        """
        roster = cls(read_entries(path), source=str(path))
        if check_time:
            roster.check_time()
        return roster

    @classmethod
    def loads(cls, text: str, source: str = "roster", *, check_time: bool = True) -> Roster:
        """Read a roster from the text of a TOML file."""
        roster = cls(parse_entries(text.encode(errors="surrogatepass"), source), source=source)
        if check_time:
            roster.check_time()
        return roster


def read_entries(path: str | Path) -> tuple[Party, ...]:
    """Read the entries of a roster or of a public file, in the order of the file."""
    return parse_entries(read_bytes(Path(path), "a roster", MAX_FILE_BYTES), str(path))


def parse_entries(data: bytes, source: str) -> tuple[Party, ...]:
    """Read entries from TOML text."""
    table = toml_table(data, source, "a roster")
    unknown = sorted(set(table) - {"party"})
    if unknown:
        raise ConfigError(f"{source}: unknown key {unknown[0]!r}; a roster holds [[party]] entries alone")
    entries = table.get("party", [])
    if not isinstance(entries, list) or not all(isinstance(entry, dict) for entry in entries):
        raise ConfigError(f"{source}: write each party as a [[party]] entry with double brackets")
    if not entries:
        raise ConfigError(f"{source}: there is no [[party]] entry")
    return tuple(_parse_entry(entry, f"{source}: party {i}") for i, entry in enumerate(entries, 1))


def dump_entries(parties: Iterable[Party]) -> str:
    """Entries as TOML text."""
    import tomli_w

    return tomli_w.dumps({"party": [party.as_entry() for party in parties]}, multiline_strings=True)


class _Entry(msgspec.Struct, forbid_unknown_fields=True):
    name: str
    address: str
    fingerprint: str | list[str]
    certificate: str


def _parse_entry(entry: Mapping[str, Any], where: str) -> Party:
    name = entry.get("name")
    if isinstance(name, str) and name:
        where = f"{where} ({check_name(name, where)})"
    checked = convert(entry, _Entry, where)
    check_name(checked.name, where)
    host, port = parse_reachable(checked.address, where)
    fingerprints = checked.fingerprint if isinstance(checked.fingerprint, list) else [checked.fingerprint]
    pinned = [_parse_fingerprint(fingerprint, where) for fingerprint in fingerprints]
    certificates = read_certificates(checked.certificate, where)
    if sorted(pinned) != sorted(certificate.fingerprint for certificate in certificates):
        raise ConfigError(
            f"{where}: the fingerprint is not that of the certificate; one of the two was changed, so ask "
            f"{checked.name} for its public file again and compare the fingerprint over another way",
            peer=checked.name,
        )
    if certificates[0].name != checked.name:
        raise ConfigError(f"{where}: the certificate is that of {certificates[0].name!r}; the names must be the same")
    return Party(checked.name, host, port, certificates)


def _parse_fingerprint(text: str, where: str) -> str:
    digits = text.removeprefix("sha256:").replace(":", "").lower()
    if not text.startswith("sha256:") or not re.fullmatch(r"[0-9a-f]{64}", digits):
        raise ConfigError(f"{where}: a fingerprint is 'sha256:' and 64 hexadecimal digits")
    return digits


def parse_address(text: str, where: str) -> tuple[str, int]:
    """Read "host:port" or "[IPv6]:port" with a port from 1 to 65535.

    Raises:
        ConfigError: it is none; `where` names the file and entry.
    """
    host, colon, digits = text.rpartition(":")
    port = int(digits) if re.fullmatch(r"[0-9]{1,5}", digits) else 0
    if not colon or not host or not 1 <= port <= 65535:
        raise ConfigError(
            f"{where}: {text[:100]!r} is no address; write host:port with a port from 1 to 65535, as in "
            "'127.0.0.1:7001' or '[::1]:7001'"
        )
    if host.startswith("[") and host.endswith("]"):
        try:
            if not _ZONE.fullmatch(host[1:-1].partition("%")[2]):
                raise ValueError
            return str(ipaddress.IPv6Address(host[1:-1])), port
        except ValueError:
            raise ConfigError(f"{where}: {host[:100]!r} is no IPv6 address") from None
    if ":" in host:
        raise ConfigError(f"{where}: put an IPv6 address in brackets, as in '[::1]:7001'")
    if re.fullmatch(r"[0-9.]+", host):
        try:
            return str(ipaddress.IPv4Address(host)), port
        except ValueError:
            raise ConfigError(f"{where}: {host[:100]!r} is no IPv4 address") from None
    if len(host) > 253 or not _HOST.fullmatch(host):
        raise ConfigError(f"{where}: {host[:100]!r} is no host name")
    return host, port


def parse_reachable(text: str, where: str) -> tuple[str, int]:
    """As `parse_address`, of an address that others dial: not one that stands for all of a machine's own."""
    host, port = parse_address(text, where)
    if host in ("0.0.0.0", "::"):
        raise ConfigError(
            f"{where}: {text[:100]!r} is where a party listens, and nobody reaches it there; give the address that the "
            f"others dial, and `--listen {text[:100]}` where it differs"
        )
    return host, port


def format_address(host: str, port: int) -> str:
    """The text that `parse_address` reads."""
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
