"""`nnplay run NAME --compare` and `nnplay list`, through real processes."""

from __future__ import annotations

import json

import pytest
from test_cli import nnplay


def test_the_variants_are_put_side_by_side_with_what_each_change_was_worth(credit: str) -> None:
    done = nnplay("run", "credit-mlp", "--compare", "--json")
    assert (done.returncode, done.stderr) == (0, "")
    result = json.loads(done.stdout)
    means = [sum(variant["figures"]) / 3 for variant in result["variants"]]
    assert [variant["name"] for variant in result["variants"]] == ["published", "fresh", "corrected"]
    assert [step["change"] for step in result["steps"]] == [
        "hidden=32 start=drawn",
        "standardize=feature",
        "activation=relu",
        "output=logits",
        "epoch_loss=mean",
    ]
    worth = sum(step["worth"] for step in result["steps"])
    assert worth == pytest.approx(means[-1] - means[0])
    for before, after in zip(result["steps"], result["steps"][1:], strict=False):
        assert before["after"] == after["before"]
        assert before["train_loss"][1] == after["train_loss"][0]
    half, whole = result["steps"][-1][
        "train_loss"
    ]  # sums over batches of two, divided by rows: half the loss
    assert whole == pytest.approx(2 * half)
    if credit == "real":
        assert result["variants"][0]["figures"] == pytest.approx([0.50, 0.50, 0.52])
        assert result["variants"][2]["figures"] == pytest.approx([0.94, 0.92, 0.96])


def test_a_comparison_takes_values_and_is_a_table() -> None:
    done = nnplay("run", "iris-mlp", "--compare", "epochs=2")
    assert nnplay("run", "iris-mlp", "epochs=2", "--compare").stdout == done.stdout
    assert (done.returncode, done.stderr) == (0, "")
    for words in ("@published", "@corrected", "test accuracy, seed 1", "output=logits", "worth"):
        assert words in done.stdout


def test_a_comparison_refuses_what_a_run_would_refuse() -> None:
    done = nnplay("run", "iris-mlp", "batch_size=500", "--compare")
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (2, "", 1)


def test_list_shows_every_section_of_the_lecture_in_its_order() -> None:
    lines = nnplay("list").stdout.splitlines()
    sections = [line.split()[0] for line in lines if line[:1].isdigit()]
    assert sections == ["1.1", "1.2", "1.3.1", "1.3.2", "1.4", "1.5", "1.6.1", "1.6.3", "1.7"]
    assert all(len(line) <= 96 for line in lines if not line.startswith("data"))


def test_list_of_one_tells_all_of_it() -> None:
    done = nnplay("list", "credit-mlp")
    assert "hidden=32" in done.stdout
    assert "learning rate" in done.stdout
    assert all(len(line) <= 98 for line in done.stdout.splitlines())
    wrong = nnplay("list", "credit-mpl")
    assert (wrong.returncode, wrong.stdout) == (2, "")
    assert "did you mean credit-mlp?" in wrong.stderr
