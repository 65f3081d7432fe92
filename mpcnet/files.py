"""Small files of public text: TOML read against a schema, and files written so that nobody sees a part of one.

Nothing but the error the caller asks for comes out of a file, whatever stands in it, and no more is read than a limit.
"""

from __future__ import annotations

import hashlib
import os
import re
import tomllib
from pathlib import Path
from typing import Any, TypeVar

import msgspec

from mpcnet.errors import ConfigError, MPCNetError

__all__ = [
    "convert",
    "parse_toml",
    "plain_validation",
    "read_bytes",
    "replace_text",
    "sha256_of",
    "sync_folder",
    "toml_table",
]

T = TypeVar("T")

_PIECE_BYTES = 1 << 18
MAX_KEY_PARTS = 16
_PART = r"""(?:[\w-]++|"[^"\n]*+"|'[^'\n]*+')"""
_LONG_KEY = re.compile(rf"(?:\.[ \t]*+{_PART}[ \t]*+){{{MAX_KEY_PARTS}}}")
"""A dotted key that `tomllib` would take memory and time for that grow with the square of its parts."""


def read_bytes(path: Path, what: str, max_bytes: int, error: type[MPCNetError] = ConfigError) -> bytes:
    """All of a small file.

    Raises:
        error: it is missing, cannot be read or is longer than `max_bytes`; names it and `what` it should be.
    """
    try:
        with path.open("rb") as file:
            data = bytearray()  # grows with what is there: one read of the limit would take room for all of it
            while len(data) <= max_bytes and (piece := file.read(min(_PIECE_BYTES, max_bytes + 1 - len(data)))):
                data += piece
    except OSError as problem:
        raise error(f"{path}: cannot be read: {problem.strerror}") from None
    if len(data) > max_bytes:
        raise error(f"{path}: longer than {max_bytes:,} bytes; this is not {what}")
    return bytes(data)


def toml_table(
    data: bytes, source: str, what: str, error: type[MPCNetError] = ConfigError, *, quote: bool = True
) -> dict[str, Any]:
    """TOML text as a table.

    Args:
        quote: whether the error may say more than the place: what the parser tells may quote the text.
    Raises:
        error: not UTF-8, or not TOML; names the source and the place.
    """
    try:
        text = data.decode()
    except UnicodeDecodeError:
        raise error(f"{source}: not UTF-8 text; this is not {what}") from None
    if _LONG_KEY.search(text):
        raise error(f"{source}: not valid TOML: a key of more than {MAX_KEY_PARTS} parts")
    try:
        return tomllib.loads(text)
    except RecursionError:
        raise error(f"{source}: not valid TOML: nested too deeply") from None
    except tomllib.TOMLDecodeError as problem:
        place = re.search(r"\(at .*\)", str(problem))
        told = f": {str(problem)[:200]}" if quote else f" {place[0]}" if place else ""
        raise error(f"{source}: not valid TOML{told}") from None
    except ValueError:
        raise error(f"{source}: not valid TOML: a number has too many digits") from None


def convert(table: object, kind: type[T], source: str, error: type[MPCNetError] = ConfigError) -> T:
    """The value of type `kind`, a msgspec struct, that a table stands for.

    Raises:
        error: it is not of that form; names the source and the place.
    """
    try:
        return msgspec.convert(table, kind)
    except (msgspec.ValidationError, OverflowError, RecursionError) as problem:
        raise error(f"{source}: {plain_validation(str(problem))}") from None


def parse_toml(data: bytes, kind: type[T], source: str, what: str, error: type[MPCNetError] = ConfigError) -> T:
    """The value of type `kind`, a msgspec struct, that TOML text stands for.

    Raises:
        error: not UTF-8, not TOML, or not of that form; names the source and the place.
    """
    return convert(toml_table(data, source, what, error), kind, source, error)


def plain_validation(message: str) -> str:
    """What msgspec says about a file, in the words of one who reads TOML."""
    message, _, place = message.partition(" - at ")
    message = message.replace("Object ", "").replace("`", "'")
    message = message.replace("contains unknown field", "unknown key").replace("missing required field", "misses")
    place = place.strip("`").removeprefix("$").removeprefix(".")
    return f"{place}: {message}" if place else message


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


def sync_folder(folder: Path) -> None:
    """See to it that a file that was just made is still there after a crash."""
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
