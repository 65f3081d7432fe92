"""Lines of numbers that end in a word, read by array operations: what a circuit file is made of.

The text becomes a byte array, tokens are runs of bytes above a space, and a token is read through the eight bytes that
end where it ends: three multiplications turn eight ASCII digits into a number (D. Lemire, "Quickly parsing eight
digits", 2018). No step is done token by token, so a million lines take a fraction of a second.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from circuits.errors import BristolError

__all__ = ["MAX_DIGITS", "Lines", "tokenize", "word_key"]

MAX_DIGITS = 8
_U64 = np.uint64
_CHUNK = 1 << 15  # tokens read at once: what is made on the way stays in the cache
_NEWLINE, _SPACE = 10, 32
_WHITE = np.zeros(256, dtype=bool)
_WHITE[[9, _NEWLINE, 13, _SPACE]] = True


@dataclass(frozen=True)
class Lines:
    """The tokens of a text, line by line; blank lines are left out.

    number: int64 of shape (n_lines,), the number of each line in the text, from 1.
    first: int64 of shape (n_lines,), the index of the first token of each line.
    count: int64 of shape (n_lines,), how many tokens each line has, at least 1.
    """

    data: NDArray[np.uint8]  # MAX_DIGITS spaces, then the text
    starts: NDArray[np.int64]
    ends: NDArray[np.int64]
    number: NDArray[np.int64]
    first: NDArray[np.int64]
    count: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.number)

    def text(self, token: int) -> str:
        """One token as text, shortened if it is long: for messages."""
        text = self.data[self.starts[token] : self.ends[token]].tobytes().decode("ascii")
        return text if len(text) <= 24 else f"{text[:21]}..."

    def line_of(self, token: int) -> int:
        """The number of the line that holds a token."""
        return int(self.number[np.searchsorted(self.first, token, side="right") - 1])

    def words(self, tokens: NDArray[np.int64]) -> NDArray[np.uint64]:
        """uint64 keys of tokens of at most eight characters, to compare with `word_key`; 0 for longer ones."""
        keys, lengths = self._last_eight(tokens)
        shift = (8 * np.maximum(8 - lengths, 0)).astype(_U64)
        return np.where(lengths <= 8, keys >> shift, _U64(0))

    def numbers(self, tokens: NDArray[np.int64]) -> NDArray[np.int64]:
        """The values of tokens that must be decimal numbers.

        Raises:
            BristolError: a token is not a number of at most MAX_DIGITS digits; names the first such line.
        """
        values = np.empty(len(tokens), dtype=np.int64)
        for start in range(0, len(tokens), _CHUNK):
            values[start : start + _CHUNK] = self._numbers(tokens[start : start + _CHUNK])
        return values

    def _numbers(self, tokens: NDArray[np.int64]) -> NDArray[np.uint64]:
        digits, lengths = self._last_eight(tokens)
        # What stands before the token becomes leading zeros.
        shift = (8 * np.maximum(8 - lengths, 0)).astype(_U64)
        digits = ((digits >> shift) << shift) | (_U64(0x3030303030303030) & ((_U64(1) << shift) - _U64(1)))
        high = digits & _U64(0xF0F0F0F0F0F0F0F0)
        carried = (digits + _U64(0x0606060606060606)) & _U64(0xF0F0F0F0F0F0F0F0)
        bad = (high | (carried >> _U64(4))) != _U64(0x3333333333333333)
        bad |= lengths > MAX_DIGITS
        if bad.any():
            self._not_a_number(int(tokens[int(bad.argmax())]))
        digits = ((digits & _U64(0x0F0F0F0F0F0F0F0F)) * _U64(2561)) >> _U64(8)
        digits = ((digits & _U64(0x00FF00FF00FF00FF)) * _U64(6553601)) >> _U64(16)
        return ((digits & _U64(0x0000FFFF0000FFFF)) * _U64(42949672960001)) >> _U64(32)

    def row(self, line: int) -> NDArray[np.int64]:
        """The numbers of a line that must hold nothing else; `line` counts the lines that are not blank, from 0."""
        return self.numbers(np.arange(self.first[line], self.first[line] + self.count[line]))

    def is_number(self, token: int) -> bool:
        """Whether a token consists of digits."""
        return self.data[self.starts[token] : self.ends[token]].tobytes().isdigit()

    def _last_eight(self, tokens: NDArray[np.int64]) -> tuple[NDArray[np.uint64], NDArray[np.int64]]:
        windows = np.ndarray((len(self.data) - 7,), dtype="<u8", buffer=self.data, strides=(1,))
        ends = self.ends[tokens]
        return windows[ends - 8].astype(_U64), ends - self.starts[tokens]

    def _not_a_number(self, token: int) -> None:
        text, line = self.text(token), self.line_of(token)
        if text.isdigit() or text.endswith("..."):
            raise BristolError(f"{text!r} is beyond what is supported: numbers have at most {MAX_DIGITS} digits", line)
        if text.startswith("-"):
            raise BristolError(f"{text!r} is negative; expected a number from 0", line)
        raise BristolError(f"expected a number, found {text!r}", line)


def word_key(word: str) -> int:
    """The key of a word of at most eight characters, as in `Lines.words`."""
    return int.from_bytes(word.encode("ascii"), "little")


def tokenize(text: bytes) -> Lines:
    """Cut a text into lines and tokens.

    Raises:
        BristolError: a byte is not printable ASCII, a tab, a space or the end of a line.
    """
    data = np.frombuffer(b" " * MAX_DIGITS + text, dtype=np.uint8)
    white = _WHITE[data]
    foreign = (data > 126) | ((data < _SPACE) & ~white)
    newlines = np.flatnonzero(data == _NEWLINE)
    if foreign.any():
        at = int(foreign.argmax())
        line = int(np.searchsorted(newlines, at)) + 1
        raise BristolError(f"byte 0x{data[at]:02x} does not belong in a circuit file, which is plain ASCII text", line)
    edges = np.flatnonzero(white[1:] != white[:-1]) + 1
    if len(edges) % 2:
        edges = np.append(edges, len(data))
    starts, ends = edges[0::2], edges[1::2]
    first = np.searchsorted(starts, np.concatenate(([0], newlines)))
    count = np.diff(np.append(first, len(starts)))
    filled = np.flatnonzero(count)
    return Lines(data, starts, ends, filled + 1, first[filled], count[filled])
