from __future__ import annotations

import copy
import datetime
import pickle
import ssl
from pathlib import Path

import pytest

from mpcnet.errors import ConfigError
from mpcnet.identity import Identity, check_name, read_certificates


def in_days(days: float) -> datetime.datetime:
    return datetime.datetime.now(datetime.UTC) + datetime.timedelta(days=days)


def test_key_file_is_for_its_owner_alone(tmp_path: Path) -> None:
    identity = Identity.create("lender", tmp_path / "lender")
    assert identity.key_path.stat().st_mode & 0o777 == 0o600
    assert (tmp_path / "lender").stat().st_mode & 0o777 == 0o700


def test_signature_verifies_under_the_certificate(tmp_path: Path) -> None:
    identity = Identity.create("lender", tmp_path)
    signature = identity.sign(b"hello")
    assert len(signature) == 64
    assert identity.certificate.verify_key.verify(b"hello", signature) == b"hello"
    with pytest.raises(Exception, match="forged"):
        identity.certificate.verify_key.verify(b"hallo", signature)


def test_loaded_identity_is_the_created_one(tmp_path: Path) -> None:
    made = Identity.create("lender", tmp_path)
    read = Identity.load(made.key_path, made.certificate_path)
    assert (read.name, read.fingerprint, read.certificate_der) == ("lender", made.fingerprint, made.certificate_der)
    assert read.sign(b"x") == made.sign(b"x")


def test_key_is_never_shown_nor_copied(tmp_path: Path) -> None:
    identity = Identity.create("lender", tmp_path)
    seed = bytes(identity._key)
    for shown in (repr(identity), str(identity), repr(identity.certificate), f"{identity!r:>80}"):
        assert seed.hex() not in shown
        assert repr(seed) not in shown
    with pytest.raises(TypeError, match="private key"):
        pickle.dumps(identity)
    with pytest.raises(TypeError, match="private key"):
        copy.deepcopy(identity)


def test_readable_key_is_refused_with_the_mending_command(tmp_path: Path) -> None:
    identity = Identity.create("lender", tmp_path)
    identity.key_path.chmod(0o640)
    with pytest.raises(ConfigError, match=f"chmod 600 {identity.key_path}"):
        Identity.load(identity.key_path, identity.certificate_path)


def test_nothing_is_overwritten(tmp_path: Path) -> None:
    first = Identity.create("lender", tmp_path)
    before = first.key_path.read_bytes(), first.certificate_path.read_bytes()
    with pytest.raises(ConfigError, match="not overwritten"):
        Identity.create("lender", tmp_path)
    assert (first.key_path.read_bytes(), first.certificate_path.read_bytes()) == before


def test_key_of_another_certificate_is_refused(tmp_path: Path) -> None:
    one, other = Identity.create("lender", tmp_path / "a"), Identity.create("lender", tmp_path / "b")
    with pytest.raises(ConfigError, match="does not belong to the key"):
        Identity.load(one.key_path, other.certificate_path)


@pytest.mark.parametrize(
    "content", [b"", b"garbage", b"-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n"]
)
def test_damaged_files_are_refused(tmp_path: Path, content: bytes) -> None:
    identity = Identity.create("lender", tmp_path)
    good = identity.key_path.read_bytes()
    identity.key_path.write_bytes(content)
    with pytest.raises(ConfigError, match=r"identity\.key: holds no"):
        Identity.load(identity.key_path, identity.certificate_path)
    identity.key_path.write_bytes(good)
    identity.certificate_path.write_bytes(content)
    with pytest.raises(ConfigError, match=r"certificate\.pem: this is no PEM certificate"):
        Identity.load(identity.key_path, identity.certificate_path)


def test_missing_and_oversized_files_are_named(tmp_path: Path) -> None:
    identity = Identity.create("lender", tmp_path)
    with pytest.raises(ConfigError, match=r"nothing\.key: the identity key cannot be read: No such file"):
        Identity.load(tmp_path / "nothing.key", identity.certificate_path)
    identity.certificate_path.write_bytes(b"x" * 100_000)
    with pytest.raises(ConfigError, match="longer than"):
        Identity.load(identity.key_path, identity.certificate_path)


def test_key_of_another_kind_is_refused(tmp_path: Path) -> None:
    from cryptography.hazmat.primitives import serialization as ser
    from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

    identity = Identity.create("lender", tmp_path)
    pem = X25519PrivateKey.generate().private_bytes(ser.Encoding.PEM, ser.PrivateFormat.PKCS8, ser.NoEncryption())
    identity.key_path.write_bytes(pem)
    with pytest.raises(ConfigError, match="holds no unencrypted Ed25519 key"):
        Identity.load(identity.key_path, identity.certificate_path)


