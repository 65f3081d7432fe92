"""What secret arrays refuse: at the call, by name, before anything is sent."""

from __future__ import annotations

import asyncio
import math
from typing import Any

import numpy as np
import pytest

import mpcnet
from mpcnet import array as xp
from mpcnet.errors import ConfigError
from mpcnet.session import Session
from mpcnet.simulate import simulate
from protocols.errors import StateError

NAMES = ("bank", "bureau", "lender")


async def arrays(session: Session) -> Any:
    """A computation, and an array of each dtype."""
    sh = session.shamir()
    mine = session.name == "bank"
    a = sh.input(np.arange(6).reshape(2, 3) if mine else None, owner="bank", shape=(2, 3), dtype=sh.int())
    x = sh.input(np.ones(3) if mine else None, owner="bank", shape=(3,), dtype=sh.fixed(16))
    p = sh.input(np.ones(3, bool) if mine else None, owner="bank", shape=(3,), dtype=sh.bit)
    return sh, a, x, p


def refused(cases: Any) -> None:
    """Each case is refused by every party, without an operation made, and the computation goes on."""

    async def main(session: Session) -> None:
        sh, a, x, p = await arrays(session)
        for case, kind, words in cases(session, sh, a, x, p):
            before = session._program._n_operations
            with pytest.raises(kind, match=words):
                case()
            assert session._program._n_operations == before or case.__name__ == "makes_some", words
        assert (await x.reveal()).tolist() == [1, 1, 1]

    asyncio.run(simulate(main, NAMES))


def test_inputs() -> None:
    def cases(session: Session, sh: Any, a: Any, x: Any, p: Any) -> Any:
        me, other = session.name, session.peers[0]

        def mine(values: Any, dtype: Any = None, shape: Any = None, owner: Any = me) -> Any:
            return lambda: sh.input(values, owner=owner, dtype=dtype, shape=shape)

        nan, fixed = float("nan"), sh.fixed(16)
        return [
            (mine([1, 2**31]), ValueError, r"does not fit: int\(32\) holds -2\*\*31 .. 2\*\*31 - 1.* at index 1"),
            (mine([[0, -(2**31) - 1]]), ValueError, "at index 0, 1"),
            (mine(300, sh.int(8)), ValueError, r"int\(8\) holds -128 .. 127$"),
            (mine([0.0, 1e300], fixed), ValueError, r"numbers between -2\*\*32 and 2\*\*32.*index 1"),
            (mine([2**32], fixed), ValueError, "does not fit"),
            (mine([1.0, nan], fixed), ValueError, "index 1"),
            (mine([math.inf], fixed), ValueError, "does not fit"),
            (mine([2], sh.bit), ValueError, "bit holds 0 and 1"),
            (mine([0.5]), TypeError, "takes integers, not float64; round them first"),
            (mine(["a"]), TypeError, "takes integers"),
            (mine([2**70]), ValueError, "does not fit"),
            (mine([[1, 2], [3]]), ValueError, "inhomogeneous"),
            (mine([None, 1]), TypeError, r"int\(32\) takes integers, not NoneType"),
            (mine([None, 1], fixed), TypeError, "takes numbers, not NoneType"),
            (mine([1, 2, 3], shape=(2,)), ValueError, r"have shape \(3,\), but shape=\(2,\) was agreed on"),
            (mine([1], shape=(-1,)), ValueError, "a shape is made of integers from 0 on"),
            (mine([1], "int32"), TypeError, r"a dtype is made by the computation.*not 'int32'"),
            (mine(None, shape=3), ConfigError, f"{me} owns this array, and gives no values"),
            (mine([1], owner=other), ConfigError, f"the values belong to {other}, and this is {me}"),
            (mine(None, owner=other), ConfigError, r"has to say their shape="),
            (mine([1], owner="shop"), ConfigError, "no party 'shop'; there are bank, bureau, lender"),
            (mine([1], owner=["bank"]), ConfigError, "the name of one party, not list"),
            (mine(a), TypeError, "secret array already"),
            (lambda: sh.int(1), ValueError, "from 2 to 62"),
            (lambda: sh.int(63), ValueError, "from 2 to 62"),
            (lambda: sh.fixed(0), ValueError, "from 1 to 40"),
            (lambda: sh.fixed(30, n_bits=60), ValueError, "where a product has room"),
            (lambda: sh.constant([0.5], dtype=sh.int()), TypeError, "takes integers"),
            (lambda: a.reveal(to="shop"), ConfigError, "reveal: there is no party 'shop'"),
            (lambda: a.reveal(to=[]), ConfigError, "name at least one party"),
        ]

    refused(cases)


