"""Many epochs in one native call are the same, bit for bit, as one after the other."""

from __future__ import annotations

import dataclasses
import sys
import threading
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from engine import ops

sys.path.insert(0, str(Path(__file__).parent))
from oracle import Case

CASES = {
    "small": Case(),
    "by layers": Case(widths=(4, 90, 70, 3), activations=("tanh", "gelu", "identity"), batch_size=5),
    "a regression": Case(widths=(4, 8, 2), activations=("tanh", "identity"), loss="mse"),
}
SHUFFLED = ops.Batches(2, shuffle=True)
BEYOND = dataclasses.replace(
    CASES["a regression"], activations=("identity", "identity"), optimizer="sgd", lr=0.37
)

Scores = list[list[float]]


def run_of(case: Case, dtype: str = "float32", tested: bool = True, **changes: object) -> ops.Run:
    """A run whose first epoch has begun."""
    x, y = dataclasses.replace(case, rows=150, seed=2).data()
    tests = {"test_features": x, "test_targets": y} if tested else {}
    run = case.native(dtype, **({"batches": SHUFFLED} | tests | changes))
    run.begin_epoch()
    return run


def one_by_one(run: ops.Run, count: int) -> Scores:
    """What `advance_epochs` is to give."""
    scores: Scores = []
    for epoch in range(count):
        if epoch:
            run.begin_epoch()
        steps = run.steps_left
        assert run.advance(steps) == (steps, 0.0)
        scores.append([steps, *run.score(), *run.test()])
    return scores


def bits(run: ops.Run) -> tuple[object, ...]:
    arrays, numbers = run.state()
    return (*(array.tobytes() for array in arrays.values()), *numbers.values(), run.steps_left, run.score())


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("tested", [True, False])
@pytest.mark.parametrize("name", CASES)
def test_epochs_in_one_call_are_those_of_many(name: str, tested: bool, dtype: str) -> None:
    run, other = (run_of(CASES[name], dtype, tested) for _ in range(2))
    for count in (1, 2, 40):
        scores, steps, bad, seconds = run.advance_epochs(count)
        assert scores.tolist() == one_by_one(other, count)
        assert bits(run) == bits(other)
        assert (steps, bad) == (0, 0.0)
        assert seconds > 0.0
        run.begin_epoch()
        other.begin_epoch()


def test_the_test_figures_are_those_of_evaluating_the_rows() -> None:
    run = run_of(CASES["small"])
    run.advance_epochs(3)
    x, y = dataclasses.replace(CASES["small"], rows=150, seed=2).data()
    assert run.test() == run.evaluate(x, y)[:2]


def test_the_epoch_under_way_is_ended_from_where_it_is_with_its_own_batches() -> None:
    run, other = (run_of(CASES["small"]) for _ in range(2))
    for each in (run, other):
        each.advance(3)
        each.set_batches(ops.Batches(5, shuffle=True, drop_last=True))
    scores = run.advance_epochs(3)[0]
    assert scores.tolist() == one_by_one(other, 3)
    assert scores[:, 0].tolist() == [11 - 3, 4, 4]
    assert bits(run) == bits(other)


def test_a_loss_that_is_no_number_ends_them_at_its_step() -> None:
    run, other = (run_of(BEYOND, tested=False) for _ in range(2))
    scores, steps, bad, _ = run.advance_epochs(50)
    assert 0 < len(scores) < 50
    assert not np.isfinite(bad)
    assert scores.tolist() == one_by_one(other, len(scores))
    other.begin_epoch()
    taken, loss = other.advance(other.steps_left)
    assert (taken, str(loss)) == (steps, str(bad))
    assert bits(run) == bits(other)


def test_they_end_with_the_epoch_whose_test_is_no_number() -> None:
    x, y = BEYOND.data()
    run = run_of(BEYOND, test_features=np.full_like(x, 1e30), test_targets=np.full_like(y, 1e30))
    scores, steps, bad, _ = run.advance_epochs(50)
    assert (len(scores), steps, bad) == (1, 0, 0.0)
    assert not np.isfinite(scores[0, 3])


def test_an_interruption_ends_them_between_two_epochs_and_they_can_go_on() -> None:
    run, other = (run_of(CASES["small"]) for _ in range(2))
    found: list[np.ndarray[Any, Any]] = []
    thread = threading.Thread(target=lambda: found.append(run.advance_epochs(10_000_000)[0]))
    thread.start()
    run.interrupt()
    thread.join()
    ended = len(found[0])
    assert ended < 10_000_000
    if ended:
        one_by_one(other, ended)
        other.begin_epoch()
    run.advance_epochs(5)
    one_by_one(other, 5)
    assert bits(run) == bits(other)


def test_what_cannot_be_is_refused() -> None:
    run = run_of(CASES["small"])
    with pytest.raises(ValueError, match="expected at least 1 epoch, got 0"):
        run.advance_epochs(0)
    run.advance(run.steps_left)
    with pytest.raises(ValueError, match="expected an epoch under way: begin one"):
        run.advance_epochs(1)
    with pytest.raises(ValueError, match=r"test: expected features of shape \(rows, 4\)"):
        run_of(CASES["small"], test_features=np.zeros((2, 5)), test_targets=np.zeros(2))
    with pytest.raises(ValueError, match="test_features and test_targets: expected both or neither, got one"):
        run_of(CASES["small"], tested=False, test_features=np.zeros((2, 4)))
