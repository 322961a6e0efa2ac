"""A look into a file before it is trained on: its first rows, its columns, what could be learned from it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from engine import tables
from engine.errors import RequestError, inert
from engine.frames import Answer

LOOKED_AT = 100_000  # rows: enough to tell kinds and missing values, without a wait
SHOWN = 40  # characters of a cell


def answer(path: str, target: str = "", loss: str = "auto", rows: int = 20) -> Answer:
    """What is in the first rows of a file.

    Values: `columns`, each with `name`, `kind` (number or text), `missing` and `different` (how many);
    `rows`, the first ones as text, null where a value is missing; `looked_at`, how many rows all this is of;
    `target`, its name; `class_names`, empty for a regression; `notes`, what was found; `problem`, why it
    cannot be learned from with this target, empty if it can.

    Raises RequestError if the file is no table.
    """
    table = tables.read(Path(path), LOOKED_AT)
    values: dict[str, Any] = {
        "columns": [
            {
                "name": name,
                "kind": "number" if table.numeric(name) else "text",
                "missing": table.frame[name].null_count(),
                "different": table.frame[name].n_unique(),
            }
            for name in table.frame.columns
        ],
        "rows": [[_shown(value) for value in row] for row in table.frame.head(rows).iter_rows()],
        "looked_at": len(table.frame),
        "target": target or table.frame.columns[-1],
        "class_names": [],
        "notes": table.notes,
        "problem": "",
    }
    try:
        found = tables.learnable(table, target, loss, Path(path).name)
    except RequestError as error:
        values["problem"] = str(error)
    else:
        values |= {"class_names": found.class_names, "notes": found.notes, "target": found.target_name}
    return Answer(values)


def _shown(value: Any) -> str | None:
    if value is None:
        return None
    return f"{value:.6g}" if isinstance(value, float) else inert(" ".join(str(value).split()))[:SHOWN]
