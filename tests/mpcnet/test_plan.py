"""What parties agree on: checked locally, stated in bytes, compared."""

from __future__ import annotations

import enum
from typing import Any

import numpy as np
import pytest

from circuits import circuit
from circuits.errors import WidthError
from circuits.ir import AND, Circuit, Port
from circuits.types import Int, UInt, Vec
from mpcnet.errors import AgreementError, ConfigError
from mpcnet.plan import FIELDS, STATEMENT_BYTES, Plan, encode_own, settle, state

PARTIES = ("bank", "bureau", "lender")


def make_circuit(n: int = 8) -> Circuit:
    """income and debt (8 bits), late (4), table (2 x 3) -> low (4 bits), high (4 bits): no matter what."""
    inputs = (
        Port("income", UInt[n]),
        Port("debt", Int[8]),
        Port("late", UInt[4]),
        Port("table", Vec[UInt[3], 2]),
    )
    outputs = (Port("low", UInt[4]), Port("high", UInt[4]))
    gates = np.zeros(8, np.int32)
    left = np.arange(2, 10, dtype=np.int32)
    first = 2 + n + 8 + 4 + 6
    return Circuit("toy", inputs, outputs, gates + AND, left, left + 8, np.arange(first, first + 8, dtype=np.int32))


CIRCUIT = make_circuit()
OWNERS = {"income": "bank", "debt": "bank", "late": "bureau", "table": "lender"}


def make_two_outputs() -> Circuit:
    @circuit
    def both(x: UInt[4]) -> tuple[UInt[4], UInt[4]]:
        return x, (x + 1).wrap(4)

    return both


def make(**changes: Any) -> Plan:
    call: dict[str, Any] = {"circuit": CIRCUIT, "owners": OWNERS, "reveal_to": ["lender"], "compute": None} | changes
    return Plan.make(call["circuit"], PARTIES, call["owners"], call["reveal_to"], call["compute"])


def test_the_owner_of_most_bits_garbles() -> None:
    plan = make()
    assert (plan.garbler, plan.evaluator) == ("bank", "lender")
    assert plan.third_owners == ("bureau",)
    assert [port.name for port in plan.owned_by("bank")] == ["income", "debt"]


def test_ties_go_to_those_that_learn_then_by_order() -> None:
    all_lender = dict.fromkeys(OWNERS, "lender")
    assert make(owners=all_lender, reveal_to=["bureau"]).evaluator == "bureau"
    assert make(owners=all_lender, reveal_to=["lender"]).evaluator == "bank"
    equal = {"income": "lender", "debt": "bureau", "late": "bank", "table": "bank"}
    plan = make(owners=equal, reveal_to="lender")
    assert (plan.garbler, plan.evaluator) == ("bank", "lender")


def test_compute_is_taken_as_given() -> None:
    plan = make(compute=("lender", "bureau"))
    assert (plan.garbler, plan.evaluator) == ("lender", "bureau")
    assert plan.third_owners == ("bank",)


