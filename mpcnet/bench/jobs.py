"""What equal parties compute in the rows of shares.

Inputs are fixed, so that every party can check the outputs in the clear.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any, Protocol

from mpcnet.bench.share_jobs import OnShares
from mpcnet.bench.workloads import check, find_workload

if TYPE_CHECKING:
    from mpcnet.session import Session

__all__ = ["Job", "find_job"]


class Job(Protocol):
    """One party's part of a row."""

    async def set_up(self) -> None:
        """What is needed once: the engine."""
        ...

    async def share(self) -> None:
        """What is needed for each repetition and not measured: shares of the inputs."""
        ...

    async def work(self) -> None:
        """What is measured; the same each time."""
        ...

    async def check(self) -> None:
        """Open what the last `work` made.

        Raises:
            RuntimeError: it is wrong.
        """
        ...


class GmwAes:
    """AES-128 of blocks under as many keys, by the public call: it shares the inputs and reveals the outputs."""

    def __init__(self, session: Session, count: int) -> None:
        self._session, self._count = session, count
        self._found: Any = None

    async def set_up(self) -> None:
        from circuits.batch import decode_outputs

        workload, parties = find_workload("yao-aes"), self._session.parties
        self._circuit = workload.circuit
        self._owners = {port.name: parties[i] for i, port in enumerate(self._circuit.inputs)}
        bits = workload.all_bits(self._count)
        self._inputs = {
            port.name: port.type.decode(bits[port.name])
            for port in self._circuit.inputs
            if self._owners[port.name] == self._session.name
        }
        self._expected = decode_outputs(self._circuit.outputs, workload.expected(self._count), self._count)
        few = {name: values[:2] for name, values in self._inputs.items()}
        await self._evaluate(few)  # loads kernels, sets up OT

    async def share(self) -> None:
        """Part of the call."""

    async def _evaluate(self, inputs: dict[str, Any]) -> Any:
        return await self._session.evaluate(
            self._circuit, inputs, owners=self._owners, reveal_to=self._session.parties, protocol="gmw"
        )

    async def work(self) -> None:
        self._found = await self._evaluate(self._inputs)

    async def check(self) -> None:
        check(bool((self._found == self._expected).all()))


def find_job(name: str) -> Callable[[Session, int], Job]:
    """Makes the job of a row."""
    return GmwAes if name == "gmw2-aes" else partial(OnShares, name)
