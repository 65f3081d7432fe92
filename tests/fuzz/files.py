"""Targets that are files: of the user, or made by another institution and handed over."""

from __future__ import annotations

import contextlib
import functools
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

from circuits import Bit, Fixed, Int, UInt, Vec, bristol
from circuits.ir import Port
from mpcnet.agreement import agreement
from mpcnet.agreement.job import JobFile
from mpcnet.agreement.policy import Policy, Usage
from mpcnet.agreement.signature import read_signature, signature_path
from mpcnet.agreement.table import read_inputs
from mpcnet.agreement.words import as_dict, describe, differences
from mpcnet.cli import record as record_command
from mpcnet.config import Config
from mpcnet.credit.files import load_points, load_scheme
from mpcnet.credit.logistic import LogisticScheme
from mpcnet.credit.progress import read_step
from mpcnet.credit.records import read_records
from mpcnet.credit.scorecard import Scheme
from mpcnet.errors import MPCNetError
from mpcnet.identity import CERTIFICATE_FILE, KEY_FILE, Identity, read_certificates
from mpcnet.record import verify
from mpcnet.record.log import Record, head_path
from mpcnet.roster import Roster, read_entries
from mpcnet.trace import chrome
from mpcnet.trace.page import page
from mpcnet.trace.together import join
from tests.fuzz import seeds

__all__ = ["FILES", "world"]

PORTS = [
    Port(name, kind)
    for name, kind in {"u": UInt[8], "i": Int[70], "f": Fixed[24, 8], "b": Bit, "v": Vec[UInt[4], 3]}.items()
]


@functools.cache
def world() -> tuple[dict[str, Identity], Roster]:
    """Two parties with fixed keys, so that seeds stay good."""
    return seeds.world(folder())


@functools.cache
def folder() -> Path:
    """Where the targets put what must have a name; it goes with the process."""
    kept = tempfile.TemporaryDirectory(prefix="mpcnet-fuzz-")
    _KEPT.append(kept)
    return Path(kept.name)


_KEPT: list[tempfile.TemporaryDirectory[str]] = []


@contextlib.contextmanager
def file_of(data: bytes, suffix: str) -> Iterator[Path]:
    """A file with these bytes."""
    handle, name = tempfile.mkstemp(suffix)
    path = Path(name)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
        yield path
    finally:
        path.unlink()


def roster(data: bytes) -> None:
    """A roster, or a public file."""
    with file_of(data, ".toml") as path:
        Roster(read_entries(path))


def certificates(data: bytes) -> None:
    """PEM of somebody else."""
    read_certificates(data.decode("latin-1"), "file")


def identity(data: bytes) -> None:
    """The own key."""
    place = folder() / "damaged"
    place.mkdir(exist_ok=True)
    (place / CERTIFICATE_FILE).write_text(world()[0]["bank"].certificate.pem, encoding="ascii")
    (place / KEY_FILE).write_bytes(data)
    (place / KEY_FILE).chmod(0o600)
    Identity.load(place / KEY_FILE, place / CERTIFICATE_FILE)


def config(data: bytes) -> None:
    """party.toml."""
    with file_of(data, ".toml") as path:
        Config.load(path)


def circuit(data: bytes) -> None:
    """A Bristol file, of either format."""
    bristol.loads(data)


def table(data: bytes) -> None:
    """A holder's CSV file."""
    with file_of(data, ".csv") as path:
        read_records(path, tuple(scheme_of("scheme.toml").held_by("bank")))


@functools.cache
def scheme_of(name: str) -> Scheme | LogisticScheme:
    """One of the demo's."""
    with file_of(seeds.demo(name), ".toml") as path:
        return load_scheme(path)


def scheme(data: bytes) -> None:
    """The public part of a model."""
    with file_of(data, ".toml") as path:
        found = load_scheme(path)
    assert len(found.digest) == 32


