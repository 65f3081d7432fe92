"""What there is to measure, how much of it, and what comes out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from statistics import median
from typing import Any, Literal

from mpcnet.bench.others import OTHERS, Other
from mpcnet.bench.timing import Sample
from mpcnet.errors import ConfigError

__all__ = ["WORKS", "Crew", "Link", "Row", "Work", "choose", "make_row"]

Link = Literal["local", "tls", "tcp"]
Crew = Literal["pair", "members", "fresh"]


@dataclass(frozen=True)
class Work:
    """Something that is measured.

    Attributes:
        name: of its rows.
        unit: what is counted.
        count: how many of them one repetition does, about.
        quick_count: the same, where only the running matters.
        links: "local" within one process; "tls" and "tcp" between two processes over loopback.
        target: what issue and design ask for: units a second on each link; seconds for work of one piece.
        about: one line for people.
        pieces: how many times more often it is repeated; for work that takes no time.
        crew: who does it, where it is not one process: a garbler and an evaluator, equal members, or equal members in
            processes that are started for each repetition.
        parties: how many they are.
    """

    name: str
    unit: str
    count: int
    quick_count: int
    links: tuple[Link, ...]
    target: Mapping[str, float]
    about: str
    pieces: int = 1
    crew: Crew = "pair"
    parties: int = 2

    @property
    def others(self) -> tuple[Other, ...]:
        """What other systems took for `count`."""
        return OTHERS.get(self.name, ())


def _members(
    name: str, unit: str, count: int, quick_count: int, seconds: float, about: str, *, crew: Crew = "members"
) -> Work:
    """A row of equal members over TLS, as many as its name says, with a target in seconds."""
    parties = int(name.partition("-")[0][-1])
    return Work(name, unit, count, quick_count, ("tls",), {"tls": count / seconds}, about, crew=crew, parties=parties)


_YAO = {"tls": 20e6, "tcp": 30e6}
_BOTH: tuple[Link, ...] = ("tls", "tcp")

WORKS: tuple[Work, ...] = (
    Work("aes-ecb-blocks", "block", 1 << 25, 1 << 12, ("local",), {}, "AES-128-ECB of `cryptography`, the yardstick"),
    Work("garble-tiles", "AND", 25_600_000, 6_400, ("local",), {"local": 55e6}, "AES-128, tiles of 64 instances"),
    Work("evaluate-tiles", "AND", 25_600_000, 6_400, ("local",), {"local": 80e6}, "the same, evaluated"),
    Work("garble-single", "AND", 6_400_000, 6_400, ("local",), {"local": 17e6}, "AES-128, one instance at a time"),
    Work("evaluate-single", "AND", 6_400_000, 6_400, ("local",), {"local": 24e6}, "the same, evaluated"),
    Work("yao-aes", "AND", 6_500_000, 6_400, _BOTH, _YAO, "AES-128, a batch of instances"),
    Work("yao-sha256", "AND", 6_500_000, 22_335, _BOTH, _YAO, "SHA-256 compression, a batch of instances"),
    Work("yao-mul32", "AND", 6_500_000, 6_400, _BOTH, _YAO, "32-bit multiplication, a batch of instances"),
    Work("yao-cmp32", "AND", 6_500_000, 8_192, _BOTH, _YAO, "32-bit comparison, 256 pairs of 16 and 16 an instance"),
    Work("yao-aes-once", "call", 1, 1, ("tls",), {"tls": 200.0}, "one AES-128 in an open session", pieces=10),
    Work("random-ot-k2", "OT", 2_000_000, 1_000, ("tls",), {"tls": 20e6}, "random OT, SoftSpoken k = 2"),
    Work("random-ot-k4", "OT", 2_000_000, 1_000, ("tls",), {"tls": 20e6}, "random OT, SoftSpoken k = 4"),
    Work("chosen-ot", "OT", 1_000_000, 1_000, ("tls",), {"tls": 15e6}, "chosen OT of 128-bit messages, k = 2"),
    Work("base-ot", "OT", 128, 128, ("tls",), {"tls": 1280.0}, "128 base OTs"),
    Work("tls-stream", "byte", 256 << 20, 2 << 20, ("tls",), {"tls": 1e9}, "one way through a channel, 1 MiB messages"),
    Work("bristol-load", "gate", 132_728, 132_728, ("local",), {"local": 1e6}, "our SHA-256, as a Bristol file"),
    Work("trace", "gate", 164_090, 164_090, ("local",), {"local": 3e5}, "our AES-128 and SHA-256, from Python"),
    _members("shamir3-mul", "product", 1_000_000, 1_000, 0.25, "Shamir, integers of a 127-bit field"),
    _members("shamir3-less", "comparison", 100_000, 100, 2.0, "Shamir, 32-bit integers"),
    _members("shamir3-mul-fixed", "product", 100_000, 100, 0.5, "Shamir, fixed point with truncation"),
    _members("shamir3-matmul-fixed", "row", 128, 8, 0.12, "Shamir, fixed-point product of square matrices"),
    _members("shamir3-logistic", "score", 1_000, 20, 0.4, "Shamir, fixed-point scores of 20 features, with sigmoid"),
    _members("additive2-mul", "product", 100_000, 1_000, 0.7, "additive, integers of 64 bits, no dealer"),
    _members("additive2-less", "comparison", 100_000, 1_000, 0.5, "additive, 32-bit integers, no dealer"),
    _members("gmw2-aes", "AES", 1_000, 10, 1.0, "GMW, from inputs to outputs"),
    _members("trivial3", "program", 1, 1, 0.3, "a sum of three, from connecting to the result", crew="fresh"),
)


@dataclass(frozen=True)
class Row:
    """A result.

    Attributes:
        name, link: of the work.
        unit: what `count` counts.
        count: units of one repetition.
        seconds: of one repetition, the median.
        low, high: the fastest and the slowest repetition, in seconds.
        bytes: of one repetition: what both parties sent, with frames, without TLS; within one process the bytes that
            went in or came out.
        repeats: how many repetitions.
        cpu_seconds: processor time of one repetition, all threads, for each party; the median.
        path: the AES kernels in use.
        parties: processes that took part.
        setup_seconds: of the engine and of sharing the inputs, before the first repetition, where that is measured.
        target: units a second; None where none is set.
        others: see `Work`.
    """

    name: str
    link: Link
    unit: str
    count: int
    seconds: float
    low: float
    high: float
    bytes: int
    repeats: int
    cpu_seconds: Mapping[str, float] = field(default_factory=dict)
    path: str = ""
    parties: int = 1
    setup_seconds: float = 0.0
    target: float | None = None
    others: tuple[Other, ...] = ()

    @property
    def per_second(self) -> float:
        """Units a second."""
        return self.count / self.seconds

    @property
    def cpu_bound(self) -> float:
        """Units a second that the busiest party would make with a core of its own."""
        busiest = max(self.cpu_seconds.values(), default=0.0)
        return self.count / busiest if busiest else 0.0

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        return {
            "name": self.name,
            "count": self.count,
            "seconds": self.seconds,
            "per_second": self.per_second,
            "bytes": self.bytes,
            "link": self.link,
            "unit": self.unit,
            "low": self.low,
            "high": self.high,
            "repeats": self.repeats,
            "cpu_seconds": dict(self.cpu_seconds),
            "path": self.path,
            "parties": self.parties,
            "setup_seconds": self.setup_seconds,
            "target": self.target,
            "others": [other.as_dict() for other in self.others],
        }


def make_row(
    work: Work,
    link: Link,
    count: int,
    n_bytes: int,
    samples: Mapping[str, Sequence[Sample]],
    path: str,
    *,
    setup_seconds: float = 0.0,
) -> Row:
    """A row from the samples of each party, which repeated the same together; the slowest one counts."""
    walls = [max(each) for each in zip(*([s.seconds for s in mine] for mine in samples.values()), strict=True)]
    cpu = {party: median(sample.cpu_seconds for sample in mine) for party, mine in samples.items()}
    return Row(
        *(work.name, link, work.unit, count, median(walls), min(walls), max(walls), n_bytes, len(walls), cpu, path),
        parties=len(samples),
        setup_seconds=setup_seconds,
        target=work.target.get(link),
        others=work.others,
    )


def choose(only: Sequence[str]) -> list[Work]:
    """The works of these names, in their order here; all of them where none is named.

    Raises:
        ConfigError: there is no such row.
    """
    names = [work.name for work in WORKS]
    unknown = [name for name in only if name not in names]
    if unknown:
        raise ConfigError(f"no row {unknown[0]!r}; there are {', '.join(names)}")
    return [work for work in WORKS if work.name in only or not only]
