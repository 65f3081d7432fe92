"""A party's identity: an Ed25519 key in a file of its own, and a self-signed certificate over it.

The key signs twice: inside TLS 1.3, through `ssl`, and the hello that binds a session, through PyNaCl. Peers do not
trust an authority; they pin the certificate's fingerprint in their roster. The key is written once with mode 0600 and
never leaves its file except into memory; no repr, error or log of this package holds it.

A renewal keeps the key and makes a second certificate, `certificate.next.pem`. While the first has more than a day
left it is the one that is shown, so that every peer has until then to put the second one into its roster; from then
on the second is shown. Nobody has to do anything at the moment of the change.
"""

from __future__ import annotations

import datetime
import hashlib
import os
import re
import stat
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from mpcnet.errors import ConfigError

if TYPE_CHECKING:
    from cryptography import x509
    from nacl.signing import SigningKey, VerifyKey

__all__ = [
    "CERTIFICATE_FILE",
    "KEY_FILE",
    "WARNING_DAYS",
    "Certificate",
    "Identity",
    "check_name",
    "next_path",
    "read_certificates",
]

KEY_FILE = "identity.key"
CERTIFICATE_FILE = "certificate.pem"
VALID_DAYS = 365
CLOCK_SKEW = datetime.timedelta(days=1)  # how far a peer's clock may lag behind ours when the certificate is new
SWITCH = datetime.timedelta(days=1)  # so long before it expires a certificate gives way to its successor
WARNING_DAYS = 30
MAX_FILE_BYTES = 64 * 1024
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,31}")


def check_name(name: object, where: str = "") -> str:
    """Return a party's name, or raise ConfigError: 1 to 32 letters, digits, - and _, the first no sign.

    Args:
        name: what to check.
        where: file and entry, for the message.
    """
    if not isinstance(name, str) or not _NAME.fullmatch(name):
        start = f"{where}: " if where else ""
        shown = name if isinstance(name, str) and len(name) <= 64 and name.isprintable() else "..."
        raise ConfigError(
            f"{start}{shown!r} is no name for a party; use 1 to 32 letters, digits, '-' and '_', "
            "starting with a letter or digit"
        )
    return name


@dataclass(frozen=True)
class Certificate:
    """What a party's certificate says, checked for form: self-signed, Ed25519, one name.

    Attributes:
        name: the party's name, from the subject.
        der: the certificate.
        fingerprint: SHA-256 of `der`, 64 hexadecimal digits.
        key: the 32 bytes of the public key.
        valid_from, valid_until: aware times.
    """

    name: str
    der: bytes = field(repr=False)
    fingerprint: str
    key: bytes = field(repr=False)
    valid_from: datetime.datetime
    valid_until: datetime.datetime

    @property
    def pem(self) -> str:
        import ssl

        return ssl.DER_cert_to_PEM_cert(self.der)

    @property
    def verify_key(self) -> VerifyKey:
        """The key that checks this party's signatures."""
        from nacl.signing import VerifyKey

        return VerifyKey(self.key)

    def is_valid(self, now: datetime.datetime) -> bool:
        """Whether it holds at that time."""
        return self.valid_from <= now <= self.valid_until

    def check_time(self, where: str, now: datetime.datetime | None = None) -> None:
        """Raise ConfigError when the certificate is expired or not valid yet."""
        now = now or datetime.datetime.now(datetime.UTC)
        clock, public = f"this machine's clock says {now:%Y-%m-%d %H:%M} UTC", f"{self.name}.public.toml"
        if now > self.valid_until:
            raise ConfigError(
                f"{where}: the certificate of {self.name} expired on {self.valid_until:%Y-%m-%d %H:%M} UTC; {clock}. "
                f"{self.name} renews it with `mpcnet keygen {self.name} --renew` and hands out {public}; "
                f"everybody then runs `mpcnet roster add {public}`",
                peer=self.name,
            )
        if now < self.valid_from:
            raise ConfigError(
                f"{where}: the certificate of {self.name} is not valid before {self.valid_from:%Y-%m-%d %H:%M} UTC; "
                f"{clock}. Set the clock that is wrong, with `timedatectl set-ntp true`",
                peer=self.name,
            )

    def expiry_warning(self, now: datetime.datetime | None = None) -> str:
        """One line from 30 days before it expires, until it has; "" before."""
        now = now or datetime.datetime.now(datetime.UTC)
        days = (self.valid_until - now).days
        if not 0 <= days < WARNING_DAYS:
            return ""
        left = "today or tomorrow" if days < 1 else f"in {days} day{'s' if days > 1 else ''}"
        return (
            f"the certificate of {self.name} expires {left}, on {self.valid_until:%Y-%m-%d %H:%M} UTC; "
            f"{self.name} runs `mpcnet keygen {self.name} --renew` and hands out {self.name}.public.toml"
        )


