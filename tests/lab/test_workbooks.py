"""The workbooks against the lecture's numbers, as torch gives them today."""

from __future__ import annotations

import functools

import numpy as np
import pytest

from engine import experiments
from engine.lab import Lab
from engine.launcher import Zygote
from engine.workbook import Workbook, cells
from tui.cell_result import CellResult

Results = dict[str, list[CellResult]]
WORKBOOKS = [entry.name for entry in experiments.in_order() if isinstance(entry, Workbook)]


@pytest.fixture(scope="module")
def results(zygote: Zygote) -> Results:
    """What all cells of all workbooks came to."""
    return {name: run_all(zygote, name) for name in WORKBOOKS}


@functools.cache
def run_all(zygote: Zygote, name: str) -> list[CellResult]:
    lab = Lab(lambda: zygote)
    workbook = experiments.workbook(name)
    assert workbook
    done = [
        CellResult.of(lab.ask("cell", code=cell.code, cell=str(number)))
        for number, cell in enumerate(workbook.cells, 1)
    ]
    lab.close()
    return done


def tensor(results: list[CellResult], name: str, cell: int) -> np.ndarray:
    return next(t.values for t in results[cell - 1].tensors if t.name == name)


def test_the_workbooks_stand_in_the_lectures_order() -> None:
    assert WORKBOOKS == ["tensors", "pipelines", "activations", "softmax"]


@pytest.mark.parametrize("name", WORKBOOKS)
def test_every_cell_runs_and_says_what_it_is_about(name: str, results: Results) -> None:
    workbook = experiments.workbook(name)
    assert workbook
    assert len(results[name]) == len(workbook.cells)
    assert [result.error for result in results[name]] == [None] * len(workbook.cells)
    assert all(cell.text.endswith((".", ".”")) and cell.code for cell in workbook.cells)


PRINTED = {
    1: "tensor([1, 2, 3])\ntensor([4, 5, 6], dtype=torch.int32)\n",
    2: "tensor([[1., 1., 1.],\n        [1., 1., 1.]])\n",
    4: "torch.int64\n",
    5: "torch.Size([3, 5])  -->  torch.Size([5, 3])\n",
    6: "torch.Size([5, 6])\n",
    7: "torch.Size([1, 2, 1, 4, 1])  -->  torch.Size([1, 2, 4, 1])\n",
    9: """tensor([[ 0.4426, -0.3114],
        [ 0.0660, -0.5970],
        [ 1.1249,  0.0150],
        [ 0.1569,  0.7107],
        [-0.0451, -0.0352]])
""",
    10: "tensor([-0.1373,  0.2028])\n",
    11: """tensor([[ 0.1312,  0.3860, -0.6267, -1.0096, -0.2943],
        [ 0.1647, -0.5310,  0.2434,  0.8035,  0.1980],
        [-0.3855, -0.4422,  1.1399,  1.5558,  0.4781],
        [ 0.1822, -0.5771,  0.2585,  0.8676,  0.2132],
        [ 0.0330,  0.1084, -0.1692, -0.2771, -0.0804]])
""",
    12: "tensor([[ 1.7453,  0.3392],\n        [-1.6038, -0.2180]])\n",
    13: "tensor([0.6785, 0.5078, 1.1162, 0.5488, 0.1853])\n",
    15: "tensor([0.7576, 0.2793, 0.4031, 0.7347, 0.0293, 0.7999])\n",
    16: "tensor([0.7576, 0.2793, 0.4031, 0.7347, 0.0293])\n",
    17: "tensor([1., 1., 1., 0., 0.])\n",
    18: "tensor([[1., 0.],\n        [1., 0.],\n        [1., 0.]])\n",
}


@pytest.mark.parametrize("cell", PRINTED)
def test_section_1_1_prints_what_the_lecture_prints(cell: int, results: Results) -> None:
    assert results["tensors"][cell - 1].printed == PRINTED[cell]


