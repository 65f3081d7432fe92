"""What other systems took for the work of our rows, on the machine that the targets are for: Zen 3, 2 cores.

MP-SPDZ's Shamir ran over TLS, as ours does; all others over plain TCP.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

__all__ = ["OTHERS", "Other"]


@dataclass(frozen=True)
class Other:
    """One system's figure.

    Attributes:
        name: of the system.
        low, high: seconds, in several runs; equal where one figure is known.
        note: how it was found, or what it did otherwise.
    """

    name: str
    low: float
    high: float
    note: str = ""

    @property
    def figure(self) -> str:
        """Name and seconds."""
        span = f"{self.low:g}" if self.low == self.high else f"{self.low:g}-{self.high:g}"
        return f"{self.name} {span} s"

    def __str__(self) -> str:
        return f"{self.figure}{f' ({self.note})' if self.note else ''}"

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        return asdict(self)


def _one(name: str, seconds: float, note: str = "") -> Other:
    return Other(name, seconds, seconds, note)


OTHERS: Mapping[str, tuple[Other, ...]] = {
    "shamir3-mul": (_one("MP-SPDZ", 0.58, "128-bit prime"), _one("MPyC", 6.6, "100,000 in 0.66 s")),
    "shamir3-less": (_one("MP-SPDZ", 6.8), _one("MPyC", 67, "10,000 in 6.8 s")),
    "shamir3-mul-fixed": (_one("MPyC", 23, "10,000 in 2.27 s"),),
    "shamir3-matmul-fixed": (_one("MP-SPDZ", 0.19, "integers"), _one("MPyC", 3.7)),
    "shamir3-logistic": (_one("MP-SPDZ", 2.8), _one("MPyC", 1.8)),
    "additive2-mul": (Other("MP-SPDZ semi2k", 1.4, 1.6), Other("SPU Cheetah", 1.3, 1.5)),
    "additive2-less": (_one("MP-SPDZ semi2k", 2.5), _one("MP-SPDZ Yao", 0.63), _one("SPU Cheetah", 1.7)),
    "gmw2-aes": (_one("MP-SPDZ semi-bin", 1.4),),
    "trivial3": (_one("MPyC", 1.2, "from process start to exit"),),
}
"""By row; one repetition of ours does as much."""