@pytest.mark.parametrize(
    ("reveal_to", "expected"),
    [
        (["lender", "bank"], {"low": ("bank", "lender"), "high": ("bank", "lender")}),
        ("bureau", {"low": ("bureau",), "high": ("bureau",)}),
        ({"low": "bank", "high": []}, {"low": ("bank",), "high": ()}),
        ({"high": {"bank"}, "low": ("lender", "lender")}, {"low": ("lender",), "high": ("bank",)}),
    ],
)
def test_recipients(reveal_to: Any, expected: dict[str, tuple[str, ...]]) -> None:
    assert make(reveal_to=reveal_to).reveal_to == expected


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"owners": {"income": "bank"}}, "owners does not say anything of input port 'debt'"),
        (
            {"owners": {**OWNERS, "age": "bank"}},
            "owners names 'age', but the input ports are income, debt, late, table",
        ),
        ({"owners": {**OWNERS, "late": "shop"}}, r"owners\['late'\]: there is no party 'shop'; there are bank, bureau"),
        ({"owners": {**OWNERS, "late": None}}, r"owners\['late'\]: there is no party 'None'"),
        ({"owners": ["bank"]}, "owners maps each input port to parties, and is no list"),
        ({"reveal_to": []}, "somebody has to learn"),
        ({"reveal_to": {"low": [], "high": []}}, "somebody has to learn"),
        ({"reveal_to": ["shop"]}, "reveal_to: there is no party 'shop'"),
        ({"reveal_to": {"low": ["bank"]}}, "reveal_to does not say anything of output port 'high'"),
        (
            {"reveal_to": {"low": ["bank"], "high": [], "x": []}},
            "reveal_to names 'x', but the output ports are low, high",
        ),
        ({"reveal_to": None}, "give the names of parties, not NoneType"),
        ({"compute": ("bank", "bank")}, "two different parties"),
        ({"compute": ("bank",)}, "two different parties"),
        ({"compute": ("bank", "shop")}, "compute: there is no party 'shop'"),
    ],
)
def test_wrong_calls_are_named(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        make(**changes)


def test_what_is_no_circuit() -> None:
    with pytest.raises(TypeError, match="expected a circuit, not function"):
        make(circuit=make_circuit)


def test_inputs_are_packed_row_by_row() -> None:
    packed, batch = encode_own(make(), "bank", {"income": [1, 200], "debt": -1}, None)
    assert batch == 2
    assert packed["income"].tolist() == [[1], [200]]
    assert packed["debt"].tolist() == [[255]]
    packed, batch = encode_own(make(), "lender", {"table": [5, 2]}, None)
    assert batch is None
    assert packed["table"].tolist() == [[5 | 2 << 3]]
    assert encode_own(make(), "lender", {"table": np.array([[1, 2]] * 3)}, 3)[1] == 3
    assert encode_own(make(owners=dict.fromkeys(OWNERS, "bank")), "lender", {}, 7) == ({}, 7)
    assert encode_own(make(owners=dict.fromkeys(OWNERS, "bank")), "lender", {}, None) == ({}, None)


def test_large_batches_are_packed_in_pieces_to_the_same_end() -> None:
    values = np.arange(10_000) % 256
    packed, batch = encode_own(make(), "bank", {"income": values, "debt": values.astype(np.int8)}, None)
    assert batch == 10_000
    assert np.array_equal(packed["income"][:, 0], values)
    with pytest.raises(WidthError, match="input 'income'"):
        encode_own(make(), "bank", {"income": np.append(values, 256), "debt": 0}, None)


SECRET = 987654


@pytest.mark.parametrize(
    ("inputs", "error", "message"),
    [
        ({"debt": 1}, ConfigError, "^input 'income' is missing"),
        ({}, ConfigError, "^input 'income' is missing"),
        ({"income": 1, "debt": 1, "late": 1}, ConfigError, "^input 'late' belongs to bureau, not to bank"),
        ({"income": 1, "debt": 1, "age": 1}, ConfigError, "^no input is called 'age'; there are income, debt"),
        ({"income": SECRET, "debt": 1}, WidthError, "^input 'income': .*0 .. 255"),
        ({"income": -1, "debt": 1}, WidthError, "^input 'income': "),
        ({"income": 1, "debt": 128}, WidthError, "^input 'debt': .*-128 .. 127"),
        ({"income": "987654", "debt": 1}, WidthError, "^input 'income': "),
        ({"income": 1.5, "debt": 1}, WidthError, "^input 'income': "),
        ({"income": None, "debt": 1}, WidthError, "^input 'income': "),
        ({"income": [[1, 2]], "debt": 1}, WidthError, "^input 'income': "),
        ({"income": [1, 2], "debt": [1, 2, 3]}, ConfigError, "'debt' is a batch of 3, but input 'income' says 2"),
        ({"income": [1, SECRET], "debt": 1}, WidthError, "^input 'income': "),
        (["income"], TypeError, "expected inputs as a mapping"),
    ],
)
def test_wrong_inputs_are_named_but_not_shown(inputs: Any, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message) as caught:
        encode_own(make(), "bank", inputs, None)
    assert str(SECRET) not in str(caught.value)


@pytest.mark.parametrize("batch", [-1, 1.5, True, "3", 1 << 50])
def test_wrong_batch_argument(batch: Any) -> None:
    with pytest.raises(ConfigError, match="batch is a number of instances"):
        encode_own(make(), "lender", {"table": [0, 0]}, batch)


def test_batch_argument_that_contradicts_an_input() -> None:
    with pytest.raises(ConfigError, match="'income' is a batch of 2, but the argument batch says 3"):
        encode_own(make(), "bank", {"income": [1, 2], "debt": 1}, 3)


def statements(plans: dict[str, Plan], batches: dict[str, int | None]) -> dict[str, bytes]:
    return {name: state(plan, batches.get(name)) for name, plan in plans.items()}


def test_agreement_and_the_batch() -> None:
    plans = dict.fromkeys(PARTIES, make())
    assert {len(said) for said in statements(plans, {}).values()} == {STATEMENT_BYTES}
    assert settle(make(), "bank", statements(plans, {})) is None
    assert settle(make(), "bank", statements(plans, {"bureau": 5})) == 5
    assert settle(make(), "bank", statements(plans, {"bureau": 0, "lender": 0})) == 0


DIFFERENT: dict[str, dict[str, Any]] = {
    "circuit": {"circuit": make_circuit(9)},
    "owners": {"owners": {**OWNERS, "late": "lender"}, "compute": ("bank", "lender")},
    "reveal_to": {"reveal_to": ["bank"]},
    "compute": {"compute": ("lender", "bank")},
}


@pytest.mark.parametrize("field", DIFFERENT)
@pytest.mark.parametrize("odd", PARTIES)
def test_each_difference_is_named_the_same_everywhere(field: str, odd: str) -> None:
    plans = {name: make(**DIFFERENT[field]) if name == odd else make() for name in PARTIES}
    said = statements(plans, {})
    pair = ("bank", "bureau") if odd != "lender" else ("bank", "lender")
    for me, plan in plans.items():
        with pytest.raises(AgreementError, match=f"^{pair[0]} and {pair[1]} differ in {field}; {me} has: ") as caught:
            settle(plan, me, said)
        assert caught.value.peer == (pair[1] if me == pair[0] else pair[0] if me == pair[1] else "")


def test_difference_in_batch_names_both_sizes() -> None:
    said = statements(dict.fromkeys(PARTIES, make()), {"bureau": 3, "lender": 4})
    with pytest.raises(AgreementError, match=r"^bureau and lender differ in batch: 3 and 4 instances$"):
        settle(make(), "bank", said)


def test_impossible_batch_is_the_peers_fault() -> None:
    said = statements(dict.fromkeys(PARTIES, make()), {})
    said["lender"] = said["lender"][:-8] + (-7).to_bytes(8, "little", signed=True)
    with pytest.raises(AgreementError, match="lender names an impossible batch"):
        settle(make(), "bank", said)


def test_large_batch_is_not_taken_on_the_word_of_others() -> None:
    plans = dict.fromkeys(PARTIES, make())
    said = statements(plans, {"bank": 1 << 25})
    for me in PARTIES:  # all come to the same end
        with pytest.raises(
            AgreementError, match=r"^bureau names no batch, but bank names 33554432 instances; .*batch="
        ):
            settle(make(), me, said)
    assert settle(make(), "bank", statements(plans, dict.fromkeys(PARTIES, 1 << 25))) == 1 << 25
    assert settle(make(), "bank", statements(plans, {"bank": 1 << 24})) == 1 << 24


def test_nobody_is_not_a_party_of_that_name() -> None:
    parties = ("bank", "nobody")
    circuit = make_two_outputs()
    owners = {port.name: "bank" for port in circuit.inputs}
    to_none, to_nobody = (
        Plan.make(circuit, parties, owners, {"out0": ["bank"], "out1": who}) for who in ([], ["nobody"])
    )
    assert to_none.describe("reveal_to") == to_nobody.describe("reveal_to")
    assert state(to_none, None) != state(to_nobody, None)


def test_every_field_counts() -> None:
    said = statements(dict.fromkeys(PARTIES, make()), {})
    for i, field in enumerate(FIELDS):
        flipped = bytearray(said["bureau"])
        flipped[32 * i + 31] ^= 1
        with pytest.raises(AgreementError, match=f"bank and bureau differ in {field}"):
            settle(make(), "lender", {**said, "bureau": bytes(flipped)})


def test_name_of_the_circuit_does_not_count() -> None:
    other = Circuit(
        "other", *(getattr(CIRCUIT, f) for f in ("inputs", "outputs", "op", "left", "right", "output_wires"))
    )
    assert state(make(circuit=other), None) == state(make(), None)


def test_enums_that_are_integers_are_taken() -> None:
    class Late(enum.IntEnum):
        OFTEN = 3

    packed, _ = encode_own(make(), "bureau", {"late": Late.OFTEN}, None)
    assert packed["late"].tolist() == [[3]]