def test_section_1_1_shows_what_the_lecture_shows_without_printing(
    results: Results,
) -> None:
    shown = {2: "torch.Size([2, 3])", 14: "array([0.678, 0.508, 1.116, 0.549, 0.185], dtype=float32)"}
    for cell, text in shown.items():
        assert results["tensors"][cell - 1].result == text
    assert results["tensors"][14].result == (
        "[array([0.758, 0.279], dtype=float32), array([0.403, 0.735], dtype=float32), "
        "array([0.029, 0.8  ], dtype=float32)]"
    )
    np.testing.assert_allclose(
        tensor(results["tensors"], "t_splits[0]", 16), [0.7576, 0.2793, 0.4031], atol=5e-5
    )


def test_a_transposed_tensor_differs_from_its_own_by_its_strides(
    results: Results,
) -> None:
    t, t_tr = results["tensors"][4].tensors
    assert (t.stride, t_tr.stride) == ((5, 1), (1, 5))
    np.testing.assert_array_equal(t_tr.values, t.values.T)


def test_section_1_2_prints_its_batches(results: Results) -> None:
    printed = [result.printed for result in results["pipelines"]]
    assert printed[0] == "".join(f"tensor([{n}.])\n" for n in range(6))
    assert printed[1] == "batch 1: tensor([0., 1., 2.])\nbatch 2: tensor([3., 4., 5.])\n"
    examples = [
        "0.7576, 0.2793, 0.4031",
        "0.7347, 0.0293, 0.7999",
        "0.3971, 0.7544, 0.5695",
        "0.4388, 0.6387, 0.5247",
    ]
    expected = "".join(f"x: tensor([{x}]) y: tensor({n})\n" for n, x in enumerate(examples))
    assert printed[4] == printed[5] == expected


def test_section_1_2_shuffles_as_torch_does_today(results: Results) -> None:
    order = [
        line.split("y: ")[1]
        for r in results["pipelines"][6:8]
        for line in r.printed.splitlines()
        if "y:" in line
    ]
    batches = [[2, 0], [1, 3], [0, 2], [1, 3], [3, 2], [0, 1]]
    assert order == [f"tensor({batch})" for batch in batches]
    joint, ready_made = results["pipelines"][8].pictures
    assert (joint.title, ready_made.title) == ("JointDataset", "TensorDataset")
    first_epochs = [[0, 0, 1], [1, 1, 1], [0, 0, 0], [1, 1, 0]]  # of each example, the batch it came in
    for picture in (joint, ready_made):
        assert picture.arrays["batch"][:, :3].tolist() == first_epochs


@pytest.mark.parametrize(("size", "shuffle", "drop"), [(3, True, True), (4, False, False), (2, False, True)])
@pytest.mark.parametrize("cell", [3, 9])
def test_the_picture_of_batches_follows_the_values_in_its_cell(
    zygote: Zygote, cell: int, size: int, shuffle: bool, drop: bool
) -> None:
    lab = Lab(lambda: zygote)
    workbook = experiments.workbook("pipelines")
    assert workbook
    for earlier in workbook.cells[: cell - 1]:
        lab.ask("cell", code=earlier.code)
    code = workbook.cells[cell - 1].code
    for before, after in {
        f"batch_size = {3 if cell == 3 else 2}": f"batch_size = {size}",
        "shuffle = True": f"shuffle = {shuffle}",
        "drop_last = False": f"drop_last = {drop}",
    }.items():
        assert before in code
        code = code.replace(before, after)
    for picture in CellResult.of(lab.ask("cell", code=code)).pictures:
        rows = 10 if cell == 3 else 4
        whole, rest = divmod(rows, size)
        for epoch in picture.arrays["batch"].T.tolist():
            counts = [epoch.count(batch) for batch in range(whole + 1)]
            assert counts == [size] * whole + [0 if drop else rest]
            assert epoch.count(-1) == (rest if drop else 0)
            if not shuffle:
                assert [batch for batch in epoch if batch >= 0] == sorted(
                    batch for batch in epoch if batch >= 0
                )
    lab.close()


