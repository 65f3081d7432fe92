"""The same work with MPyC, by its public calls: a program of its own, started by MPyC's launcher.

    python mpyc_program.py WORK COUNT -M3

Party 0 prints one line of JSON: seconds from shared inputs to shared outputs, of the slowest party, and the bytes that
all parties sent in it. A hundredth of the work goes before, to warm up; the result is opened and compared with the same
in the clear afterwards. "trivial" adds three inputs and opens the sum.

MPyC's processes listen on all interfaces of the machine while they connect, and talk without TLS.
"""

from __future__ import annotations

import json
import sys
import time
from typing import Any


async def _trivial(mpc: Any) -> dict[str, float]:
    number = mpc.SecInt(32)
    total = mpc.sum(mpc.input(number(mpc.pid + 1)))
    assert await mpc.output(total) == 6
    return {"seconds": 0.0, "bytes": 0}


async def _measure(mpc: Any, work: str, count: int) -> dict[str, float]:
    await _once(mpc, work, max(2, count // 100))
    return await _once(mpc, work, count)


async def _once(mpc: Any, work: str, count: int) -> dict[str, float]:
    import numpy as np

    from mpcnet.bench.operands import expected, operands, tolerance

    fixed = work in ("mul-fixed", "matmul-fixed", "logistic")
    kind = mpc.SecFxp(32) if fixed else mpc.SecInt(32)
    given: Any = operands(work, count)
    a, b = (mpc.input(kind.array(numbers), senders=0) for numbers in given)
    await mpc.gather([a, b])
    await mpc.transfer(None)  # all begin together
    before, started = _sent(mpc), time.perf_counter()
    result = _work(mpc, work, a, b)
    await mpc.gather(result)
    seconds, n_bytes = time.perf_counter() - started, _sent(mpc) - before
    found = np.asarray(await mpc.output(result), float)
    right = _three_pieces(given[0] @ given[1]) if work == "logistic" else expected(work, *given)
    if not np.allclose(found, right.astype(float), rtol=0, atol=4 * tolerance(work)):
        raise RuntimeError(f"{work}: MPyC gave a wrong result")
    measured = await mpc.transfer((seconds, n_bytes))
    return {"seconds": max(s for s, _ in measured), "bytes": sum(n for _, n in measured)}


def _work(mpc: Any, work: str, a: Any, b: Any) -> Any:
    if work == "less":
        return a < b
    if work == "matmul-fixed":
        return a @ b
    if work == "logistic":
        score = a @ b
        return mpc.np_where(score > 0.5, 1 + 0 * score, mpc.np_where(score < -0.5, 0 * score, score + 0.5))
    return a * b


def _three_pieces(score: Any) -> Any:
    """A sigmoid in three pieces: what MPyC's users take, for it has none of its own."""
    return (score + 0.5).clip(0.0, 1.0)


def _sent(mpc: Any) -> int:
    return sum(peer.protocol.nbytes_sent for peer in mpc.parties if peer.pid != mpc.pid)


async def main(mpc: Any, work: str, count: int) -> None:
    """One party."""
    await mpc.start()
    found = await _trivial(mpc) if work == "trivial" else await _measure(mpc, work, count)
    if mpc.pid == 0:
        print(json.dumps(found), flush=True)
    await mpc.shutdown()


if __name__ == "__main__":
    from mpyc.runtime import mpc as runtime

    runtime.run(main(runtime, sys.argv[1], int(sys.argv[2])))
