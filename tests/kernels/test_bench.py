"""What the benchmark of the ops says of its own figures."""

import json

import pytest
import torch

from engine.bench import ops
from engine.errors import RequestError


def row(ours, eager, eager_again):
    return ops.Row("2×4→16", "relu", "float32", False, ours, eager, eager_again, compiled=None, flops=256)


def test_a_row_is_slower_than_eager_only_beyond_the_noise_of_the_row_and_of_the_run():
    assert row(ours=1.04, eager=1.0, eager_again=1.01).slower(0.02)
    assert not row(ours=1.04, eager=1.0, eager_again=1.05).slower(0.02)
    assert not row(ours=1.04, eager=1.0, eager_again=1.01).slower(0.05)
    assert not row(ours=0.9, eager=1.0, eager_again=1.0).slower(0.0)


def test_a_layer_is_named_as_in_the_table_or_with_an_x():
    assert ops._layer("2×4→16") == ops._layer("2x4x16") == (2, 4, 16)
    with pytest.raises(RequestError, match="did you mean 2x16x3"):
        ops._layer("2x16x4")


def test_it_times_what_it_was_asked_for(capsys):
    before = torch.get_num_threads()
    words = "--json --threads 1 --layers 2x4x16 --activations relu --dtypes float32 --compiled"
    assert ops.main(words.split()) == 0
    torch.set_num_threads(before)
    found = json.loads(capsys.readouterr().out)
    assert [(r["net"], r["dtype"], r["backward"]) for r in found["rows"]] == [
        ("4-16-3", "float32", False),
        ("4-16-3", "float32", True),
        ("2×4→16", "float32", False),
        ("2×4→16", "float32", True),
    ]
    assert found["threads"] == 1
    assert all(r["ours"] > 0 and r["times"] == r["eager"] / r["ours"] for r in found["rows"])
    assert found["slower"] == sum(r["slower"] for r in found["rows"])