def read_certificates(pem: str, where: str) -> tuple[Certificate, ...]:
    """Read PEM text with one certificate or more of one party.

    Several are the old and the new certificate during a renewal: they must hold the same name and key.

    Raises:
        ConfigError: not PEM, not self-signed, not Ed25519, or several that belong to different parties.
    """
    from cryptography import x509

    try:
        loaded = x509.load_pem_x509_certificates(pem.encode("ascii"))
    except Exception:  # besides ValueError there are errors of its own for odd versions, keys and extensions
        raise ConfigError(f"{where}: this is no PEM certificate; copy the whole text from the public file") from None
    certificates = tuple(_describe(one, where) for one in loaded)
    for other in certificates[1:]:
        if (other.name, other.key) != (certificates[0].name, certificates[0].key):
            raise ConfigError(f"{where}: holds certificates of different parties or keys; keep those of one")
    return certificates


def _describe(loaded: x509.Certificate, where: str) -> Certificate:
    from cryptography import x509
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
    from cryptography.hazmat.primitives.serialization import Encoding

    try:
        key = loaded.public_key()
        names = [str(a.value) for a in loaded.subject.get_attributes_for_oid(x509.NameOID.COMMON_NAME)]
        if not isinstance(key, Ed25519PublicKey):
            raise ConfigError(f"{where}: the certificate holds no Ed25519 key; make one with `mpcnet keygen`")
        if len(names) != 1:
            raise ConfigError(f"{where}: the certificate names {len(names)} parties; make one with `mpcnet keygen`")
        loaded.verify_directly_issued_by(loaded)
        der = loaded.public_bytes(Encoding.DER)
        valid = loaded.not_valid_before_utc, loaded.not_valid_after_utc
    except ConfigError:
        raise
    except Exception:  # a wrong signature, another algorithm, a name of an odd kind
        raise ConfigError(f"{where}: the certificate is damaged or not self-signed; ask for it again") from None
    check_name(names[0], f"{where}: certificate")
    return Certificate(names[0], der, hashlib.sha256(der).hexdigest(), key.public_bytes_raw(), *valid)