def test_times_are_checked(tmp_path: Path) -> None:
    certificate = Identity.create("lender", tmp_path, days=30).certificate
    certificate.check_time("file", in_days(29))
    with pytest.raises(ConfigError, match=r"file: the certificate of lender expired on 20..-..-.. .*--renew") as caught:
        certificate.check_time("file", in_days(31))
    assert caught.value.peer == "lender"
    with pytest.raises(ConfigError, match=r"not valid before .*clock"):
        certificate.check_time("file", in_days(-2))


def test_renewed_certificate_keeps_the_key(tmp_path: Path) -> None:
    old = Identity.create("lender", tmp_path, days=1)
    renewed = old.renew(days=400)
    (new,) = renewed.held  # the old one had no more than a day left
    assert new.fingerprint != old.fingerprint
    assert new.key == old.certificate.key
    assert new.valid_until > in_days(399)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["certificate.pem", "identity.key"]
    both = read_certificates(old.certificate.pem + new.pem, "both")
    assert [one.fingerprint for one in both] == [old.fingerprint, new.fingerprint]


def test_certificates_of_two_parties_are_no_renewal(tmp_path: Path) -> None:
    one, other = Identity.create("lender", tmp_path / "a"), Identity.create("lender", tmp_path / "b")
    with pytest.raises(ConfigError, match="different parties or keys"):
        read_certificates(one.certificate.pem + other.certificate.pem, "file")


def test_certificate_signed_by_somebody_else_is_refused(tmp_path: Path) -> None:
    identity = Identity.create("lender", tmp_path)
    changed = bytearray(identity.certificate_der)
    changed[-1] ^= 1  # the last byte of the signature
    with pytest.raises(ConfigError, match="damaged or not self-signed"):
        read_certificates(ssl.DER_cert_to_PEM_cert(bytes(changed)), "file")


def test_certificate_of_another_kind_is_refused(tmp_path: Path) -> None:
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "lender")])
    builder = x509.CertificateBuilder(subject, subject, key.public_key(), 7, in_days(-1), in_days(1))
    pem = builder.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM).decode()
    with pytest.raises(ConfigError, match="holds no Ed25519 key"):
        read_certificates(pem, "file")


def test_tls_accepts_the_certificate_as_its_own_anchor(tmp_path: Path) -> None:
    parties = [Identity.create(name, tmp_path / name) for name in ("lender", "bank")]
    anchors = "".join(identity.certificate.pem for identity in parties)

    def context(side: int, identity: Identity) -> ssl.SSLContext:
        made = ssl.SSLContext(side)
        made.minimum_version = ssl.TLSVersion.TLSv1_3
        made.check_hostname = False
        made.verify_mode = ssl.CERT_REQUIRED
        made.verify_flags |= ssl.VERIFY_X509_STRICT
        made.load_cert_chain(identity.certificate_path, identity.key_path)
        made.load_verify_locations(cadata=anchors)
        return made

    to_server, to_client = ssl.MemoryBIO(), ssl.MemoryBIO()
    server = context(ssl.PROTOCOL_TLS_SERVER, parties[0]).wrap_bio(to_server, to_client, server_side=True)
    client = context(ssl.PROTOCOL_TLS_CLIENT, parties[1]).wrap_bio(to_client, to_server)
    for _ in range(4):
        for end in (client, server):
            try:
                end.do_handshake()
            except ssl.SSLWantReadError:
                continue
    assert client.version() == "TLSv1.3"
    assert server.getpeercert(binary_form=True) == parties[1].certificate_der
    assert client.getpeercert(binary_form=True) == parties[0].certificate_der


@pytest.mark.parametrize("name", ["lender", "a", "Bank-2", "x_9", "7", "a" * 32])
def test_good_names(name: str, tmp_path: Path) -> None:
    assert check_name(name) == name
    assert Identity.create(name, tmp_path).name == name


@pytest.mark.parametrize("name", ["", "-a", "_a", "a b", "a/b", "../a", "ä", "a\n", "a" * 33, "a.b", None, 7])
def test_bad_names(name: object, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="no name for a party"):
        check_name(name, "somewhere")


def test_folder_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(ConfigError, match="cannot be written"):
        Identity.create("lender", tmp_path / "file" / "deeper")
    assert [path.name for path in tmp_path.iterdir()] == ["file"]
