"""The accuracy report as a table, the same on standard output and in the app."""

from __future__ import annotations

from rich.console import Group, RenderableType
from rich.style import Style
from rich.table import Table
from rich.text import Text

from engine.events import Report

HUGE = 1e7  # from where on a figure has an exponent
NAME_WIDTH = 12  # of a class; longer names end in …


def report_table(report: Report, class_names: list[str]) -> RenderableType:
    """Loss and accuracy on train and test rows; then, per class, where its test rows went and how well."""
    metrics = _metrics("train", report.train_loss, report.train_accuracy, report.train_r2, report.train_rmse)
    if report.test_loss is not None:
        metrics.append_text(
            _metrics("     test", report.test_loss, report.test_accuracy, report.test_r2, report.test_rmse)
        )
    return Group(metrics, Text(""), _classes(report, class_names)) if report.confusion else metrics


def number(value: float | None, digits: int) -> str:
    """A figure for a table; a dash where there is none, few digits where it is huge."""
    if value is None:
        return "–"
    return f"{value:.{digits}f}" if abs(value) < HUGE else f"{value:.4g}"


def _metrics(
    rows: str, loss: float | None, accuracy: float | None, r2: float | None, rmse: float | None
) -> Text:
    line = Text.assemble((rows, "bold"), ("  loss ", "dim"), number(loss, 6))
    if accuracy is not None:
        line.append_text(Text.assemble(("  accuracy ", "dim"), number(accuracy, 4)))
    if r2 is not None:
        line.append_text(Text.assemble(("  R² ", "dim"), number(r2, 4)))
    if rmse is not None:
        line.append_text(Text.assemble(("  RMSE ", "dim"), f"{rmse:.5g}"))
    return line


def _classes(report: Report, class_names: list[str]) -> Table:
    """One row per true class: how many of its rows were taken for each class, and the class's figures."""
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