def test_section_1_6_draws_each_function_of_the_table_with_its_derivative(
    results: Results,
) -> None:
    plots = [picture for result in results["activations"] for picture in result.pictures]
    z = np.arange(-5, 5, 0.005)
    logistic = 1 / (1 + np.exp(-z))
    table = {
        "linear": (z, np.ones_like(z)),
        "unit step": (np.heaviside(z, 0.5), np.zeros_like(z)),
        "sign": (np.sign(z), np.zeros_like(z)),
        "piece-wise linear": (np.clip(z + 0.5, 0, 1), (np.abs(z) <= 0.5).astype(float)),
        "logistic": (logistic, logistic * (1 - logistic)),
        "tanh": (np.tanh(z), 1 - np.tanh(z) ** 2),
        "ReLU": (np.maximum(z, 0), (z > 0).astype(float)),
    }
    assert [plot.title for plot in plots] == ["logistic and tanh", *table]
    np.testing.assert_allclose(plots[0].arrays["logistic"], logistic, rtol=1e-12)
    np.testing.assert_allclose(plots[0].arrays["tanh"], np.tanh(z), rtol=1e-9, atol=1e-12)
    for plot in plots[1:]:
        value, slope = table[plot.title]
        np.testing.assert_allclose(plot.arrays[plot.title], value, rtol=1e-9, atol=1e-12)
        smooth = np.abs(np.abs(z) - 0.5) > 1e-9
        np.testing.assert_allclose(plot.arrays["derivative"][smooth], slope[smooth], rtol=1e-9, atol=1e-12)
    assert float(results["activations"][1].printed.split()[-1]) < 1e-12


def test_section_1_6_shows_torchs_own_functions(results: Results) -> None:
    sigmoid, tanh, relu = (results["activations"][cell - 1].result for cell in (3, 4, 5))
    assert (
        sigmoid
        == "tensor([0.0067, 0.0067, 0.0068,  ..., 0.9932, 0.9932, 0.9933],\n       dtype=torch.float64)"
    )
    assert tanh.startswith("tensor([-0.9999, -0.9999, ")
    assert relu.startswith("tensor([0.0000, 0.0000, 0.0000,  ..., 4.9850, 4.9900, 4.9950]")


def test_section_1_6_3_turns_net_inputs_into_probabilities(results: Results) -> None:
    (table,) = results["softmax"][1].pictures
    np.testing.assert_allclose(table.arrays["net input"], [1.78, 0.76, 1.65], rtol=1e-12)
    np.testing.assert_allclose(table.arrays["logistic"], [0.85569687, 0.68135373, 0.83889105], rtol=1e-7)
    np.testing.assert_allclose(table.arrays["softmax"], [0.44668973, 0.16107406, 0.39223621], rtol=1e-7)
    assert table.arrays["argmax"].tolist() == [True, False, False]
    printed = [result.printed for result in results["softmax"]]
    assert printed[2] == "Net Input: \n [1.78 0.76 1.65]\nOutput Units:\n [0.856 0.681 0.839]\n"
    assert printed[3] == "Predicted class label: 0\n"
    assert printed[4] == "Probabilities:\n [0.447 0.161 0.392]\n"
    assert results["softmax"][5].result == "tensor([0.4467, 0.1611, 0.3922], dtype=torch.float64)"


def test_cells_are_read_from_text_in_the_percent_form() -> None:
    first, second = cells("\n# %%\n# One,\n# two.\nx = 1\n\n# no sentence\ny = 2\n\n# %%\n# Three.\nz\n")
    assert (first.text, first.code) == ("One, two.", "x = 1\n\n# no sentence\ny = 2")
    assert (second.text, second.code) == ("Three.", "z")