def test_operands() -> None:
    def cases(session: Session, sh: Any, a: Any, x: Any, p: Any) -> Any:
        wide = sh.input([1] if session.name == "bank" else None, owner="bank", shape=1, dtype=sh.int(62))
        coarse, pair, none = x.astype(sh.fixed(8)), a[:, 0], a[:0]
        return [
            (lambda: a + pair, ValueError, r"add: shapes \(2, 3\) and \(2,\) do not fit"),
            (lambda: a + wide, TypeError, r"add of int\(32\) and int\(62\): dtypes differ; convert"),
            (lambda: x * coarse, TypeError, "multiply of fixed.16.* and fixed.8.*: dtypes differ"),
            (lambda: wide + x, TypeError, r"does not hold all of int\(62\)"),
            (lambda: a + "1", TypeError, "add takes secret arrays.*not str"),
            (lambda: a + np.array([None]), TypeError, "not an array of object"),
            (lambda: a + 1j, TypeError, "not complex"),
            (lambda: a + 0.5, TypeError, r"number with a fraction.*astype\(sh.fixed\(16\)\)"),
            (lambda: a * 0.5, TypeError, "number with a fraction"),
            (lambda: a @ np.ones((2, 2)), ValueError, r"\(2, 3\) and \(2, 2\) do not fit"),
            (lambda: a @ 3, ValueError, "use \\*"),
            (lambda: a @ np.full(3, 0.5), TypeError, "numbers with a fraction"),
            (lambda: a / 2, TypeError, "take x // y"),
            (lambda: x / 0, ZeroDivisionError, "public 0"),
            (lambda: a // [1, 0, 2], ZeroDivisionError, "public 0"),
            (lambda: p + p, TypeError, "add of bits: combine them with"),
            (lambda: -p, TypeError, "negative of bits"),
            (lambda: ~a, TypeError, "it is for bits"),
            (lambda: p & pair, TypeError, "& | ^ are for bits"),
            (lambda: xp.where(a, a, 1), TypeError, r"array of bits, not of int\(32\); compare it"),
            (lambda: xp.where(p, x, coarse), TypeError, "dtypes differ"),
            (lambda: a + 2**31, ValueError, "add: a value does not fit"),
            (lambda: x < math.nan, ValueError, "nan"),
            (lambda: x * math.inf, ValueError, "infinite"),
            (lambda: x * 1e30, ValueError, "does not fit beside"),
            (lambda: a**-1, TypeError, "integer of at least 0"),
            (lambda: a**a, TypeError, "public exponent"),
            (lambda: 2**a, TypeError, "public exponent"),
            (lambda: xp.sum(a, axis=2), ValueError, r"shape \(2, 3\) has no axis 2"),
            (lambda: xp.max(a, axis=(0, -2)), ValueError, "twice"),
            (lambda: none.max(axis=0), ValueError, "maximum of no elements"),
            (lambda: none.mean(), ValueError, "mean of no elements"),
            (lambda: xp.mean(a, dtype=sh.int()), TypeError, "fixed-point"),
            (lambda: a.astype(np.float64), TypeError, "a dtype is made by the computation"),
            (lambda: a.reshape(4), ValueError, "reshape"),
            (lambda: xp.concat([a, p]), ValueError, "concat"),
            (lambda: xp.concat([]), ValueError, "no arrays"),
            (lambda: xp.stack([a, pair]), ValueError, "all arrays need one shape"),
            (lambda: a[2], IndexError, "out of bounds"),
            (lambda: xp.take(a, [5], axis=1), IndexError, "out of bounds"),
            (lambda: xp.take(x, [0.5]), TypeError, "integers as places"),
            (lambda: x.mT, ValueError, "no matrix"),
            (lambda: xp.where([True], 1, 2), TypeError, "needs a secret array"),
        ]

    refused(cases)


def test_two_computations_do_not_mix() -> None:
    async def main(session: Session) -> None:
        one, other = session.shamir().constant([1]), session.shamir().constant([1])
        with pytest.raises(TypeError, match="two computations"):
            one + other

    asyncio.run(simulate(main, NAMES))


@pytest.mark.parametrize(("n_parties", "threshold"), [(2, 1), (3, 2), (4, 2), (3, 0), (3, -1), (3, 1.0), (3, True)])
def test_threshold(n_parties: int, threshold: Any) -> None:
    async def main(session: Session) -> None:
        with pytest.raises(ConfigError, match="threshold"):
            session.shamir(threshold=threshold)

    asyncio.run(simulate(main, ["p1", "p2", "p3", "p4"][:n_parties]))


def test_wrong_parties_are_told_with_the_line() -> None:
    """Errors of this project are shown without a traceback: the text has the user's line."""

    async def main(session: Session) -> None:
        sh, a, _, _ = await arrays(session)
        line = r" \(at test_array_errors\.py:\d+\)$"
        for case in (
            lambda: sh.input(None, owner=session.name),
            lambda: sh.input(None, owner="shop"),
            lambda: sh.input([1], owner=session.peers[0]),
            lambda: sh.input(None, owner=session.peers[0]),
            lambda: session.shamir(threshold=2),
            lambda: a.reveal(to="shop"),
        ):
            with pytest.raises(ConfigError, match=line):
                case()
        await a.reveal()

    asyncio.run(simulate(main, NAMES))


def test_dealer() -> None:
    async def main(session: Session) -> None:
        dealer = session.peers[0] if session.n_parties == 2 else "shop"
        with pytest.raises(ConfigError, match="none can deal" if session.n_parties == 2 else "no party 'shop'"):
            session.additive(dealer=dealer)

    asyncio.run(simulate(main, NAMES))
    asyncio.run(simulate(main, NAMES[:2]))


def test_what_cannot_be_done_in_secret() -> None:
    def cases(session: Session, sh: Any, a: Any, x: Any, p: Any) -> Any:
        one, table = a[0, 0], [1, 2, 3]

        def branch() -> None:
            if one:
                return

        def loop() -> None:
            while one:
                return

        def makes_some() -> Any:
            return one < 1 < 2

        def change() -> None:
            a[0] = 1

        return [
            (branch, TypeError, r"`if` needs to know a secret array; .*xp\.where\(condition, x, y\)"),
            (loop, TypeError, "`while` needs to know"),
            (makes_some, TypeError, r"\(a < b\) & \(b < c\)"),
            (lambda: 1 if one else 2, TypeError, r"`... if ... else ...` needs"),
            (lambda: one and 1, TypeError, "write x & y"),
            (lambda: not p, TypeError, "write ~x for bits"),
            (lambda: bool(a), TypeError, r"bool\(\) needs to know"),
            (lambda: 3 in a, TypeError, r"xp.any\(x == item\)"),
            (lambda: table[one], TypeError, "to read a public list at a secret place"),
            (lambda: a[one], TypeError, "an index that is secret would show what is read"),
            (lambda: x[p], TypeError, r"secret mask.*xp.where\(mask, x, 0\)"),
            (lambda: x[:one], TypeError, "a slice with a secret end"),
            (lambda: xp.take(x, one), TypeError, "an index that is secret"),
            (lambda: range(one), TypeError, "public integer"),
            (lambda: int(one), TypeError, r"int\(\) needs to know.*reveal"),
            (lambda: float(one), TypeError, r"float\(\) needs to know"),
            (lambda: complex(one), TypeError, "complex"),
            (lambda: round(one), TypeError, "round"),
            (lambda: math.floor(one), TypeError, "cuts towards 0"),
            (lambda: hash(one), TypeError, "kept in lists"),
            (lambda: {one: 1}, TypeError, "kept in lists"),
            (lambda: np.asarray(a), TypeError, "await x.reveal"),
            (lambda: np.sort(a), TypeError, r"NumPy's sort\(\) works on public numbers; write xp.sort"),
            (lambda: np.exp2(a), TypeError, "no such function for secret arrays"),
            (lambda: np.concatenate([a, a]), TypeError, "write xp.concat"),
            (change, TypeError, "cannot be changed"),
            (lambda: f"{one:d}", TypeError, "format"),
            (lambda: len(one), TypeError, "no length"),
            (lambda: iter(one), TypeError, "no elements"),
        ]

    refused(cases)


def test_what_is_shown_is_never_a_value() -> None:
    async def main(session: Session) -> str:
        _, a, x, p = await arrays(session)
        shown = f"{a} {x!r} {p} {x.reveal()} {a.computation} {a.node}"
        assert mpcnet.SecretArray is xp.SecretArray
        return shown

    shown = asyncio.run(simulate(main, NAMES))["bank"]
    assert shown.startswith(
        "<SecretArray int(32) (2, 3), operation 1> <SecretArray fixed(16, n_bits=49) (3,), operation 2> "
        "<SecretArray bit (3,), operation 3> <operation 4: reveal fixed(16, n_bits=49) (3,) to bank, bureau, lender at "
    )
    assert "<shamir(threshold=1) among bank, bureau, lender>" in shown


def test_computation_that_is_over() -> None:
    kept = {}

    async def main(session: Session) -> None:
        kept[session.name] = session.shamir().constant([1])

    asyncio.run(simulate(main, NAMES))
    with pytest.raises(StateError, match="has ended"):
        kept["bank"] + 1


def test_no_numbers_recipients_and_axes() -> None:
    def cases(session: Session, sh: Any, a: Any, x: Any, p: Any) -> Any:
        return [
            (lambda: x.reveal(to=0), ConfigError, "no party '0'; there are bank"),
            (lambda: x.reveal(to=session), ConfigError, "reveal: there is no party"),
            (lambda: xp.sum(np.array([1, 2])), TypeError, "sum takes a secret array, not ndarray"),
            (lambda: xp.exp(1.0), TypeError, "exp takes a secret array, not float; for public numbers take NumPy's"),
            (lambda: xp.any([1]), TypeError, "any takes a secret array, not list"),
            (lambda: xp.permute_dims([1, 2], (0,)), TypeError, "permute_dims takes a secret array, not list"),
            (lambda: xp.sum(a, axis="rows"), TypeError, "sum: an axis is a public integer.*not 'rows'"),
            (lambda: sh.input(np.empty(0), owner=session.name), TypeError, "takes integers, not float64"),
        ]

    refused(cases)


def test_a_list_of_no_numbers_is_one_of_integers() -> None:
    async def main(session: Session) -> int:
        sh = session.shamir()
        mine = session.name == "bank"
        none = sh.input([] if mine else None, owner="bank", shape=(0,), dtype=sh.int(16))
        bits = sh.input([] if mine else None, owner="bank", shape=(0,), dtype=sh.bit)
        assert (await bits.reveal()).shape == (0,)
        return int(await none.sum().reveal())

    assert asyncio.run(simulate(main, NAMES)) == dict.fromkeys(NAMES, 0)