def secret(data: bytes) -> None:
    """The secret part of a model, for the schemes of the demo; good where it is for one of them."""
    with file_of(data, ".toml") as path:
        try:
            load_points(path, scheme_of("scheme.toml"))  # type: ignore[arg-type]
        except MPCNetError:
            load_points(path, scheme_of("logistic.toml"))  # type: ignore[arg-type]


def inputs(data: bytes) -> None:
    """A CSV file with inputs of a circuit."""
    with file_of(data, ".csv") as path:
        values, count = read_inputs(path, PORTS)
    for port in PORTS:
        port.type.encode_as(values[port.name])
    assert count == len(values["u"])


def job(data: bytes) -> None:
    """A job that somebody else has written: read, shown, and looked at."""
    with file_of(data, ".toml") as path:
        found = JobFile.load(path)
        for party in found.job.names:
            with contextlib.suppress(MPCNetError):
                read_signature(found, party)
        config = SimpleNamespace(name="bank", load_roster=lambda: world()[1], policy_path=path)
        assert list(agreement.examine(found, config))  # type: ignore[arg-type]
    described = describe(found)
    assert all(c.isprintable() or c == "\n" for c in described)
    as_dict(found)
    differences(found, JobFile.loads(seeds.job(world()[1])))
    Policy.loads(seeds.POLICY, path).refusals(found.job, "bank")


def signature(data: bytes) -> None:
    """The signature of another party under a job."""
    good = seeds.job(world()[1])
    path = folder() / "signed.toml"
    path.write_bytes(good)
    signature_path(path, "lender").write_bytes(data)
    read_signature(JobFile.loads(good, path), "lender")


def policy(data: bytes) -> None:
    """A party's own policy."""
    with file_of(data, ".toml") as path:
        Policy.load(path).refusals(JobFile.loads(seeds.job(world()[1])).job, "bank")


def usage(data: bytes) -> None:
    """How much of a policy is used up."""
    with file_of(data, ".usage") as path:
        assert 0 <= Usage(path).today() < 10**12


def record(data: bytes) -> None:
    """A record that somebody shows: checked by itself and against another one, and shown."""
    with file_of(data, ".jsonl") as path, file_of(seeds.record(world()[0]["bank"]), ".jsonl") as other:
        for one, two in ((path, other), (other, path)):
            for fault in verify.verify(one, others=[two]).faults:
                assert len(fault) < 1000
        entries = [entry for _, entry in verify.read_entries(path) if not isinstance(entry, str)]
    for line in record_command.lines_of(entries):
        assert line.isprintable()


def tail(data: bytes) -> None:
    """The own record, damaged, when an entry is to be added."""
    with file_of(data, ".jsonl") as path:
        try:
            Record(path, world()[0]["bank"]).add("start", {"session": "00" * 32})
        finally:
            head_path(path).unlink(missing_ok=True)


def head(data: bytes) -> None:
    """What says how long the own record is."""
    with file_of(seeds.record(world()[0]["bank"]), ".jsonl") as path:
        head_path(path).write_bytes(data)
        try:
            verify.verify(path)
            Record(path, world()[0]["bank"]).add("start", {"session": "00" * 32})
        finally:
            head_path(path).unlink(missing_ok=True)


def trace(data: bytes) -> None:
    """A timeline of another party, drawn beside the own one."""
    with file_of(data, ".json") as path, file_of(seeds.trace("lender"), ".json") as other:
        theirs, own = chrome.load(path), chrome.load(other)
    assert "</html>" in page(join([theirs]))
    with contextlib.suppress(MPCNetError):  # of another session, or of the same party
        page(join([theirs, own]))


def step(data: bytes) -> None:
    """A line of a child process; good where it is a step."""
    if read_step(data.decode("utf-8", "replace")) is None:
        raise MPCNetError("no step")


FILES = (
    roster, certificates, identity, config, circuit, table, scheme, secret, inputs, job, signature, policy, usage,
    record, tail, head, trace, step,
)  # fmt: skip
