"""A table of one's own on the command line, through real processes."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from tables_cases import BAD, GOOD, write
from test_cli import nnplay

FEW = ["empty", "a FIFO", "a line of 2 GB", "NUL bytes", "10,000 columns", "an infinity"]


@pytest.mark.parametrize("case", FEW)
def test_a_table_that_cannot_be_learned_from_is_one_line_and_status_2(case: str, tmp_path: Path) -> None:
    make, says = BAD[case]
    done = nnplay("run", "mlp", f"data=csv:{make(tmp_path)}")
    assert (done.returncode, done.stdout) == (2, "")
    assert says in done.stderr
    assert done.stderr.startswith("nnplay: ")
    assert done.stderr.count("\n") == 1


def test_a_table_is_trained_on_and_what_was_found_is_told_before(tmp_path: Path) -> None:
    path = write(tmp_path, GOOD.replace("x,", "[red]\x1b[31m,").replace("3,2,b", ",2,b"))
    done = nnplay("run", "mlp", f"data=csv:{path}", "target=kind", "hidden=16", "epochs=3")
    assert done.returncode == 0
    assert done.stderr.splitlines() == [
        "nnplay: target kind: 2 classes (a, b), a classification",
        "nnplay: missing values take the mean of the train rows: [red]\\x1b[31m (1)",
    ]
    assert "\x1b" not in done.stdout + done.stderr
    assert "test rows taken for" in done.stdout


def test_a_report_of_many_classes_is_whole_where_no_terminal_cuts_it(tmp_path: Path) -> None:
    path = write(tmp_path, "x,year\n" + "".join(f"{i},{1990 + i % 10}\n" for i in range(80)))
    done = nnplay("run", "mlp", f"data=csv:{path}", "epochs=2")
    assert "…" not in done.stdout
    assert all(str(year) in done.stdout for year in range(1990, 2000))


def test_a_regression_has_r2_and_rmse_and_no_accuracy(tmp_path: Path) -> None:
    path = write(tmp_path, "x,price\n" + "".join(f"{i},{200_000 + 1000 * i}.5\n" for i in range(60)))
    done = nnplay("run", "mlp", f"data=csv:{path}", "target=price", "epochs=200", "--json", "--quiet")
    result = json.loads(done.stdout)
    assert (done.returncode, done.stderr) == (0, "")
    assert (result["train_accuracy"], result["test_accuracy"], result["confusion"]) == (None, None, [])
    assert result["test_r2"] > 0.9
    assert 0 < result["test_rmse"] < 6000
    assert (result["spec"]["loss"], result["spec"]["output"]) == ("mse", "linear")
    assert "regression" in result["notes"][0]
