"""Gilboa's products as pure functions, shapes of matrices, wraps, triples that are spent once, wrong arguments."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from circuits.plain import evaluate_bits
from protocols.arithmetic import truncation, works
from protocols.arithmetic.additive import AdditiveEngine
from protocols.arithmetic.dealer import TrustedDealer
from protocols.arithmetic.matrices import Factors, MatrixPlan
from protocols.arithmetic.triples import MatrixTriple, Triples64
from protocols.bits import unpack
from protocols.errors import StateError
from protocols.sharing.keys import PairKeys
from tests.kit.additive import additive
from tests.kit.boolean_contract import without
from tests.kit.engine_contract import Parties, assemble
from tests.kit.mesh import make_meshes, run_all

MASK = (1 << 64) - 1


def random_words(shape: Any, seed: int = 1) -> Any:
    words = np.random.default_rng(seed).integers(0, 1 << 64, shape, np.uint64)
    flat = words.reshape(-1)
    flat[: min(4, flat.size)] = np.array([0, 1, MASK, 1 << 63], np.uint64)[: flat.size]
    return words


def dealt(choices: Any, seed: int = 2) -> tuple[Any, Any]:
    """Random OT of a trusted party: the sender's pairs and what the choices take of them."""
    pairs = np.random.default_rng(seed).integers(0, 256, (len(choices), 2, 16), np.uint8)
    return pairs, np.ascontiguousarray(pairs[np.arange(len(choices)), choices])


def converse(correction: Any, choice: Any) -> tuple[Any, Any]:
    """Both sides of a work without a network; the shares, and the messages."""
    messages = []
    for batch in correction.batches():
        pairs, pads = dealt(unpack(choice.choices(batch), batch.count * choice.unit_ots), batch.number)
        kept = choice.keep(pads)
        for block in correction.blocks(batch):
            message = correction.correct(batch, block, pairs)
            assert message.shape == (block.n_bytes,)
            messages.append(message)
            choice.finish(batch, block, kept, np.frombuffer(bytearray(message.tobytes()), np.uint8))
    return correction.share + choice.share, messages


@pytest.mark.parametrize("n", [1, 5, 512, 513, 1100])
def test_products(n: int) -> None:
    x, y = random_words(n), random_words(n, 3)[::-1].copy()
    total, messages = converse(works.Products(x), works.ChosenProducts(y))
    assert (total == x * y).all()
    assert sum(map(len, messages)) == 288 * n


@pytest.mark.parametrize("width", range(1, 9))
def test_products_by_bits(width: int) -> None:
    x = random_words(70)
    bits = np.random.default_rng(5).integers(0, 2, 70, np.uint8)
    total, messages = converse(works.BitProducts(x, width), works.ChosenBits(bits, width))
    unused = np.uint64(64 - 8 * width)
    assert ((total - x * bits) << unused == 0).all()
    assert sum(map(len, messages)) == 70 * width


