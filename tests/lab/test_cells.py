"""Cells run in a real lab: what they print, result in, make and draw, and how they fail."""

from __future__ import annotations

import numpy as np
import pytest

from engine.lab import Lab
from tui.cell_result import CellResult, ErrorLine, error_text, lines


def run(lab: Lab, code: str, cell: str = "1", **values: object) -> CellResult:
    return CellResult.of(lab.ask("cell", code=code, cell=cell, **values))


def made(result: CellResult) -> list[str]:
    return [tensor.name for tensor in result.tensors]


def failed(result: CellResult, cell: str = "1") -> str:
    assert result.error is not None
    return error_text(result.error, cell).plain


def test_the_last_expression_is_the_result_as_python_shows_it(lab: Lab) -> None:
    result = run(lab, "x = 6\nprint('six')\nx * 7")
    assert (result.printed, result.result, result.error) == ("six\n", "42", None)
    assert run(lab, "_ + 1").result == "43"
    assert run(lab, "None").result == ""
    assert run(lab, "").error is None


def test_names_are_kept_between_cells_until_a_fresh_start(lab: Lab) -> None:
    run(lab, "x = 1")
    assert run(lab, "x", fresh=True).error is not None


def test_each_tensor_that_a_cell_makes_comes_with_all_that_torch_says_of_it(lab: Lab) -> None:
    result = run(lab, "import torch\na = torch.arange(6.).reshape(2, 3)\nb = a.T.requires_grad_()")
    a, b = result.tensors
    assert (a.name, a.shape, a.dtype, a.stride, a.device) == ("a", (2, 3), "float32", (3, 1), "cpu")
    assert (b.name, b.shape, b.stride, b.requires_grad) == ("b", (3, 2), (1, 3), True)
    np.testing.assert_array_equal(a.values, np.arange(6).reshape(2, 3))
    np.testing.assert_array_equal(b.values, np.arange(6).reshape(2, 3).T)


def test_tensors_of_a_cell_are_those_it_bound_or_changed_in_the_order_of_its_code(lab: Lab) -> None:
    run(lab, "import torch, numpy as np\nold = torch.zeros(2)\nother = torch.zeros(2)\nplain = np.zeros(3)")
    result = run(
        lab, "z = torch.ones(1)\nold += 1\nplain[0] = 5\na, (b, *c) = torch.ones(2), torch.ones(2, 2)"
    )
    assert made(result) == ["z", "old", "plain", "a", "b", "c[0]"]
    assert made(run(lab, "print(old)")) == []
    assert made(run(lab, "def grow():\n    other.add_(1)\ngrow()")) == ["other"]
    assert made(run(lab, "old.chunk(2)")) == ["old.chunk(2)[0]", "old.chunk(2)[1]"]
    assert made(run(lab, "new = old + 1\nnew")) == ["new"]
    assert made(run(lab, "for _ in old:\n    pass\nprint(_)")) == []
    assert made(run(lab, "net = torch.nn.Linear(2, 1)")) == ["net.weight", "net.bias"]


@pytest.mark.parametrize(
    ("code", "dtype", "values"),
    [
        ("torch.tensor([1.5, -2], dtype=torch.bfloat16)", "bfloat16", [1.5, -2]),
        ("torch.tensor([1.5], dtype=torch.float8_e4m3fn)", "float8_e4m3fn", [1.5]),
        ("torch.tensor([1.5], dtype=torch.float16)", "float16", [1.5]),
        ("torch.tensor([True, False])", "bool", [True, False]),
        ("torch.tensor([1 + 2j]).conj()", "complex64", [1 - 2j]),
        ("torch.eye(2).to_sparse()", "float32", [[1, 0], [0, 1]]),
        ("torch.tensor(3)", "int64", 3),
        ("torch.zeros(0, 3)", "float32", np.zeros((0, 3))),
    ],
)
def test_tensors_of_every_kind_come_over(lab: Lab, code: str, dtype: str, values: object) -> None:
    (tensor,) = run(lab, f"import torch\nt = {code}").tensors
    assert tensor.dtype == dtype
    np.testing.assert_array_equal(tensor.values, values)


def test_tensors_without_values_or_with_too_many_come_without_them(lab: Lab) -> None:
    result = run(
        lab, "import torch\nm = torch.empty(2, device='meta')\nh = torch.zeros(()).expand(10**6, 10**6)"
    )
    assert [(t.name, t.values) for t in result.tensors] == [("m", None), ("h", None)]


