"""Every source of data is a table that an experiment can be trained on, or says what fits."""

from __future__ import annotations

import hashlib
import re
import subprocess
from pathlib import Path

import numpy as np
import pytest
from credit_data import REAL, Serving, made

from engine import datasets, experiments, registry
from engine.datasets import credit as credit_source
from engine.errors import RequestError
from engine.spec import DRAWN, KEYS

SHAPES = {
    "iris": (150, 4, 3),
    "wine": (178, 13, 3),
    "breast-cancer": (569, 30, 2),
    "digits": (1797, 64, 10),
    "diabetes": (442, 10, 0),
    "line": (10, 1, 0),
    "credit": (150, 4, 3),
} | dict.fromkeys(DRAWN, (300, 2, 2))


@pytest.mark.usefixtures("credit")
@pytest.mark.parametrize("name", registry.names("datasets"))
def test_a_data_set_has_the_shape_it_is_known_for(name: str) -> None:
    table = datasets.load(experiments.find("mlp", [f"data={name}"]))
    rows, columns, classes = SHAPES[name]
    assert table.features.shape == (rows, columns) == (len(table.targets), len(table.feature_names))
    assert len(table.class_names) == classes
    assert np.isfinite(table.features).all()
    if classes:
        assert sorted(set(table.targets.tolist())) == list(range(classes))


@pytest.mark.parametrize("name", DRAWN)
def test_drawn_data_have_the_size_and_the_noise_asked_for_and_are_the_same_each_time(name: str) -> None:
    still = datasets.load(experiments.find("mlp", [f"data={name}", "noise=0", "samples=1000"]))
    moved = datasets.load(experiments.find("mlp", [f"data={name}", "noise=0.3", "samples=1000", "seed=9"]))
    assert len(still.targets) == 1000
    assert np.array_equal(still.targets, moved.targets)
    assert np.std(moved.features - still.features) == pytest.approx(0.3, rel=0.05)
    assert np.bincount(still.targets).min() > 400


def test_every_name_of_drawn_data_is_a_data_set() -> None:
    assert set(DRAWN) <= set(registry.names("datasets"))


@pytest.mark.parametrize(
    ("request_", "says"),
    [
        (
            ["iris-mlp", "data=diabetes"],
            "data=diabetes has numbers to predict: expected loss=mse",
        ),
        (["linreg-nn", "data=wine"], "data=wine has classes: expected loss=cross_entropy output=logits"),
        (["mlp", "data=wine", "loss=mse", "output=linear"], "it fits mlp, iris-mlp or credit-mlp"),
    ],
)
def test_data_that_do_not_fit_an_experiment_are_refused_with_what_fits(
    request_: list[str], says: str
) -> None:
    with pytest.raises(RequestError, match=says):
        datasets.prepare(experiments.find(request_[0], request_[1:]))


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["noise=0.2"], "noise belongs to data=circles, .*, got data=iris"),
        (["target=species"], "target belongs to data=csv:PATH, got data=iris"),
        (["scale_target=yes"], "scale_target belongs to loss=mse, got loss=cross_entropy"),
    ],
)
def test_a_key_that_means_nothing_for_the_data_is_refused(words: list[str], says: str) -> None:
    with pytest.raises(RequestError, match=says):
        experiments.find("iris-mlp", words)


def test_a_key_goes_back_to_its_default_with_the_data_it_belongs_to() -> None:
    noisy = experiments.find("iris-mlp", ["data=xor", "noise=0.4"])
    assert KEYS["noise"].applies(noisy)
    plain = noisy.replace_text({"data": "wine"})
    assert not KEYS["noise"].applies(plain)
    assert plain == experiments.find("iris-mlp", ["data=wine"])


def test_a_target_is_scaled_and_told_in_its_own_units() -> None:
    data = datasets.prepare(experiments.find("mlp", ["data=diabetes"]))
    assert (data.train_y.mean(), data.train_y.std()) == (pytest.approx(0, abs=1e-12), pytest.approx(1))
    table = datasets.load(experiments.find("mlp", ["data=diabetes"]))
    assert data.raw_target(data.test_y) == pytest.approx(table.targets[data.test_rows])
    assert data.raw(data.test_x) == pytest.approx(table.features[data.test_rows])


