"""What the benchmark of the ops says of its own figures."""

import json

import pytest
import torch

from engine.bench import ops, timing
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


def test_a_pause_is_not_taken_for_a_slow_call(monkeypatch):
    now = 0.0
    lasts = iter([1.0, 0.05, *[0.0001] * 50])  # the first calls warm up and wait for something

    def work():
        nonlocal now
        now += next(lasts)

    monkeypatch.setattr(timing.time, "perf_counter", lambda: now)
    assert timing._repeats(work, seconds=0.004, wait=lambda: None) == 40


def test_all_candidates_work_on_the_same_tensors():
    ours, eager = ops._Case("4-16-3", 2, ((4, 16, "sigmoid"), (16, 3, "softmax"))).build()
    assert all(a is b for a, b in zip(ours.parameters(), eager.parameters(), strict=True))
    x = torch.randn(2, 4, device="cpu")  # where they are
    torch.testing.assert_close(ours(x), eager(x))


def test_the_table_fits_eighty_columns():
    large = ops.Row("1024×4096→4096", "log_softmax", "bfloat16", True, 1.15, 1.2, 1.4, 1.3, 1e11)
    small = ops.Row("2×4→16", "relu", "float32", False, 7.5e-6, 9e-6, 9e-6, None, 256)
    lines = [*ops.HEAD.split("\n"), *(ops._line(row, 1e11) for row in (large, small))]
    lines += "\n".join(ops._conclusion([large, small], ops._summary([large, small]))).split("\n")
    assert max(map(len, lines)) <= 80, lines


def test_a_dtype_that_only_a_gpu_has_is_refused_on_the_cpu(capsys):
    with pytest.raises(SystemExit) as left:
        ops.main(["--dtypes", "tf32"])
    assert left.value.code == 2
    assert "got tf32" in capsys.readouterr().err


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
