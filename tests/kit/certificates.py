"""Certificates of any dates, which `mpcnet keygen` would not make."""

from __future__ import annotations

import datetime
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)

from mpcnet.identity import CERTIFICATE_FILE, KEY_FILE, Identity


def in_days(days: float) -> datetime.datetime:
    """A time, counted from now."""
    return datetime.datetime.now(datetime.UTC) + datetime.timedelta(days=days)


def identity_of(folder: Path, name: str, start: float, end: float, certificate: Path | None = None) -> Identity:
    """An identity whose certificate is valid from one day to another, counted from today.

    Args:
        folder: where its files go; the key that is there already is used.
        certificate: where the certificate goes; by default a new file of its own, and certificate.pem the first time.
    """
    folder.mkdir(parents=True, exist_ok=True)
    key_path = folder / KEY_FILE
    if not key_path.exists():
        pem = Ed25519PrivateKey.generate().private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        key_path.write_bytes(pem)
        key_path.chmod(0o600)
    key = load_pem_private_key(key_path.read_bytes(), None)
    assert isinstance(key, Ed25519PrivateKey)
    subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])
    made = (
        x509.CertificateBuilder(subject_name=subject, issuer_name=subject, public_key=key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(in_days(start))
        .not_valid_after(in_days(end))
        .sign(key, None)
    )
    path = certificate or folder / CERTIFICATE_FILE
    if certificate is None and path.exists():
        path = folder / f"certificate{len(list(folder.iterdir()))}.pem"
    path.write_bytes(made.public_bytes(Encoding.PEM))
    first = folder / CERTIFICATE_FILE if certificate is not None else path
    return Identity.load(key_path, first, check_time=False)
