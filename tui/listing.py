"""`nnplay list`: what there is to train, and its values."""

from __future__ import annotations

import json
import textwrap
from dataclasses import asdict

from engine import experiments, registry
from engine.spec import KEYS
from engine.words import counted
from engine.workbook import Workbook

Entries = tuple[experiments.Experiment | Workbook, ...]


def show(name: str | None, *, as_json: bool) -> None:
    """Print all there is, a line or two each, or all there is to know of one; as text or one JSON object.

    Raises RequestError, with the nearest name, if there is none of that name.
    """
    entries = (experiments.entry(name),) if name else experiments.in_order()
    if as_json:
        print(json.dumps(_as_json(entries), indent=2))
    elif name:
        _print_entry(entries[0])
    else:
        _print_all(entries)


def _print_all(entries: Entries) -> None:
    for entry in entries:
        what = (
            f"workbook, {counted(len(entry.cells), 'cell')}"
            if isinstance(entry, Workbook)
            else " ".join(f"@{v}" for v in entry.variants)
        )
        print(f"{entry.section or '–':<7}{entry.name:<19}{entry.title:<29}{what}".rstrip())
    print(f"\ndata     {', '.join(registry.names('datasets'))}, or csv:PATH target=COLUMN")
    print(textwrap.fill(f"keys     {', '.join(KEYS)}", 96, subsequent_indent=" " * 9))
    print("\nnnplay list NAME tells all of one; nnplay play NAME opens it, nnplay run NAME runs it.")


def _print_entry(entry: experiments.Experiment | Workbook) -> None:
    if isinstance(entry, Workbook):
        _print_head(entry)
        print(f"  a workbook of {counted(len(entry.cells), 'cell')}")
        return
    _print_experiment(entry)
    print("Keys")
    for key in KEYS.values():
        print(_entry(key.name, f"{key.help}: {key.kind.allowed}"))


def _print_head(entry: experiments.Experiment | Workbook) -> None:
    print(f"{entry.name}  ({f'{entry.section} {entry.title}'.strip()})")
    print(textwrap.indent(textwrap.fill(entry.about, 96), "  "))


def _print_experiment(experiment: experiments.Experiment) -> None:
    _print_head(experiment)
    published = experiment.spec()
    for name, variant in experiment.variants.items():
        changes = experiment.spec(name).changed_from(published)
        values = " ".join(f"{key}={value}" for key, value in changes.items())
        print(_entry(f"@{name}", variant.about))
        if values:
            print(_entry("", values))
    print(
        textwrap.indent(textwrap.fill(" ".join(f"{k}={published.text(k)}" for k in KEYS), 96), "  "),
        end="\n\n",
    )


def _entry(name: str, about: str) -> str:
    """A name, and what there is to say of it beside it."""
    indent = f"  {name:<13} "
    return textwrap.fill(
        about, 98, initial_indent=indent, subsequent_indent=" " * len(indent), break_on_hyphens=False
    )


def _as_json(entries: Entries) -> dict[str, object]:
    found, workbooks = [], []
    for experiment in entries:
        about = {key: getattr(experiment, key) for key in ("name", "section", "title", "about")}
        if isinstance(experiment, Workbook):
            workbooks.append(about | {"cells": [asdict(cell) for cell in experiment.cells]})
            continue
        variants: dict[str, dict[str, object]] = {
            v: {"about": variant.about} for v, variant in experiment.variants.items()
        }
        for variant in variants:
            variants[variant]["values"] = experiment.spec(variant).to_json()
        found.append(about | {"variants": variants})
    keys = {
        key.name: {"help": key.help, "allowed": key.kind.allowed, "takes_effect": key.effect}
        for key in KEYS.values()
    }
    return {"experiments": found, "workbooks": workbooks, "keys": keys}
