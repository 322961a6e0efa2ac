"""A run's state holds all that fixes how it goes on: another run that takes it over gives the same bits."""

from __future__ import annotations

import itertools
import sys
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
    "momentum": Case(optimizer="sgd", momentum=0.9, nesterov=True, weight_decay=0.01),
}
SHUFFLED = ops.Batches(2, shuffle=True)


def bits(run: ops.Run) -> tuple[Any, ...]:
    """All that can be seen of a run."""
    arrays, numbers = run.state()
    return (*(array.tobytes() for array in arrays.values()), *numbers.values(), run.steps_left, run.score())


def walk(run: ops.Run, steps: int) -> None:
    """Take that many steps, through as many epochs as it takes."""
    for _ in range(steps):
        if run.steps_left == 0:
            run.begin_epoch()
        run.advance(1)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
@pytest.mark.parametrize("steps", [0, 1, 11, 64, 5 * 11 + 4, 20 * 11 + 10])
def test_a_restored_run_goes_on_bit_for_bit(case: Case, dtype: str, steps: int) -> None:
    run = case.native(dtype, batches=SHUFFLED)
    walk(run, steps)
    other = case.native(dtype, batches=SHUFFLED, seed=99)
    other.restore(*run.state())
    for more in (0, 1, 13, 200):
        walk(run, more)
        walk(other, more)
        assert bits(other) == bits(run)


def test_a_state_is_the_same_however_many_orders_were_drawn_in_advance() -> None:
    run, restored = (CASES["small"].native("float32", batches=SHUFFLED) for _ in range(2))
    for epoch in range(40):
        shuffle = epoch % 5 != 3
        for each in (run, restored):
            each.set_batches(ops.Batches(2, shuffle=shuffle))
            each.begin_epoch()
            each.advance(3)
        assert bits(run) == bits(restored)
        fresh = CASES["small"].native("float32", batches=SHUFFLED)
        fresh.restore(*restored.state())
        restored = fresh


def test_an_epoch_keeps_the_batch_size_it_began_with() -> None:
    run = CASES["small"].native("float32", batches=ops.Batches(4))
    run.begin_epoch()
    run.advance(1)
    run.set_batches(ops.Batches(7))
    other = CASES["small"].native("float32", batches=ops.Batches(7))
    other.restore(*run.state())
    for each in (run, other):
        assert each.steps_left == 5
        each.advance(5)
        each.begin_epoch()
        assert each.steps_left == 3
        each.advance(3)
    assert bits(other) == bits(run)


def test_the_batches_of_an_epoch_are_its_order() -> None:
    run = Case(batch_size=4).native("float32", batches=ops.Batches(4))
    assert run.batch().tolist() == []
    run.begin_epoch()
    batches = []
    while run.steps_left:
        batches.append(run.batch().tolist())
        run.advance(1)
    assert [len(batch) for batch in batches] == [4, 4, 4, 4, 4, 1]
    assert list(itertools.chain(*batches)) == run.state()[0]["order"].tolist()
    assert run.batch().tolist() == []


def under_way() -> ops.Run:
    run = CASES["small"].native("float32", batches=SHUFFLED)
    run.begin_epoch()
    run.advance(3)
    return run


@pytest.mark.parametrize(
    ("name", "value", "reason"),
    [
        ("weights", np.zeros(130), "weights: expected 131 numbers, got 130"),
        ("first_moment", np.zeros(0), "first_moment: expected 131 numbers, got 0"),
        ("second_moment", np.zeros(131, np.float32), "second_moment: expected an array of float64"),
        ("second_moment", np.zeros((131, 1)), "second_moment: expected one dimension, got 2"),
        ("second_moment", [0.0] * 131, "second_moment: expected an array of float64, got <class 'list'>"),
        ("order", np.arange(20), "order: expected each of the 21 rows once, got 20"),
        ("order", np.arange(21) + 1, "order: expected 0 to 20, got 21"),
        ("order", np.arange(21) - 1, "order: expected 0 to 20, got -1"),
        ("order", np.arange(21) // 2, "order: expected each row once, got row 0 twice"),
        ("order", np.zeros(0, np.int64), "goal: expected 0 to 0, got 21"),
        ("generator", np.zeros(623, np.uint32), "generator: expected 624 words, got 623"),
        ("generator_next", 624, "generator_next: expected 0 to 623, got 624"),
        ("generator_next", -1, "generator_next: expected 0 to 623"),
        ("steps", -1, "steps: expected 0"),
        ("steps", 2**70, "steps: expected a whole number, got 1180591620717411303424"),
        ("place", 22, "place: expected 0 to 21, got 22"),
        ("place", 3, "place: expected whole batches of 2 rows, got 3"),
        ("goal", 22, "goal: expected 0 to 21, got 22"),
        ("batch_size", 0, "batch_size: expected 1 to 21, got 0"),
        ("batch_size", 2**62, "batch_size: expected 1 to 21"),
        ("loss_sum", "much", "loss_sum: expected a number, got 'much'"),
        ("rows_taken", 1.5, "rows_taken: expected a whole number, got 1.5"),
        ("place", None, "place: expected a whole number, got None"),
    ],
)
def test_a_damaged_state_is_refused_and_changes_nothing(name: str, value: Any, reason: str) -> None:
    run = under_way()
    before = bits(run)
    arrays, numbers = under_way().state()
    (arrays if name in arrays else numbers)[name] = value
    with pytest.raises(ValueError, match=reason):
        run.restore(arrays, numbers)
    assert bits(run) == before


def test_a_state_that_lacks_an_entry_is_refused() -> None:
    arrays, numbers = under_way().state()
    for entries in (arrays, numbers):
        for name in list(entries):
            value = entries.pop(name)
            with pytest.raises(ValueError, match=f"expected an entry '{name}', got none"):
                under_way().restore(arrays, numbers)
            entries[name] = value
