"""What the present values would give, tried on many seeds."""

from __future__ import annotations

import dataclasses
import re

import numpy as np
import pytest

from engine import experiments, moments, population, starts
from engine.datasets import prepare
from engine.errors import RequestError
from engine.questions import preview
from tui.preview import Preview

IRIS = experiments.find("iris-mlp", ["epochs=20", "seed=7"])


def test_the_band_holds_the_middle_of_the_seeds() -> None:
    answer = preview.answer(IRIS.to_json())
    seeds = range(7, 7 + answer.values["seeds"])
    result = population.train(IRIS, prepare(IRIS), seeds)
    assert answer.arrays["epoch"].tolist() == list(range(1, 21))
    assert result.train_accuracy is not None
    assert result.test_accuracy is not None
    for name, curves in (("loss", result.train_loss), ("accuracy", result.train_accuracy)):
        np.testing.assert_array_equal(answer.arrays[name], np.percentile(curves, (10, 50, 90), axis=0))
    assert answer.values["test_accuracy"] == pytest.approx(
        [result.test_accuracy.mean(), result.test_accuracy.std()]
    )


def test_of_a_regression_r2_is_told_on_the_test_rows() -> None:
    spec = experiments.find("mlp", ["data=diabetes", "epochs=20"])
    answer = preview.answer(spec.to_json())
    data = prepare(spec)
    result = population.train(spec, data, range(1, 1 + answer.values["seeds"]))
    assert result.test_loss is not None
    r2 = 1 - result.test_loss / data.test_y.var()
    assert answer.values["test_r2"] == pytest.approx([r2.mean(), r2.std()])
    assert answer.values["test_accuracy"] is None


def test_first_weights_that_are_trained_before_take_no_epochs_from_it() -> None:
    starts._weights_after.cache_clear()
    spec = experiments.find("iris-mlp", ["start=iris-mlp", "epochs=20", "backend=eager"])
    assert preview.answer(spec.to_json()).values["epochs"] == 20


def test_beside_the_last_batches_losses_a_mean_is_called_one() -> None:
    spec = experiments.find("linreg-manual", ["epochs=20"])
    shown = Preview(spec, preview.answer(spec.to_json()))
    assert [series.name for name in ("loss", "r2") for series in shown.series(name)] == ["mean", "train"]


def test_the_result_is_told_first_and_stays_where_there_is_no_room() -> None:
    words = Preview(IRIS, preview.answer(IRIS.to_json())).words
    result, loss, seeds, time = words.split(" · ")
    assert re.fullmatch(r"test accuracy 0\.\d{3}±0\.\d{3}", result)
    assert re.fullmatch(r"loss \d\.\d{3}±0\.\d{3}", loss)
    assert (seeds.split()[1], time.split()[1]) == ("seeds", "ms")


@pytest.mark.parametrize(("experiment", "figure"), [("iris-mlp", "accuracy"), ("linreg-nn", "R²")])
def test_without_test_rows_the_train_rows_tell(experiment: str, figure: str) -> None:
    spec = experiments.find(experiment, ["split=none"])
    answer = preview.answer(spec.to_json())
    mean, deviation = answer.values["train_accuracy" if figure == "accuracy" else "train_r2"]
    assert answer.values["test_loss"] is None
    assert Preview(spec, answer).words.startswith(f"train {figure} {mean:.3f}±{deviation:.3f} · loss ")
    assert mean == pytest.approx(answer.arrays["accuracy" if figure == "accuracy" else "r2"][1, -1], abs=0.1)


def test_what_takes_too_long_is_trained_for_fewer_epochs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(preview, "BUDGET", 0.0)
    answer = preview.answer(IRIS.to_json())
    assert (answer.values["epochs"], answer.values["seeds"]) == (1, preview.LANES)
    assert answer.arrays["loss"].shape == (3, 1)


def test_a_network_that_is_too_large_is_refused_at_once() -> None:
    with pytest.raises(RequestError, match="too long to try"):
        preview.answer(dataclasses.replace(IRIS, hidden=(4096, 4096)).to_json())


def test_networks_that_run_away_leave_a_gap() -> None:
    wild = {"optimizer": "sgd", "lr": "1e6", "weight_decay": "1e6", "output": "logits", "activation": "relu"}
    spec = IRIS.replace_text(wild)
    answer = preview.answer(spec.to_json())
    assert np.isnan(answer.arrays["loss"][:, -1]).all()
    assert answer.values["test_loss"] is None
    assert answer.values["train_loss"] is None


def test_the_rows_are_kept_from_key_to_key_but_no_more_than_a_few_tables() -> None:
    preview.answer(IRIS.to_json())
    kept = moments.prepared(IRIS)
    preview.answer(IRIS.replace_text({"lr": "0.1", "hidden": "4"}).to_json())
    assert moments.prepared(IRIS) is kept
    for way in ("feature", "none"):
        preview.answer(IRIS.replace_text({"standardize": way}).to_json())
    assert len(moments._prepared) == moments.KEPT_DATA
    assert moments.prepared(IRIS) is not kept
