"""What the lab tells of a spec's rows, and of a file that may become a table."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from tables_cases import BAD, GOOD, write

from engine import datasets, experiments
from engine.errors import RequestError
from engine.lab import Lab


@pytest.mark.parametrize("words", [["iris-mlp"], ["linreg-nn"], ["mlp", "data=diabetes"]])
def test_the_rows_of_a_spec_are_those_that_a_run_trains_on(lab: Lab, words: list[str]) -> None:
    spec = experiments.find(words[0], words[1:])
    answer = lab.ask("data", spec=spec.to_json())
    data, table = datasets.prepare(spec), datasets.load(spec)
    assert np.array_equal(answer.arrays["train_x"], data.train_x)
    assert np.array_equal(answer.arrays["test_y"], data.test_y)
    assert answer.arrays["train_raw"] == pytest.approx(table.features[answer.arrays["train_row"]])
    assert answer.arrays["train_target"] == pytest.approx(table.targets[answer.arrays["train_row"]])
    assert answer.values["feature_names"] == table.feature_names
    assert (answer.values["train_rows"], answer.values["test_rows"]) == (len(data.train_y), len(data.test_y))


def test_of_a_large_table_the_first_rows_are_given(lab: Lab) -> None:
    spec = experiments.find("mlp", ["data=xor", "samples=1000"])
    answer = lab.ask("data", spec=spec.to_json(), rows=50)
    assert answer.arrays["train_x"].shape == (50, 2)
    assert answer.values["train_rows"] == 800


def test_a_look_into_a_file_tells_columns_rows_and_what_is_missing(lab: Lab, tmp_path: Path) -> None:
    path = write(tmp_path, GOOD.replace("3,2,b", ",2,b"))
    values = lab.ask("table", path=str(path)).values
    assert [(c["name"], c["kind"], c["missing"]) for c in values["columns"]] == [
        ("x", "number", 1),
        ("y", "number", 0),
        ("kind", "text", 0),
    ]
    assert values["rows"][2:4] == [["2", "4", "a"], [None, "2", "b"]]
    assert (values["target"], values["class_names"], values["problem"]) == ("kind", ["a", "b"], "")


@pytest.mark.parametrize("case", ["empty", "a directory", "10,000 columns", "a FIFO"])
def test_a_look_into_what_is_no_table_is_refused(lab: Lab, tmp_path: Path, case: str) -> None:
    make, says = BAD[case]
    with pytest.raises(RequestError, match=says):
        lab.ask("table", path=str(make(tmp_path)))


def test_a_table_that_cannot_be_learned_from_is_shown_with_the_reason(lab: Lab, tmp_path: Path) -> None:
    make, says = BAD["one class"]
    values = lab.ask("table", path=str(make(tmp_path))).values
    assert says in values["problem"]
    assert len(values["rows"]) == 20
