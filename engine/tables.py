"""A table of one's own, `data=csv:PATH target=COLUMN`: what is in the file, made fit to be learned from.

Separator, header, encoding and decimal comma are found by looking; text becomes one column of 0 and 1 for
each category; whatever was found and done is told in the dataset's notes. polars reads the file: it takes
less time and memory than pandas.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from engine import textfile
from engine.datasets import Array, Dataset
from engine.errors import RequestError, inert, unknown
from engine.spec import Spec
from engine.words import counted

if TYPE_CHECKING:
    import polars as pl

MOST_COLUMNS = 1_000
MOST_FEATURES = 5_000  # once every category is a column
MOST_CATEGORIES = 50  # texts of a column; one with more is left out
MOST_CLASSES = 100
FEW = 20  # different whole numbers that are taken for classes
LEAST_ROWS = 10
MISSING = ["", "NA", "N/A", "n/a", "NaN", "nan", "null", "NULL", "None", "?"]
SHOWN = 60  # characters of a name


@dataclass(frozen=True)
class Table:
    """A file as columns of numbers (float64, null where missing) and of text; notes say how it was read."""

    frame: pl.DataFrame
    first_line: int  # of the file that is a row, from 1
    notes: list[str]

    def numeric(self, name: str) -> bool:
        return bool(self.frame[name].dtype.is_float())


def load(spec: Spec) -> Dataset:
    """The table that a spec names. Raises RequestError for whatever cannot be learned from."""
    path = Path(spec.data.removeprefix("csv:"))
    return learnable(read(path), spec.target, spec.loss, path.name)


def read(path: Path, rows: int | None = None) -> Table:
    """The table in a file; the first so many rows of it. Raises RequestError if there is none."""
    import polars as pl

    text = textfile.examine(path)
    width = len(text.first_row)
    if width < 2:
        raise RequestError(f"{text.name}: expected columns for features and a target, got one column")
    if width > MOST_COLUMNS:
        raise RequestError(f"{text.name}: expected at most {MOST_COLUMNS:,} columns, got {width:,}")
    names = _names(text.first_row if text.header else [""] * width)
    frame = _parsed(text, names, rows)
    if all(frame[name].null_count() for name in names):
        frame = frame.filter(~pl.all_horizontal(pl.all().is_null()))  # blank lines
    frame = pl.DataFrame([_as_number(frame[name]) for name in names])
    return Table(frame, 2 if text.header else 1, text.notes)


def learnable(table: Table, target: str, loss: str, name: str) -> Dataset:
    """Features and target of a table. Raises RequestError if it cannot be learned from."""
    names = table.frame.columns
    target = _shown(target) or names[-1]
    if target not in names:
        raise unknown("target", target, names)
    keep = table.frame[target].is_not_null().to_numpy()
    notes = list(table.notes)
    if not keep.all():
        notes.append(f"target {target}: {counted(int((~keep).sum()), 'row')} without a value, left out")
        table = Table(table.frame.filter(table.frame[target].is_not_null()), table.first_line, notes)
    if len(table.frame) < LEAST_ROWS:
        raise RequestError(f"{inert(name)}: expected at least {LEAST_ROWS} rows, got {len(table.frame)}")
    targets, classes = _target(table, target, loss)
    features, feature_names, more = _features(table, target, np.flatnonzero(keep))
    return Dataset(
        features,
        targets,
        feature_names,
        classes,
        target,
        [*notes, _told(target, targets, classes, numbers=table.numeric(target) and loss == "auto"), *more],
        np.flatnonzero(keep),
    )


def _shown(text: str) -> str:
    """A name or category on one line, and inert."""
    return inert(" ".join(text.split()))[:SHOWN]


def _names(cells: list[str]) -> list[str]:
    """Names fit to be shown, each once; a column without one is called by its place."""
    names: list[str] = []
    for place, cell in enumerate(cells, 1):
        name = _shown(cell) or f"column {place}"
        names.append(name if name not in names else f"{name} ({place})")
    return names


def _parsed(text: textfile.Text, names: list[str], rows: int | None) -> pl.DataFrame:
    """Types are guessed from the first rows; where a later one does not fit, from all of them."""
    import polars as pl

    reason = ""
    for look_at in (10_000, None):
        try:
            frame = pl.read_csv(
                text.source,
                separator=text.separator,
                has_header=text.header,
                new_columns=names,
                null_values=MISSING,
                infer_schema_length=look_at,
                decimal_comma=text.decimal_comma,
                n_rows=rows,
            )
        except (pl.exceptions.PolarsError, OSError, ValueError, pl.exceptions.PanicException) as error:
            textfile.refuse_ragged(text, len(names))
            reason = inert(str(error).partition("\n")[0])[:200]
            continue
        if frame.width != len(names) or frame[names[-1]].null_count():
            textfile.refuse_ragged(text, len(names))
        return frame
    raise RequestError(f"{text.name}: cannot be read as a table: {reason}")


def _as_number(column: pl.Series) -> pl.Series:
    """The column in float64 if all its values are numbers; else as text."""
    import polars as pl

    if column.dtype == pl.Boolean:
        return column.cast(pl.String)
    if column.dtype.is_numeric():
        column = column.cast(pl.Float64)
        return column.fill_nan(None) if column.is_nan().any() else column
    stripped = column.cast(pl.String).str.strip_chars()
    stripped = stripped.set(stripped.is_in(MISSING), None)
    numbers = stripped.cast(pl.Float64, strict=False)
    return numbers.fill_nan(None) if numbers.null_count() == stripped.null_count() else stripped


def _target(table: Table, name: str, loss: str) -> tuple[Array, list[str]]:
    """The targets, and the names of the classes, none for a regression."""
    column = table.frame[name]
    if not table.numeric(name):
        if loss == "mse":
            raise RequestError(
                f"target {name}: expected numbers for loss=mse, got text such as {_some(column)}"
            )
        return _classes(name, [_shown(str(value)) for value in column])
    values = column.to_numpy().astype(np.float64)
    _refuse_infinite(name, values, table.first_line)
    different = np.unique(values)
    whole = bool((different == np.round(different)).all())
    few = len(different) <= FEW and len(different) <= max(2, len(values) // 5)
    if loss == "cross_entropy" or (loss == "auto" and whole and few):
        return _classes(name, values.tolist())
    if len(different) == 1:
        raise RequestError(f"target {name}: expected different numbers, got {different[0]:g} in every row")
    return values, []


def _classes(name: str, values: list[Any]) -> tuple[Array, list[str]]:
    known, targets = np.unique(np.array(values), return_inverse=True)
    if len(known) < 2:
        raise RequestError(f"target {name}: expected at least two classes, got one: {_named(known[0])}")
    if len(known) > MOST_CLASSES:
        raise RequestError(
            f"target {name}: expected at most {MOST_CLASSES} classes, got {len(known):,} different values; "
            f"numbers to predict need loss=mse output=linear"
        )
    return targets.astype(np.int64), [_named(value) for value in known]


def _named(value: Any) -> str:
    """A class's name; whole numbers without a point."""
    return f"{value:g}" if isinstance(value, float) else str(value)