@pytest.mark.parametrize(("block_bytes", "columns"), [(1 << 20, 50), (1 << 14, 50), (1, 50), (1 << 20, 2), (1, 16)])
def test_products_of_vectors(block_bytes: int, columns: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Cut by units and by columns alike, added up by rows."""
    monkeypatch.setattr(works, "BLOCK_BYTES", block_bytes)
    x, y = random_words((3, columns)), random_words(6, 8)
    which, rows = np.array([0, 1, 2, 2, 1, 0]), np.array([0, 0, 1, 1, 2, 2])
    correction = works.Vectors(x, which, rows, 3)
    total, messages = converse(correction, works.ChosenVectors(y, rows, 3, columns))
    expected = np.zeros((3, columns), np.uint64)
    for unit in range(6):
        expected[rows[unit]] += x[which[unit]] * y[unit]
    assert (total == expected).all()
    assert sum(map(len, messages)) == 288 * 6 * columns


def test_corrections_hide_the_factor() -> None:
    """Of both pads: with the same pads, corrections of two factors differ; with others, each bit is a fair coin."""
    n = 512
    bits = np.zeros(64 * n, np.uint8)
    pairs, _ = dealt(bits)
    work = works.Products(np.full(n, 12345, np.uint64))
    (batch,) = work.batches()
    (block,) = work.blocks(batch)
    found = np.unpackbits(work.correct(batch, block, pairs)).mean()
    assert abs(found - 0.5) < 0.005  # 1.2 million coins: 11 standard deviations


@pytest.mark.parametrize(
    ("x", "y"),
    [
        ((4,), (4,)),
        ((4,), (4, 3)),
        ((3, 4), (4,)),
        ((3, 4), (4, 2)),
        ((5, 3, 4), (4, 2)),
        ((3, 4), (5, 4, 2)),
        ((5, 3, 4), (5, 4, 2)),
        ((1, 3, 4), (5, 4, 2)),
        ((2, 1, 3, 4), (5, 4, 2)),
        ((2, 5, 3, 4), (4,)),
        ((4,), (2, 5, 4, 3)),
        ((0, 4), (4, 2)),
        ((3, 0), (0, 2)),
        ((0, 3, 4), (0, 4, 2)),
    ],
)
def test_factors_are_those_of_numpy(x: tuple[int, ...], y: tuple[int, ...]) -> None:
    left, right = random_words(x), random_words(y, 2)
    factors = Factors.of(x, y)
    a, b = factors.left_of(left), factors.right_of(right)
    assert (a.shape, b.shape) == (factors.left, factors.right)
    expected = np.asarray(np.matmul(left, right))
    found = factors.result_of(np.matmul(a, b))
    assert found.shape == factors.result == expected.shape
    assert (found == expected).all()
    plan = MatrixPlan(*a.shape, b.shape[2])
    rows = np.zeros((plan.n_rows, plan.n_columns), np.uint64)
    np.add.at(rows, plan.rows, plan.vectors(a, b)[plan.which] * plan.chooser(a, b)[:, None])
    assert (factors.result_of(plan.result(rows)) == expected).all()
    assert plan.n_units == min(a.size, b.size) if plan.batch else not plan.n_units


@pytest.mark.parametrize(("x", "y"), [((), (3,)), ((3,), ()), ((2, 3), (2, 3)), ((2, 3, 4), (3, 4, 5)), ((3,), (4,))])
def test_factors_that_do_not_fit(x: tuple[int, ...], y: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match="have no product"):
        Factors.of(x, y)


@pytest.mark.parametrize("n_parties", [3, 4, 5, 7, 9])
@pytest.mark.parametrize("style", ["few_ands", "low_depth"])
def test_wraps_are_counted_from_top_bits(n_parties: int, style: str) -> None:
    """Wherever x' may be, its edges included, however the shares lie."""
    random, width = np.random.default_rng(n_parties), truncation.top_bits(n_parties)
    lowest, highest = (1 << 62) + 1, (1 << 63) + (1 << 62) + (1 << 61) - 1
    out_bits, rows, expected = truncation.wrap_bits(n_parties), [], []
    for case in range(400):
        value = (
            [lowest, highest, 1 << 63][case % 3]
            if case < 90
            else int(random.integers(lowest, highest, dtype=np.uint64))
        )
        shares = [int(one) for one in random.integers(0, 1 << 64, n_parties - 1, np.uint64)]
        if case % 4 == 0:  # low parts as large as they can be
            shares = [one | (1 << 64 - width) - 1 for one in shares]
        if case % 5 == 0:  # as many wraps as there can be
            shares = [MASK - int(one) for one in random.integers(0, 1 << 50, n_parties - 1)]
        shares.append((value - sum(shares)) & MASK)
        expected.append((sum(shares) - value) >> 64)
        rows.append([share >> 64 - width + i & 1 for share in shares for i in range(width)])
    circuit = truncation.wraps(n_parties, out_bits, style)
    found = evaluate_bits(circuit, np.array(rows, np.uint8))
    assert (found @ (1 << np.arange(out_bits)) == expected).all()
    assert max(expected) == n_parties - 1
    assert circuit.and_count < 4 * width * n_parties


@pytest.mark.parametrize(("n_bits", "bound_bits"), [(-1, 30), (31, 30), (1, 63), (63, 63)])
def test_truncation_without_room(n_bits: int, bound_bits: int) -> None:
    with pytest.raises(ValueError, match="bounded by"):
        truncation.check(n_bits, bound_bits)


async def test_the_error_of_truncation_is_centred() -> None:
    parties = await assemble(additive(), 2)
    x = np.array([5 * 1024 + 300] * 2000, dtype=object)
    cut = await parties.reveal(await parties.call("truncate", await parties.share(x), 10, bound_bits=40))
    assert set(cut) == {5, 6}
    assert abs((cut - 5).mean() - 300 / 1024) < 0.06  # 2,000 coins: 5 standard deviations


# ---- triples


async def triples_of(parties: Parties, count: int) -> list[Any]:
    return await run_all([e.triples.make(m, count) for e, m in zip(parties.engines, parties.forks(), strict=True)])


@pytest.mark.parametrize("n_parties", [2, 3])
async def test_products_of_triples_made_ahead(n_parties: int) -> None:
    parties = await assemble(additive(), n_parties)
    triples = await triples_of(parties, 50)
    m = parties.ring.modulus
    for count in (20, 0, 30):
        x, y = parties.integers((count,)), parties.integers((count,))
        xs, ys = await parties.share(x, 0), await parties.share(y, 1)
        before = sum(parties.meshes[0].n_bytes().values())
        products = await run_all(
            [
                engine.multiply(mesh, a, b, triples=one)
                for engine, mesh, a, b, one in zip(parties.engines, parties.forks(), xs, ys, triples, strict=True)
            ]
        )
        sent = sum(parties.meshes[0].n_bytes().values()) - before
        cost = parties.engines[0].cost("multiply", (count,), triples=True)
        assert (cost.rounds, cost.n_bytes) == ((1, sent) if count else (0, 0))
        assert (await parties.reveal(products) == x * y % m).all()
    sent = sum(parties.meshes[0].n_bytes().values())
    with pytest.raises(StateError, match="1 triples are asked for, but 0 are left; a triple is used once"):
        await parties.engines[0].multiply(parties.forks()[0], xs[0][:1], ys[0][:1], triples=triples[0])
    assert sum(parties.meshes[0].n_bytes().values()) == sent
    assert repr(triples[0]) == "<Triples64, 0 left>"


async def test_matrix_triples_are_spent_once() -> None:
    parties = await assemble(additive(), 2)
    shapes = ((4, 3), (2, 3, 5))
    made = await run_all(
        [e.triples.make_matrix(m, *shapes) for e, m in zip(parties.engines, parties.forks(), strict=True)]
    )
    assert repr(made[0]) == "<MatrixTriple (1, 4, 3) @ (1, 3, 10)>"
    x, y = (parties.integers(shape) for shape in shapes)
    xs, ys = await parties.share(x, 0), await parties.share(y, 1)
    before = sum(parties.meshes[0].n_bytes().values())

    def spend(party: int, left: Any, right: Any) -> Any:
        return parties.engines[party].matmul(parties.forks()[party], left, right, triple=made[party])

    with pytest.raises(ValueError, match="the triple is for"):
        await spend(0, xs[0][:3], ys[0])
    forks = parties.forks()
    products = await run_all(
        [
            engine.matmul(mesh, a, b, triple=one)
            for engine, mesh, a, b, one in zip(parties.engines, forks, xs, ys, made, strict=True)
        ]
    )
    sent = sum(parties.meshes[0].n_bytes().values()) - before
    assert parties.engines[0].cost("matmul", (2, 4, 5), left=shapes[0], right=shapes[1], triples=True).n_bytes == sent
    assert (await parties.reveal(products) == np.matmul(x, y) % parties.ring.modulus).all()
    with pytest.raises(StateError, match="spent"):
        await spend(0, xs[0], ys[0])
    assert repr(made[0]) == "<MatrixTriple (1, 4, 3) @ (1, 3, 10), spent>"


def test_triples_of_wrong_shapes() -> None:
    words = np.zeros(5, np.uint64)
    with pytest.raises(ValueError, match="one shape"):
        Triples64(words, words, words[:4])
    with pytest.raises(ValueError, match="at least 0"):
        Triples64(words, words, words).take(-1)
    matrix = np.zeros((1, 2, 3), np.uint64)
    with pytest.raises(ValueError, match="are no triple"):
        MatrixTriple(matrix, matrix, matrix)


# ---- setups and arguments


async def test_setups_that_cannot_be() -> None:
    mesh = make_meshes(3)[0]
    for match, options in [
        ("for two parties", {"boolean": "yao"}),
        ("the dealer is one of", {"dealer": 3}),
        ("k must be", {"k": 9}),
    ]:
        with pytest.raises(ValueError, match=match):
            await AdditiveEngine.setup(mesh, **options)
    with pytest.raises(ValueError, match="two other parties"):
        await AdditiveEngine.setup(make_meshes(2)[0], dealer=0)
    assert mesh.n_bytes() == {1: 0, 2: 0}
    with pytest.raises(ValueError, match="two other parties"):
        TrustedDealer(0, 2, PairKeys(0, {}), 1)


async def test_wrong_arguments_say_nothing() -> None:
    parties = await assemble(additive(), 3)
    engine, x = parties.engines[0], (await parties.share(parties.integers((4,)), 0))[0]
    before = parties.meshes[0].n_bytes()

    def mesh() -> Any:
        return parties.forks()[0]

    absent = without(mesh(), frozenset({2}))
    for match, call in [
        ("by nobody else", lambda: engine.share(mesh(), 1, x, (4,))),
        ("by nobody else", lambda: engine.share(mesh(), 0, None, (4,))),
        ("have shape", lambda: engine.share(mesh(), 0, x, (5,))),
        ("no party 3", lambda: engine.share(mesh(), 3, None, (4,))),
        ("no party 3", lambda: engine.open(mesh(), x, frozenset({3}))),
        ("factors have shapes", lambda: engine.multiply(mesh(), x, x[:3])),
        ("have no product", lambda: engine.matmul(mesh(), x, x[:3])),
        ("bounded by", lambda: engine.truncate(mesh(), x, 3, bound_bits=63)),
        ("every party gives", lambda: engine.from_summands_of_bits(mesh(), None, 1, 4)),
        ("every party gives", lambda: engine.from_summands_of_bits(mesh(), np.zeros((1, 1), np.uint64), 1, 65)),
        ("not present: party 2", lambda: engine.multiply(absent, x, x)),
        ("not present: party 2", lambda: engine.random_bits(absent, (4,))),
        ("number of triples", lambda: engine.triples.make(mesh(), -1)),
    ]:
        with pytest.raises(ValueError, match=match):
            await call()
    with pytest.raises(ValueError, match="no operation"):
        engine.cost("divide", (4,))
    assert parties.meshes[0].n_bytes() == before
    assert repr(engine) == "<AdditiveEngine of party 0 of 3>"


# ---- what is seen


async def test_what_is_opened_among_three_tells_the_sum_alone() -> None:
    """Shares that are known beforehand, here trivial ones, are masked, differently at each opening."""
    parties = await assemble(additive(), 3)
    known = [engine.public(parties.ring.encode(np.full(5, 7))) for engine in parties.engines]
    seen = []
    for _ in range(2):
        forks = parties.forks()
        before = [len(forks[party].messages()[0]) for party in (1, 2)]
        opened = await run_all(
            [
                engine.open(mesh, share, frozenset({0}))
                for engine, mesh, share in zip(parties.engines, forks, known, strict=True)
            ]
        )
        assert (opened[0] == 7).all()
        for party, start in zip((1, 2), before, strict=True):
            (message,) = forks[party].messages()[0][start:]
            seen.append(np.frombuffer(message, np.uint64))
    assert all((one != 0).all() for one in seen)
    assert (seen[0] != seen[2]).all()
    assert (seen[1] != seen[3]).all()


async def test_shares_of_an_input_are_fresh() -> None:
    parties = await assemble(additive(), 3)
    x = np.zeros(20, dtype=object)
    first, second = await parties.share(x, 0), await parties.share(x, 0)
    for party in range(3):
        assert len(set(first[party][:, 0].tolist()) & set(second[party][:, 0].tolist())) == 0
