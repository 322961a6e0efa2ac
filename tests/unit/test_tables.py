"""Tables of one's own: what is found in them, and what is said of those that cannot be learned from."""

from __future__ import annotations

import csv
import io
import math
import tempfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tables_cases import BAD, GOOD, ROWS, write

from engine import datasets, experiments
from engine.datasets import Dataset
from engine.errors import RequestError


def load(path: Path, *words: str) -> Dataset:
    return datasets.load(experiments.find("mlp", [f"data=csv:{path}", *words]))


def table(tmp_path: Path, content: str | bytes, *words: str) -> Dataset:
    return load(write(tmp_path, content), *words)


@pytest.mark.parametrize("case", BAD)
def test_what_cannot_be_learned_from_is_one_clear_message(case: str, tmp_path: Path) -> None:
    make, says = BAD[case]
    spec = experiments.find("mlp", [f"data=csv:{make(tmp_path)}"])
    with pytest.raises(RequestError) as refusal:
        datasets.prepare(spec)
    assert says in str(refusal.value)
    assert "\n" not in str(refusal.value)
    assert str(refusal.value).isprintable()


@pytest.mark.parametrize("separator", [",", ";", "\t", "|"])
@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_separators_and_line_ends_are_found(separator: str, end: str, tmp_path: Path) -> None:
    found = table(tmp_path, GOOD.replace(",", separator).replace("\n", end))
    assert found.feature_names == ["x", "y"]
    assert found.class_names == ["a", "b"]
    assert found.features[:3].tolist() == [[0, 0], [1, 1], [2, 4]]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "cp1252"])
def test_encodings_are_found_and_told(encoding: str, tmp_path: Path) -> None:
    found = table(tmp_path, GOOD.replace("kind", "größe").encode(encoding))
    assert found.target_name == "größe"
    assert any("encoding" in note for note in found.notes) == (encoding in ("utf-16", "cp1252"))


def test_a_table_without_a_header_has_its_columns_called_by_their_place(tmp_path: Path) -> None:
    found = table(tmp_path, ROWS, "target=column 3")
    assert found.feature_names == ["column 1", "column 2"]
    assert len(found.targets) == 40


def test_quotes_hold_separators_and_line_ends(tmp_path: Path) -> None:
    rows = "".join(f'"{i}","a, ""b""\nc",{"xy"[i % 2]}\n' for i in range(20))
    found = table(tmp_path, 'n,"text, long",kind\n' + rows)
    assert found.feature_names == ["n", 'text, long=a, "b" c']
    assert found.class_names == ["x", "y"]


def test_a_decimal_comma_is_understood(tmp_path: Path) -> None:
    found = table(tmp_path, "x;y\n" + "".join(f"{i},5;{i},25\n" for i in range(30)))
    assert found.features[:2, 0].tolist() == [0.5, 1.5]
    assert found.class_names == []


def test_categories_become_columns_of_0_and_1(tmp_path: Path) -> None:
    rows = "".join(f"{['red', 'green', 'blue'][i % 3]},{i / 7}\n" for i in range(30))
    found = table(tmp_path, "colour,y\n" + rows)
    assert found.feature_names == ["colour=blue", "colour=green", "colour=red"]
    assert found.features.sum(axis=1).tolist() == [1.0] * 30
    assert any("one column for each of 3 categories" in note for note in found.notes)


def test_missing_values_take_the_mean_of_the_train_rows_and_are_told(tmp_path: Path) -> None:
    content = GOOD.replace("3,2,b", "NA,2,b").replace("5,4,b", ",4,")
    spec = experiments.find("mlp", [f"data=csv:{write(tmp_path, content)}", "split=none"])
    data = datasets.prepare(spec)
    assert data.notes[0] == "target kind: 1 row without a value, left out"
    assert "missing values take the mean of the train rows: x (1)" in data.notes
    assert len(data.train_y) == 39
    assert 5 not in data.train_rows
    assert data.train_x[3, 0] == pytest.approx(0)
    assert np.isfinite(data.train_x).all()


@pytest.mark.parametrize(
    ("values", "classes"),
    [
        ([0, 1] * 20, ["0", "1"]),
        ([1.0, 2.0, 3.0] * 20, ["1", "2", "3"]),
        (["yes", "no"] * 20, ["no", "yes"]),
        (["true", "false"] * 20, ["false", "true"]),
        (list(range(60)), []),
        ([0.5, 1.5] * 20, []),
    ],
)
def test_a_classification_or_a_regression_is_found_from_the_target(
    values: list[object], classes: list[str], tmp_path: Path
) -> None:
    content = "x,y\n" + "".join(f"{i % 9},{value}\n" for i, value in enumerate(values))
    found = table(tmp_path, content)
    assert found.class_names == classes
    assert ("a classification" if classes else "a regression") in " ".join(found.notes)
    assert ("loss=mse output=linear predicts" in " ".join(found.notes)) == (classes == ["1", "2", "3"])
    if values[:2] == [0, 1]:  # what was found may be overruled
        assert table(tmp_path, content, "loss=mse", "output=linear").class_names == []