def test_an_error_shows_the_lines_of_the_cells_and_none_of_ours_or_of_a_library(lab: Lab) -> None:
    run(lab, "import torch\ndef product(a, b):\n    return torch.matmul(a, b)", cell="1")
    result = run(lab, "x = torch.ones(5, 2)\ny = product(x, x)", cell="2")
    assert failed(result, "2") == (
        "line 2\n"
        "  y = product(x, x)\n"
        "      ^^^^^^^^^^^^^\n"
        "line 3 of cell 1, in product\n"
        "  return torch.matmul(a, b)\n"
        "         ^^^^^^^^^^^^^^^^^^\n"
        "RuntimeError: mat1 and mat2 shapes cannot be multiplied (5x2 and 5x2)"
    )
    assert made(result) == ["x"]
    inside = run(lab, "torch.nn.Linear(2, 3)(torch.ones(1, 4))")
    assert inside.error is not None
    assert len(inside.error.lines) == 1


def test_a_syntax_error_marks_its_place(lab: Lab) -> None:
    assert failed(run(lab, "x = 1\nif x\n    y = 2")) == "line 2\n  if x\n      ^\nSyntaxError: expected ':'"


def test_what_was_printed_before_an_error_is_kept(lab: Lab) -> None:
    result = run(lab, "print('before')\n1 / 0")
    assert result.printed == "before\n"
    assert result.text("1").plain.startswith("before\nline 2\n  1 / 0\n  ^^^^^\nZeroDivisionError")


def test_columns_are_counted_in_characters_where_the_line_has_others_than_ascii(lab: Lab) -> None:
    result = run(lab, "ñ = 'é'; 1 / 0")
    assert result.error is not None
    assert result.error.lines == (ErrorLine("1", "", 1, "ñ = 'é'; 1 / 0", 9, 14),)


@pytest.mark.parametrize(
    ("code", "says"),
    [
        ("exit()", "SystemExit"),
        ("raise KeyboardInterrupt", "KeyboardInterrupt: stopped here"),
        ("def f(): f()\nf()", "RecursionError: maximum recursion depth"),
        ("import torch; torch.zeros(10**15)", "RuntimeError"),
        ("'\\0' + chr(27) + 1", "TypeError"),
        ("raise ValueError('a\\n\\x1b[31mb')", "ValueError: a\n·[31mb"),
        ("x = '\x00'", "null bytes"),
    ],
)
def test_any_end_of_a_cell_is_told_and_the_lab_lives_on(lab: Lab, code: str, says: str) -> None:
    assert says in failed(run(lab, code))
    assert lab.losses == 0


def test_an_endless_recursion_is_told_in_a_few_lines(lab: Lab) -> None:
    assert len(failed(run(lab, "def f(): f()\nf()")).splitlines()) < 30


def test_endless_printing_is_cut_and_programs_started_by_a_cell_are_heard(lab: Lab) -> None:
    assert run(lab, "print('x' * 1_000_000)").printed.endswith("… 900,001 characters more\n")
    result = run(
        lab, "import subprocess, sys\nrun = subprocess.run(['echo', 'hello'])\nprint('late', file=sys.stderr)"
    )
    assert result.printed == "late\nhello\n"


def test_printed_text_is_inert_and_a_progress_bar_leaves_its_last_line() -> None:
    assert lines("10%\r50%\r100%\nred \x1b[31m\x00\r\n") == "100%\nred ·[31m·"


def test_pictures_come_with_their_numbers(lab: Lab) -> None:
    result = run(
        lab,
        "from engine.pictures import batches, plot, table\n"
        "plot([0, 1], {'a b': [2, 3]}, title='t')\n"
        "table({'n': [1, 2], 'x': [0.5, 1.5]})\n"
        "batches([[[2, 0], [1]], [[0, 1]]], rows=3)",
    )
    plot, table, batches = result.pictures
    assert (plot.kind, plot.title, list(plot.arrays)) == ("plot", "t", ["x", "a b"])
    np.testing.assert_array_equal(table.arrays["x"], [0.5, 1.5])
    np.testing.assert_array_equal(batches.arrays["batch"], [[0, 0], [1, 0], [0, -1]])
    assert run(lab, "1").pictures == ()


def test_curves_and_columns_of_different_lengths_are_refused(lab: Lab) -> None:
    run(lab, "from engine.pictures import plot, table")
    assert "expected the shape of x, (2,), got (3,)" in failed(run(lab, "plot([0, 1], {'a': [1, 2, 3]})"))
    assert "expected columns of one length" in failed(run(lab, "table({'a': [1], 'b': [1, 2]})"))