def _told(name: str, targets: Array, classes: list[str], *, numbers: bool) -> str:
    """What was found of the target; where a person may mean numbers, how to say so."""
    if not classes:
        return f"target {name}: numbers from {targets.min():g} to {targets.max():g}, a regression"
    shown = ", ".join(classes[:6]) + (", …" if len(classes) > 6 else "")
    hint = "; loss=mse output=linear predicts the numbers" if numbers and len(classes) > 2 else ""
    return f"target {name}: {len(classes)} classes ({shown}), a classification{hint}"


def _features(table: Table, target: str, rows: Array) -> tuple[Array, list[str], list[str]]:
    """Features (rows, columns), their names, and what there is to tell of them."""
    columns: list[tuple[str, Any]] = []  # a name, and what makes its numbers
    notes: list[str] = []
    for name in table.frame.columns:
        column = table.frame[name]
        if name == target:
            continue
        if column.null_count() == len(column):
            notes.append(f"column {name} has no values: left out")
        elif table.numeric(name):
            columns.append((name, column))
        else:
            categories = column.drop_nulls().unique().sort().to_list()
            if len(categories) > MOST_CATEGORIES:
                notes.append(f"column {name} has {len(categories):,} different texts: left out")
                continue
            columns += [(f"{name}={_shown(c)}", column == c) for c in categories]
            missing = f", {column.null_count():,} without one" if column.null_count() else ""
            notes.append(
                f"column {name} is text: one column for each of {len(categories)} categories{missing}"
            )
    if not columns:
        raise RequestError("; ".join(["no column is left to predict from", *notes]))
    if len(columns) > MOST_FEATURES:
        raise RequestError(
            f"expected at most {MOST_FEATURES:,} features with all categories, got {len(columns):,}"
        )
    features = np.empty((len(table.frame), len(columns)))
    for place, (name, column) in enumerate(columns):
        numeric = column.dtype.is_float()
        features[:, place] = column.to_numpy() if numeric else column.fill_null(False).to_numpy()
        if numeric:
            _refuse_infinite(name, features[:, place], table.first_line)
    return features, [name for name, _ in columns], notes


def _refuse_infinite(name: str, values: Array, first_line: int) -> None:
    bad = np.flatnonzero(np.isinf(values))
    if len(bad):
        raise RequestError(
            f"column {name}: expected finite numbers, got {values[bad[0]]} in line {bad[0] + first_line:,}"
        )


def _some(column: pl.Series) -> str:
    return repr(inert(str(column.drop_nulls()[0]))[:20])