@dataclass(frozen=True, repr=False)
class Identity:
    """A party's own key and certificate; `Identity.create` makes them, `Identity.load` reads them.

    Attributes:
        name: the party's name, as in the certificate.
        certificate: the own certificate that is shown to the others at present.
        certificate_path, key_path: the PEM files of the two, as `ssl` wants them.
        held: the certificate that is shown, and its successor or predecessor during a renewal; the older one first.
    """

    name: str
    certificate: Certificate
    certificate_path: Path
    key_path: Path
    _key: SigningKey
    held: tuple[Certificate, ...]
    _first_path: Path

    @property
    def certificate_der(self) -> bytes:
        return self.certificate.der

    @property
    def fingerprint(self) -> str:
        """SHA-256 of the certificate, 64 hexadecimal digits."""
        return self.certificate.fingerprint

    def sign(self, message: bytes) -> bytes:
        """The 64 bytes of the Ed25519 signature; the caller separates its domains."""
        return bytes(self._key.sign(message).signature)

    def __repr__(self) -> str:
        return f"<Identity {self.name} sha256:{self.fingerprint[:16]}...>"

    def __reduce__(self) -> str | tuple[object, ...]:
        raise TypeError("an identity holds a private key and is not copied to other processes; load it there")

    @classmethod
    def create(cls, name: str, folder: Path, *, days: int = VALID_DAYS) -> Identity:
        """Make a fresh key and certificate in `folder`, which is made (0700) where it is missing.

        Raises:
            ConfigError: a bad name, or a file is already there: nothing is ever overwritten.
        """
        from cryptography.hazmat.primitives import serialization as ser
        from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

        check_name(name)
        key = Ed25519PrivateKey.generate()
        pem = key.private_bytes(ser.Encoding.PEM, ser.PrivateFormat.PKCS8, ser.NoEncryption())
        key_path, certificate_path = folder / KEY_FILE, folder / CERTIFICATE_FILE
        for path in (key_path, certificate_path):
            if path.exists():
                raise ConfigError(f"{path} is already there and is not overwritten; choose another folder")
        try:
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            _write_new(key_path, pem, 0o600)
            _write_new(certificate_path, _certify(key.private_bytes_raw(), name, days), 0o644)
        except OSError as error:
            raise ConfigError(f"{error.filename or folder}: cannot be written: {error.strerror}") from None
        return cls.load(key_path, certificate_path)

    def renew(self, *, days: int = VALID_DAYS) -> Identity:
        """Make a new certificate over the same key and name; peers need the new public file before the old one expires.

        The new one waits as `certificate.next.pem` until the old one has a day left; an old one that has less is
        replaced at once.

        Raises:
            ConfigError: the present one is valid for longer, or a file cannot be written.
        """
        if self.certificate.valid_until >= datetime.datetime.now(datetime.UTC) + datetime.timedelta(days=days):
            raise ConfigError(
                f"{self.certificate_path} is valid until {self.certificate.valid_until:%Y-%m-%d}, longer than a new "
                f"certificate of {days} days; give more with --days, or wait"
            )
        fresh = self._first_path.with_name(f".{self._first_path.name}.new")
        try:
            fresh.unlink(missing_ok=True)
            _write_new(fresh, _certify(bytes(self._key), self.name, days), 0o644)
            successor = next_path(self._first_path)
            if self.certificate_path == successor:  # it has been shown for some time: now it is the first
                successor.replace(self._first_path)
            lasts = self.certificate.valid_until > datetime.datetime.now(datetime.UTC) + SWITCH
            if not lasts:
                successor.unlink(missing_ok=True)
            fresh.replace(successor if lasts else self._first_path)
        except OSError as error:
            raise ConfigError(f"{error.filename or fresh}: cannot be written: {error.strerror}") from None
        return Identity.load(self.key_path, self._first_path)

    @classmethod
    def load(
        cls,
        key_path: Path,
        certificate_path: Path,
        *,
        check_time: bool = True,
        now: datetime.datetime | None = None,
    ) -> Identity:
        """Read an identity, and check that key and certificate belong together.

        Args:
            key_path, certificate_path: the files; a successor of the certificate is looked for beside it.
            check_time: whether the certificate must be valid.
            now: at which time; by default the present.
        Raises:
            ConfigError: a file is missing, readable by others, damaged, expired, or of another identity.
        """
        from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
        from cryptography.hazmat.primitives.serialization import load_pem_private_key
        from nacl.signing import SigningKey

        paths = [certificate_path]
        if next_path(certificate_path).exists():
            paths.append(next_path(certificate_path))
        held = [_read_own(path) for path in paths]
        pem = _read(key_path, "the identity key", private=True)
        try:
            private = load_pem_private_key(pem, password=None)
        except Exception:  # besides ValueError there are errors of its own for odd algorithms and lengths
            private = None
        if not isinstance(private, Ed25519PrivateKey):
            raise ConfigError(f"{key_path}: holds no unencrypted Ed25519 key in PEM; make one with `mpcnet keygen`")
        key = SigningKey(private.private_bytes_raw())
        for path, certificate in zip(paths, held, strict=True):
            if bytes(key.verify_key) != certificate.key or certificate.name != held[0].name:
                raise ConfigError(f"{path} does not belong to the key in {key_path}; put there what belongs together")
        now = now or datetime.datetime.now(datetime.UTC)
        shown = 0
        if len(held) > 1 and held[0].valid_until < now + SWITCH and held[1].valid_from <= now:
            shown = 1
        if check_time:
            held[shown].check_time(str(paths[shown]), now)
        return cls(held[0].name, held[shown], paths[shown], key_path, key, tuple(held), certificate_path)


