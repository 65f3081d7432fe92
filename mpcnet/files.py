"""Small files of public text: TOML read against a schema, and files written so that nobody sees a part of one.

Nothing but the error the caller asks for comes out of a file, whatever stands in it, and no more is read than a limit.
"""

from __future__ import annotations

import hashlib
import os
import tomllib
from pathlib import Path
from typing import Any, TypeVar

import msgspec

from mpcnet.config import plain_validation
from mpcnet.errors import ConfigError, MPCNetError

__all__ = ["parse_toml", "read_bytes", "replace_text", "sha256_of"]

T = TypeVar("T")


def read_bytes(path: Path, what: str, max_bytes: int, error: type[MPCNetError] = ConfigError) -> bytes:
    """All of a small file.

    Raises:
        error: it is missing, cannot be read or is longer than `max_bytes`; names it and `what` it should be.
    """
    try:
        with path.open("rb") as file:
            data = file.read(max_bytes + 1)
    except OSError as problem:
        raise error(f"{path}: {what} cannot be read: {problem.strerror}") from None
    if len(data) > max_bytes:
        raise error(f"{path}: longer than {max_bytes:,} bytes; this is not {what}")
    return data


def parse_toml(data: bytes, kind: type[T], source: str, what: str, error: type[MPCNetError] = ConfigError) -> T:
    """The value of type `kind`, a msgspec struct, that TOML text stands for.

    Raises:
        error: not UTF-8, not TOML, or not of that form; names the source and the place.
    """
    try:
        table: Any = tomllib.loads(data.decode())
    except UnicodeDecodeError:
        raise error(f"{source}: not UTF-8 text; this is not {what}") from None
    except (ValueError, RecursionError) as problem:  # TOMLDecodeError is a ValueError, and so is a number too long
        text = "nested too deeply" if isinstance(problem, RecursionError) else str(problem)[:200]
        raise error(f"{source}: not valid TOML: {text}") from None
    try:
        return msgspec.convert(table, kind)
    except (msgspec.ValidationError, OverflowError, RecursionError) as problem:
        raise error(f"{source}: {plain_validation(str(problem))}") from None


def sha256_of(path: Path, error: type[MPCNetError] = ConfigError) -> str:
    """SHA-256 of a file of any size, hexadecimal: what `sha256sum` prints."""
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as problem:
        raise error(f"{path}: cannot be read: {problem.strerror}") from None


def replace_text(path: Path, text: str, error: type[MPCNetError] = ConfigError) -> None:
    """Write a text file so that a reader, or a crash, sees the old one or the new one, never a part."""
    fresh = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        with fresh.open("w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        fresh.replace(path)
    except OSError as problem:
        fresh.unlink(missing_ok=True)
        raise error(f"{path}: cannot be written: {problem.strerror}") from None