def test_the_credit_data_are_downloaded_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = Path(REAL) if REAL else made(tmp_path / "made-credit.csv")
    if not REAL:  # a made table has another digest than the lecture's
        monkeypatch.setattr(credit_source, "SHA256", hashlib.sha256(path.read_bytes()).hexdigest())
    server = Serving(path.parent)
    monkeypatch.delenv("NNPLAY_DATA", raising=False)
    with server as url:
        monkeypatch.setenv("NNPLAY_CREDIT_URL", f"{url}/{path.name}")
        first, again = (datasets.load(experiments.find("credit-mlp")) for _ in range(2))
    assert server.asked == 1
    assert np.array_equal(first.features, again.features)
    assert np.bincount(first.targets).tolist() == [43, 76, 31]
    if REAL:
        assert first.features.mean(axis=0) == pytest.approx([36.4, 202158, 93333, 51.5], rel=1e-3)
        assert first.notes[-1] in experiments.get("credit-mlp").about


@pytest.mark.usefixtures("credit")
def test_nobody_says_what_the_credit_datas_columns_mean_but_how_far_they_reach() -> None:
    table = datasets.load(experiments.find("credit-mlp"))
    assert table.feature_names == ["x1", "x2", "x3", "x4"]
    assert "not known" in table.notes[0]
    told = [
        float(number) for number in re.findall(r"(?:from|to) ([\d,.-]+\d)", table.notes[1].replace(",", ""))
    ]
    ends = np.stack([table.features.min(axis=0), table.features.max(axis=0)], axis=1)
    assert told == pytest.approx(ends.ravel().tolist(), rel=5e-3)
    for name in ("credit-mlp", "credit-sequential"):
        experiment = experiments.get(name)
        texts = [experiment.about, *(variant.about for variant in experiment.variants.values())]
        assert "no header" in texts[0]
        assert not any(word in text for text in texts for word in ("ages", "income", "client"))


def test_a_download_of_other_data_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NNPLAY_DATA", raising=False)
    made(tmp_path / "other.csv")
    with Serving(tmp_path) as url:
        monkeypatch.setenv("NNPLAY_CREDIT_URL", f"{url}/other.csv")
        with pytest.raises(RequestError, match=r"something else .* set NNPLAY_DATA to the path of a copy"):
            datasets.load(experiments.find("credit-mlp"))
        monkeypatch.setenv("NNPLAY_CREDIT_URL", f"{url}/nothing.csv")
        with pytest.raises(RequestError, match=r"127\.0\.0\.1:\d+ answers 404"):
            datasets.load(experiments.find("credit-mlp"))


def test_without_network_the_message_says_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NNPLAY_DATA", raising=False)
    monkeypatch.setenv("NNPLAY_CREDIT_URL", "http://127.0.0.1:9/CreditData.csv")
    with pytest.raises(RequestError) as refusal:
        datasets.load(experiments.find("credit-mlp"))
    assert str(refusal.value) == (
        "the credit data could not be downloaded: 127.0.0.1:9 cannot be reached; "
        "set NNPLAY_DATA to the path of a copy of CreditData.csv"
    )


@pytest.mark.parametrize("named", ["nowhere", "."])
def test_a_local_copy_that_is_not_there_is_named(
    named: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NNPLAY_DATA", str(tmp_path / named))
    with pytest.raises(RequestError, match=r"NNPLAY_DATA=.* there is none"):
        datasets.load(experiments.find("credit-mlp"))


def test_a_local_copy_that_is_another_table_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "CreditData.csv").write_text("a,b\n1,2\n")
    monkeypatch.setenv("NNPLAY_DATA", str(tmp_path))
    with pytest.raises(RequestError, match="expected the credit data"):
        datasets.load(experiments.find("credit-mlp"))


def test_the_credit_data_come_from_where_the_lecture_has_them() -> None:
    assert credit_source.URL.startswith("https://github.com/agarwalankush/ECON5130/")
    assert len(credit_source.SHA256) == 64


def test_the_repository_does_not_carry_the_credit_data() -> None:
    root = Path(__file__).parents[2]
    tracked = subprocess.run(["git", "ls-files"], cwd=root, capture_output=True, text=True).stdout
    assert "CreditData" not in tracked