def next_path(certificate_path: Path) -> Path:
    """Where the successor of a certificate lies: certificate.next.pem."""
    return certificate_path.with_name(f"{certificate_path.stem}.next{certificate_path.suffix}")


def _read_own(path: Path) -> Certificate:
    text = _read(path, "the certificate").decode("ascii", "replace")
    certificates = read_certificates(text, str(path))
    if len(certificates) != 1:
        raise ConfigError(f"{path}: holds {len(certificates)} certificates; keep the newest alone")
    return certificates[0]


def _certify(seed: bytes, name: str, days: int) -> bytes:
    """A self-signed certificate as PEM; strict X.509 verifiers accept it as its own anchor."""
    from cryptography import x509
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
    from cryptography.hazmat.primitives.serialization import Encoding
    from cryptography.x509.oid import ExtendedKeyUsageOID

    if days < 1:
        raise ConfigError(f"a certificate must be valid for at least one day, not {days}")
    key = Ed25519PrivateKey.from_private_bytes(seed)
    public = key.public_key()
    subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])
    now = datetime.datetime.now(datetime.UTC)
    usage = dict.fromkeys(_USAGES, False) | {"digital_signature": True}
    uses = [ExtendedKeyUsageOID.CLIENT_AUTH, ExtendedKeyUsageOID.SERVER_AUTH]
    identifier = x509.SubjectKeyIdentifier.from_public_key(public)
    builder = (
        x509.CertificateBuilder(subject_name=subject, issuer_name=subject, public_key=public)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - CLOCK_SKEW)
        .not_valid_after(now + datetime.timedelta(days=days))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(x509.KeyUsage(**usage), critical=True)
        .add_extension(x509.ExtendedKeyUsage(uses), critical=False)
        .add_extension(identifier, critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(identifier), critical=False)
    )
    return builder.sign(key, None).public_bytes(Encoding.PEM)


_USAGES = (
    "digital_signature",
    "content_commitment",
    "key_encipherment",
    "data_encipherment",
    "key_agreement",
    "key_cert_sign",
    "crl_sign",
    "encipher_only",
    "decipher_only",
)


def _write_new(path: Path, data: bytes, mode: int) -> None:
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
    with os.fdopen(handle, "wb") as file:
        file.write(data)


def _read(path: Path, what: str, *, private: bool = False) -> bytes:
    """Read a small file; a private one only when nobody else can."""
    try:
        with path.open("rb") as file:
            status = os.fstat(file.fileno())
            if private and os.name == "posix" and stat.S_IMODE(status.st_mode) & 0o077:
                raise ConfigError(f"{path}: the identity key can be read by others; mend it with `chmod 600 {path}`")
            data = file.read(MAX_FILE_BYTES + 1)
    except OSError as error:
        raise ConfigError(
            f"{path}: {what} cannot be read: {error.strerror}; make one with `mpcnet keygen`, with --new-key for one "
            "that was lost"
        ) from None
    if len(data) > MAX_FILE_BYTES:
        raise ConfigError(f"{path}: {what} is longer than {MAX_FILE_BYTES} bytes")
    return data