def test_the_nearest_column_is_offered_for_a_target_that_does_not_exist(tmp_path: Path) -> None:
    with pytest.raises(RequestError, match="unknown target 'knid': did you mean kind"):
        table(tmp_path, GOOD, "target=knid")


def test_names_that_would_steer_a_terminal_are_shown_inert(tmp_path: Path) -> None:
    found = table(tmp_path, GOOD.replace("x,y", "[red],\x1b[31my\x07").replace("a\n", "\x1b]0;a\n"))
    assert found.feature_names == ["[red]", "\\x1b[31my\\x07"]
    assert found.class_names == ["\\x1b]0;a", "b"]


def test_a_column_that_only_later_turns_out_to_be_text_is_read_as_text(tmp_path: Path) -> None:
    rows = "".join(f"{i % 5},{i % 2}\n" for i in range(12_000))
    found = table(tmp_path, "x,y\n" + rows + "six,1\n")
    assert found.feature_names == [f"x={c}" for c in ["0", "1", "2", "3", "4", "six"]]


@pytest.mark.parametrize("name", ["linreg-nn", "linreg-manual", "mlp"])
def test_a_regression_may_be_of_any_table_of_numbers(name: str, tmp_path: Path) -> None:
    path = write(tmp_path, "x,y\n" + "".join(f"{i},{3 * i + 0.5}\n" for i in range(30)))
    data = datasets.prepare(experiments.find(name, [f"data=csv:{path}"]))
    assert (data.class_names, len(data.train_y)) == ([], 24 if name == "mlp" else 30)
    raw = data.raw_target(data.train_y)
    assert raw == pytest.approx(3 * data.raw(data.train_x)[:, 0] + 0.5)


CELLS = st.one_of(
    st.integers(-9, 99).map(str),
    st.floats(allow_nan=True, allow_infinity=True).map(str),
    st.sampled_from(
        ["", "NA", "a", "b", "[red]", "\x1b[2J", '"', '""', "ä", "\0", "1e999", "\r", " 3 ", "\u202e", "﻿"]
    ),
    st.text(max_size=6),
)


@st.composite
def broken_tables(draw: Callable[..., object]) -> bytes:
    """Rows that a generator of tables would write, then damaged."""
    width = draw(st.integers(0, 5))
    rows = draw(st.lists(st.lists(CELLS, min_size=width, max_size=width), max_size=24))
    out = io.StringIO()
    if draw(st.booleans()):
        writer = csv.writer(out, delimiter=draw(st.sampled_from(",;\t|")))
        writer.writerows(rows)
    else:
        out.write("\n".join(",".join(row) for row in rows))
    content = out.getvalue().encode(
        draw(st.sampled_from(["utf-8", "utf-8-sig", "utf-16", "latin-1"])), "replace"
    )
    if draw(st.booleans()):
        at = draw(st.integers(0, len(content)))
        content = content[:at] + draw(st.binary(max_size=8)) + content[at + draw(st.integers(0, 40)) :]
    return content * draw(st.sampled_from([1, 1, 3]))


@settings(max_examples=500, suppress_health_check=list(HealthCheck))
@given(
    content=broken_tables(),
    target=st.sampled_from(["", "a", "column 1"]),
    loss=st.sampled_from(["auto", "mse"]),
)
def test_whatever_is_in_a_file_it_can_be_learned_from_or_is_refused(
    content: bytes, target: str, loss: str
) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = write(Path(folder), content)
        try:
            output = "linear" if loss == "mse" else "auto"
            words = [
                f"data=csv:{path}",
                f"target={target}",
                f"loss={loss}",
                f"output={output}",
                "batch_size=1",
            ]
            data = datasets.prepare(experiments.find("mlp", words))
        except RequestError as refusal:
            data, said = None, str(refusal)
        else:
            said = ""
    assert said.isprintable()
    if data is None:
        return
    assert np.isfinite(data.train_x).all()
    assert len(data.feature_names) == data.train_x.shape[1]
    assert all(text.isprintable() for text in [*data.feature_names, *data.class_names, *data.notes])
    assert not data.class_names or set(data.train_y) <= set(range(len(data.class_names)))
    assert math.isfinite(float(np.sum(data.train_y)))
