"""The accuracy report as a table, the same on standard output and in the app."""

from __future__ import annotations

from rich.console import Group, RenderableType
from rich.style import Style
from rich.table import Table
from rich.text import Text

from engine.events import Report

GOOD = Style(bold=True)
NAME_WIDTH = 12  # of a class; longer names end in …


def report_table(report: Report, class_names: list[str]) -> RenderableType:
    """Loss and accuracy on train and test rows; then, per class, where its test rows went and how well."""
    parts: list[RenderableType] = [_metrics(report)]
    if report.confusion:
        parts += [Text(""), _classes(report, class_names)]
    return Group(*parts)


def number(value: float | None, digits: int) -> str:
    """A figure for a table; a dash where there is none."""
    return "–" if value is None else f"{value:.{digits}f}"


def _metrics(report: Report) -> Table:
    table = _plain("", "loss", "accuracy")
    table.add_row("train", number(report.train_loss, 6), number(report.train_accuracy, 4))
    table.add_row("test", number(report.test_loss, 6), number(report.test_accuracy, 4))
    return table


def _classes(report: Report, class_names: list[str]) -> Table:
    """One row per true class: how many of its rows were taken for each class, and the figures of the class."""
    names = [Text(name, overflow="ellipsis", no_wrap=True) for name in class_names]
    table = _plain("test rows taken for", *names, "precision", "recall", "f1")
    for i, row in enumerate(report.confusion):
        cells = [Text(str(count), style=_cell_style(i == j, count)) for j, count in enumerate(row)]
        figures = (report.precision[i], report.recall[i], report.f1[i])
        table.add_row(names[i], *cells, *(f"{figure:.2f}" for figure in figures))
    return table


def _cell_style(right: bool, count: int) -> Style:
    if right:
        return Style(color="green", bold=True)
    return Style(color="red", bold=True) if count else Style(dim=True)


def _plain(first: str | Text, *others: str | Text) -> Table:
    """A table without borders: names to the left, figures to the right."""
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style=Style(dim=True))
    table.add_column(first, max_width=NAME_WIDTH + 8, no_wrap=True)
    for heading in others:
        table.add_column(heading, justify="right", max_width=NAME_WIDTH, no_wrap=True)
    return table
