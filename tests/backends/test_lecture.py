"""The lecture's numbers, on every backend that trains as the lecture does."""

from __future__ import annotations

import pytest

from engine import experiments
from engine.control import Inbox
from engine.events import Ended, EpochEnded
from engine.trainer import Trainer

# Mean loss and accuracy of the train rows after these epochs, as the lecture's own code prints them today.
EPOCHS = (1, 2, 10, 50, 100)
LOSS = {
    1: (1.106467, 1.099189, 1.013297, 0.720085, 0.640190),
    7: (1.111924, 1.101464, 1.022132, 0.730930, 0.639081),
}
ACCURACY = {1: (0.31, 0.31, 0.69, 0.92, 0.95), 7: (0.17, 0.15, 0.69, 0.90, 0.95)}
CLOSENESS = {"eager": 5e-6, "fused": 1e-4, "native": 1e-4}


@pytest.mark.parametrize("seed", [1, 7])
@pytest.mark.parametrize("backend", CLOSENESS)
def test_iris_gives_the_lectures_numbers(backend: str, seed: int) -> None:
    spec = experiments.find("iris-mlp", [f"seed={seed}", f"backend={backend}"])
    events = list(Trainer(spec, Inbox()).events())
    epochs = {event.epoch: event for event in events if isinstance(event, EpochEnded)}
    assert [epochs[e].train_loss for e in EPOCHS] == pytest.approx(LOSS[seed], abs=CLOSENESS[backend], rel=0)
    assert [epochs[e].train_accuracy for e in EPOCHS] == pytest.approx(ACCURACY[seed])
    ended = events[-1]
    assert isinstance(ended, Ended)
    assert ended.report is not None
    assert ended.report.test_accuracy == pytest.approx(0.98)
    assert ended.report.train_accuracy == pytest.approx(0.95)
    assert ended.report.confusion == [[17, 0, 0], [0, 18, 1], [0, 0, 14]]
    assert ended.report.support == [17, 19, 14]
    assert ended.report.precision == pytest.approx([1, 1, 14 / 15])
    assert ended.report.recall == pytest.approx([1, 18 / 19, 1])
    assert ended.report.f1 == pytest.approx([1, 36 / 37, 28 / 29])


def test_the_first_weights_are_the_lectures() -> None:
    import torch

    from engine.backends import eager
    from engine.datasets import prepare

    spec = experiments.find("iris-mlp")
    data = prepare(spec)
    weight = eager.start(spec, data).model[0].weight
    torch.testing.assert_close(
        weight[0].detach(), torch.tensor([0.2576316, -0.22068912, -0.09693074, 0.23468447]), rtol=0, atol=1e-8
    )
    assert (float(data.mean), float(data.std)) == pytest.approx((3.454, 1.9620356775553291))
    assert [int((data.train_y == c).sum()) for c in range(3)] == [33, 31, 36]
