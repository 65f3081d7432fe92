"""Bristol files by hand: what is read, what is written, and where each malformed file is caught."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest

from circuits import bristol
from circuits.errors import BristolError
from circuits.ir import AND, ONE, XOR, Circuit, Port
from circuits.types import UInt

FASHION = """3 7
2 2 2
1 1

2 1 0 2 4 XOR
2 1 1 3 5 AND
2 1 4 5 6 AND
"""
OLD = """3 7
2 2 1

2 1 0 2 4 XOR
2 1 1 3 5 AND
2 1 4 5 6 AND
"""


def test_fashion() -> None:
    circuit = bristol.loads(FASHION, name="three")
    assert circuit.name == "three"
    assert circuit.inputs == (Port("in0", UInt[2]), Port("in1", UInt[2]))
    assert circuit.outputs == (Port("out0", UInt[1]),)
    assert circuit.op.tolist() == [XOR, AND, AND]
    assert circuit.left.tolist() == [2, 3, 6]
    assert circuit.right.tolist() == [4, 5, 7]
    assert circuit.output_wires.tolist() == [8]
    assert circuit(0b10, 0b11) == 1
    assert circuit(0b10, 0b10) == 0


def test_old_format_is_told_by_its_header() -> None:
    assert bristol.loads(OLD).digest == bristol.loads(FASHION).digest


def test_old_format_with_one_input() -> None:
    circuit = bristol.loads("1 2\n1 0 1\n1 1 0 1 INV\n")
    assert [port.name for port in circuit.inputs] == ["in0"]
    assert circuit(0) == 1


def test_old_format_without_gates() -> None:
    circuit = bristol.loads("0 2\n1 1 2\n")
    assert circuit(1, 0) == 0b01


def test_values_of_width_zero_have_no_port() -> None:
    circuit = bristol.loads("1 2\n3 1 0 0\n2 0 1\n1 1 0 1 NOT\n")
    assert [port.name for port in (*circuit.inputs, *circuit.outputs)] == ["in0", "out1"]


def test_wires_in_any_numbering_and_gates_in_any_order() -> None:
    text = "3 7\n2 2 2\n1 1\n2 1 4 5 6 AND\n2 1 1 3 5 AND\n2 1 0 2 4 XOR\n"
    circuit, expected = bristol.loads(text), bristol.loads(FASHION)
    assert circuit.op.tolist() == [AND, XOR, AND] or circuit.op.tolist() == [XOR, AND, AND]
    for a in range(4):
        for b in range(4):
            assert circuit(a, b) == expected(a, b)


def test_sorting_is_not_recursive() -> None:
    count = 5000
    chain = [f"1 1 {i} {i + 1} INV" for i in range(count)]
    circuit = bristol.loads(f"{count} {count + 1}\n1 1\n1 1\n" + "\n".join(reversed(chain)))
    assert (circuit(0), circuit(1)) == (0, 1)


def test_inv_eq_and_eqw_cost_nothing_but_an_xor() -> None:
    text = "5 6\n1 1\n1 3\n1 1 0 1 EQW\n1 1 1 2 EQW\n1 1 1 3 EQ\n1 1 2 5 INV\n1 1 2 4 EQW\n"
    circuit = bristol.loads(text)
    assert circuit.op.tolist() == [XOR]
    assert (circuit.left.tolist(), circuit.right.tolist()) == ([2], [ONE])
    assert circuit.output_wires.tolist() == [ONE, 2, 3]
    assert circuit(1) == 0b011
    assert circuit(0) == 0b101


def test_mand_takes_all_left_wires_first() -> None:
    # The example of the format's own comment: 4 = 0 & 1 and 5 = 2 & 3.
    circuit = bristol.loads("1 6\n1 4\n1 2\n4 2 0 2 1 3 4 5 MAND\n")
    assert circuit.and_count == 2
    for x in range(16):
        assert circuit(x) == (x & x >> 1 & 1) | (x >> 2 & x >> 3 & 1) << 1


def test_spaces_tabs_blank_lines_and_carriage_returns_do_not_matter() -> None:
    untidy = "\n\n" + FASHION.replace(" ", " \t ").replace("\n", "  \r\n\r\n")
    assert bristol.loads(untidy).digest == bristol.loads(FASHION).digest
    assert bristol.loads(FASHION.rstrip().encode()).digest == bristol.loads(FASHION).digest


def test_load_takes_paths_and_files(tmp_path: Path) -> None:
    path = tmp_path / "three.txt"
    path.write_text(FASHION, encoding="ascii")
    expected = bristol.loads(FASHION).digest
    assert bristol.load(path).digest == bristol.load(str(path)).digest == expected
    assert bristol.load(path).name == "three"
    assert bristol.load(io.StringIO(FASHION)).digest == bristol.load(io.BytesIO(FASHION.encode())).digest == expected
    with path.open() as file:
        assert bristol.load(file).name == "three"


@pytest.mark.parametrize(
    ("text", "line", "reason"),
    [
        pytest.param("", 0, "the file is empty", id="empty"),
        pytest.param(" \n\n\t\n", 0, "the file is empty", id="blank"),
        pytest.param("3\n", 1, "expected two numbers", id="one number in the header"),
        pytest.param("3 7\n", 0, "ends after its first line", id="truncated after the first line"),
        pytest.param("3 7\n2 2 2\n", 0, "ends before the line that gives the widths of the outputs", id="no outputs"),
        pytest.param("hello world\n1 1\n1 1\n", 1, "expected a number, found 'hello'", id="garbage header"),
        pytest.param("<html>\n<body>\n", 1, "expected a number, found '<html>'", id="a web page"),
        pytest.param("-1 7\n2 2 2\n1 1\n", 1, "'-1' is negative", id="negative count"),
        pytest.param(FASHION.replace("1 3 5", "1 -3 5"), 6, "'-3' is negative", id="negative wire"),
        pytest.param("3 1000000000000\n2 2 2\n1 1\n", 1, "at most 8 digits", id="absurd number of wires"),
        pytest.param(FASHION.replace("3 7", "3 99999999"), 1, "promises 99999999 wires", id="too many wires"),
        pytest.param("0 99999999\n1 99999999\n1 1\n", 3, "more than the 1048576 supported", id="absurd inputs"),
        pytest.param("99999999 7\n2 2 2\n1 1\n", 0, "promises 99999999 gates, but the file has 0", id="no gates"),
        pytest.param(FASHION.replace("2 2 2", "2 2"), 2, "expected the number of input values", id="input widths"),
        pytest.param(
            FASHION.replace("1 1\n\n", "2 1\n\n"), 3, "expected the number of output values", id="output widths"
        ),
        pytest.param(
            FASHION.replace("1 1\n\n", "1 8\n\n"), 3, "8 output wires, but the circuit has only 7", id="outputs"
        ),
        pytest.param(FASHION.replace("2 2 2", "2 2 9"), 3, "11 input wires, but the circuit has only 7", id="inputs"),
        pytest.param(FASHION.replace("3 7", "4 7"), 7, "promises 4 gates, but the file has 3", id="too few gates"),
        pytest.param(FASHION.replace("3 7", "2 6"), 7, "promises 2 gates, but the file has 3", id="too many gates"),
        pytest.param(FASHION.replace("3 7", "3 8"), 1, "wire 7 is neither", id="a wire nobody drives"),
        pytest.param(
            FASHION.replace("4 5 6 AND", "4 7 6 AND").replace("3 7", "3 8"), 7, "wire 7 is neither", id="undriven"
        ),
        pytest.param(FASHION.replace("3 7", "3 6"), 7, "drives 6, but wires end at 5", id="too few wires"),
        pytest.param(FASHION.replace("4 5 6", "4 9 6"), 7, "reads 9, but wires end at 6", id="right wire out of range"),
        pytest.param(FASHION.replace("0 2 4", "9 2 4"), 5, "reads 9, but wires end at 6", id="left wire out of range"),
        pytest.param(
            FASHION.replace("4 5 6", "4 5 5"), 7, "drives wire 5, which line 6 drives already", id="driven twice"
        ),
        pytest.param(FASHION.replace("4 5 6", "4 5 3"), 7, "drives wire 3, which is an input", id="input driven"),
        pytest.param(FASHION.replace("4 5 6", "4 6 6"), 7, "reads wire 6, which it drives itself", id="reads itself"),
        pytest.param(FASHION.replace("0 2 4", "0 6 4"), 7, "reads wire 4, which depends on this gate", id="cycle"),
        pytest.param(FASHION.replace("4 5 6 AND", "4 5 6 NAND"), 7, "found 'NAND'", id="unknown gate"),
        pytest.param(FASHION.replace("4 5 6 AND", "4 5 6"), 7, "found '6'", id="gate without a name"),
        pytest.param(FASHION.replace("4 5 6 AND", "4 5 6 and"), 7, "found 'and'", id="lower case"),
        pytest.param(FASHION.replace("4 5 6 AND", "4 5 6 ANDANDANDAND"), 7, "found 'ANDANDANDAND'", id="long name"),
        pytest.param(
            FASHION.replace("2 1 4 5 6 AND", "2 1 4 5 AND"), 7, "expected '2 1 left right out AND'", id="a wire less"
        ),
        pytest.param(FASHION.replace("2 1 4 5 6 AND", "2 1 4 5 6 7 AND"), 7, "expected '2 1 left", id="a wire more"),
        pytest.param(FASHION.replace("2 1 4 5 6 AND", "AND"), 7, "expected '2 1 left", id="only a name"),
        pytest.param(FASHION.replace("2 1 4 5 6 AND", "2 AND"), 7, "expected '2 1 left", id="one number"),
        pytest.param(FASHION.replace("2 1 4 5 6 AND", "1 1 4 6 AND"), 7, "expected '2 1 left", id="wrong arity"),
        pytest.param(
            FASHION.replace("2 1 4 5 6 AND", "2 1 4 5 6 INV"), 7, "expected '1 1 in out INV'", id="arity of INV"
        ),
        pytest.param(FASHION.replace("2 1 4 5 6 AND", "4 2 4 5 6 MAND"), 7, "expected '2n n lefts", id="short MAND"),
        pytest.param(FASHION.replace("2 1 4 5 6 AND", "0 0 MAND"), 7, "expected '2n n lefts", id="empty MAND"),
        pytest.param(FASHION.replace("2 1 4 5 6 AND", "1 1 2 6 EQ"), 7, "a constant is 0 or 1", id="constant 2"),
        pytest.param(FASHION.replace("4 5 6", "4 5x 6"), 7, "expected a number, found '5x'", id="letter in a number"),
        pytest.param(FASHION.replace("4 5 6", "4 0x5 6"), 7, "expected a number, found '0x5'", id="hexadecimal"),
        pytest.param(FASHION.replace("4 5 6", "4 +5 6"), 7, "expected a number, found '+5'", id="plus sign"),
        pytest.param(FASHION.replace("4 5 6", "4 5\u00b2 6"), 7, "plain ASCII", id="not ASCII"),
        pytest.param(FASHION.replace("4 5 6", "4 \x005 6"), 7, "byte 0x00", id="a zero byte"),
        pytest.param("\ufeff" + FASHION, 1, "byte 0xef", id="byte order mark"),
        pytest.param(FASHION + "the end\n", 8, "found 'end'", id="text behind the gates"),
        pytest.param(FASHION[:-9], 7, "found '4'", id="truncated inside a line"),
    ],
)
def test_malformed(text: str, line: int, reason: str) -> None:
    with pytest.raises(BristolError) as caught:
        bristol.loads(text)
    assert caught.value.line == line, str(caught.value)
    assert reason in str(caught.value)
    assert not line or str(caught.value).startswith(f"line {line}: ")


def make(n_inputs: list[int], n_outputs: list[int], gates: list[tuple[int, int, int]], wires: list[int]) -> Circuit:
    op, left, right = zip(*gates, strict=True) if gates else ((), (), ())
    return Circuit(
        "made",
        tuple(Port(f"in{i}", UInt[n]) for i, n in enumerate(n_inputs)),
        tuple(Port(f"out{i}", UInt[n]) for i, n in enumerate(n_outputs)),
        np.array(op, dtype=np.uint8),
        np.array(left, dtype=np.int32),
        np.array(right, dtype=np.int32),
        np.array(wires, dtype=np.int32),
    )


def test_dump_makes_the_outputs_the_last_wires() -> None:
    circuit = make([1, 1], [1, 1], [(AND, 2, 3), (XOR, 4, ONE), (XOR, 4, 5)], [6, 4])
    assert bristol.dumps(circuit) == "3 5\n2 1 1\n2 1 1\n\n2 1 0 1 4 AND\n1 1 4 2 INV\n2 1 4 2 3 XOR\n"


def test_dump_writes_only_gates_that_every_reader_knows() -> None:
    # outputs: an input, both constants, a wire twice
    circuit = make([2], [5], [(AND, 2, 3)], [2, 0, 1, 4, 4])
    text = bristol.dumps(circuit)
    assert {line.split()[-1] for line in text.splitlines()[4:]} == {"XOR", "AND", "INV"}
    again = bristol.loads(text)
    assert again.and_count == 1
    for x in range(4):
        assert again(x) == circuit(x) == (x & 1) | 0b100 | (0b11000 if x == 3 else 0)


def test_dump_of_a_circuit_without_inputs() -> None:
    circuit = make([], [2], [], [0, 1])
    assert bristol.loads(bristol.dumps(circuit))() == 0b10
    with pytest.raises(BristolError, match="cannot hold constants without inputs"):
        bristol.dumps(circuit, old_format=True)


def test_old_format_holds_two_inputs_and_one_output() -> None:
    circuit = make([1, 1, 1], [1], [], [2])
    with pytest.raises(BristolError, match="at most two input values and one output value; made has 3 and 1"):
        bristol.dumps(circuit, old_format=True)
    text = bristol.dumps(make([1], [1], [(XOR, 2, ONE)], [3]), old_format=True)
    assert text == "1 2\n1 0 1\n\n1 1 0 1 INV\n"


def test_dump_writes_a_file(tmp_path: Path) -> None:
    circuit = bristol.loads(FASHION)
    bristol.dump(circuit, tmp_path / "new.txt")
    bristol.dump(circuit, str(tmp_path / "old.txt"), old_format=True)
    assert (tmp_path / "new.txt").read_bytes() == FASHION.encode()
    assert (tmp_path / "old.txt").read_bytes() == OLD.encode()


def test_text_file_that_was_read_with_the_wrong_encoding() -> None:
    with pytest.raises(BristolError, match="line 1: byte 0x"):
        bristol.loads(b"\xff\xfe3 7".decode("utf-8", "surrogateescape"))
    with pytest.raises(BristolError, match="line 1: byte 0x"):
        bristol.loads("3 \ud800 7")
