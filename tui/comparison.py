"""`nnplay run NAME --compare`: the variants side by side, and what each change was worth."""

from __future__ import annotations

import json
import sys
from typing import Any

from rich.console import Console, Group, RenderableType
from rich.table import Table
from rich.text import Text

from engine.lab import Lab
from engine.launcher import Zygote


def run(experiment: str, assignments: list[str], *, as_json: bool) -> int:
    """Train them in a lab and print what came of it. Returns the exit status."""
    zygote = Zygote()
    lab = Lab(lambda: zygote)
    try:
        values = lab.ask("compare", experiment=experiment, assignments=assignments).values
    finally:
        zygote.close()
        lab.close()
    if as_json:
        print(json.dumps({"experiment": experiment} | values, allow_nan=False))
    else:
        console = Console(highlight=False, soft_wrap=True, width=None if sys.stdout.isatty() else 200)
        console.print(comparison(values))
    return 0


def comparison(values: dict[str, Any]) -> RenderableType:
    """The answer of engine/questions/compare.py, the same on standard output and in the app."""
    seeds, figure = values["seeds"], values["figure"]
    parts: list[RenderableType] = [_variants(values["variants"], figure, seeds)]
    if values["steps"]:
        parts += [Text(""), _steps(values["steps"], figure, seeds)]
    return Group(*parts)


def _variants(variants: list[dict[str, Any]], figure: str, seeds: list[int]) -> Table:
    headings = ["train loss", "test loss", *(f"{figure}, seed {seeds[0]}", *map(str, seeds[1:])), "mean"]
    table = _table("variant", *headings)
    for variant in variants:
        figures = variant["figures"]
        losses = (_number(variant[key], 6) for key in ("train_loss", "test_loss"))
        numbers = [*figures, sum(figures) / len(figures)]
        table.add_row(f"@{variant['name']}", *losses, *(_number(number, 4) for number in numbers))
    return table


def _steps(steps: list[dict[str, Any]], figure: str, seeds: list[int]) -> Table:
    table = _table("one change after the other", "train loss", figure, "worth")
    for step in steps:
        worth = step["worth"]
        style = "green" if worth > 0 else "red" if worth < 0 else "dim"
        table.add_row(
            Text(step["change"]),
            _change(step["train_loss"]),
            _change([step["before"], step["after"]]),
            Text(f"{worth:+.4f}", style),
        )
    table.caption = f"means over seeds {seeds[0]} to {seeds[-1]}"
    table.caption_justify = "left"
    return table


def _change(values: list[float | None]) -> str:
    before, after = (_number(value, 4) for value in values)
    return f"{before} → {after}"


def _table(first: str, *others: str) -> Table:
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="dim")
    table.add_column(first)
    for heading in others:
        table.add_column(heading, justify="right")
    return table


def _number(value: float | None, digits: int) -> str:
    return "–" if value is None else f"{value:.{digits}f}"
