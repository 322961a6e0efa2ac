"""`nnplay list`: what there is to train, and its values."""

from __future__ import annotations

import json
import textwrap
from dataclasses import asdict

from engine import experiments
from engine.spec import KEYS
from engine.workbook import Workbook


def show(*, as_json: bool) -> None:
    """Print every experiment, as text or as one JSON object."""
    if as_json:
        print(json.dumps(_as_json(), indent=2))
        return
    for entry in experiments.in_order():
        if isinstance(entry, Workbook):
            _print_head(entry)
            print(f"  a workbook of {len(entry.cells)} cells", end="\n\n")
        else:
            _print_experiment(entry)
    print("Keys")
    for key in KEYS.values():
        print(f"  {key.name:<13} {key.help}: {key.kind.allowed}")


def _print_head(entry: experiments.Experiment | Workbook) -> None:
    print(f"{entry.name}  ({entry.section} {entry.title})")
    print(textwrap.indent(textwrap.fill(entry.about, 96), "  "))


def _print_experiment(experiment: experiments.Experiment) -> None:
    _print_head(experiment)
    published = experiment.spec()
    for name, variant in experiment.variants.items():
        changes = experiment.spec(name).changed_from(published)
        values = " ".join(f"{key}={value}" for key, value in changes.items())
        print(f"  @{name:<12} {variant.about}" + (f"\n{'':16}{values}" if values else ""))
    print(
        textwrap.indent(textwrap.fill(" ".join(f"{k}={published.text(k)}" for k in KEYS), 96), "  "),
        end="\n\n",
    )


def _as_json() -> dict[str, object]:
    found, workbooks = [], []
    for experiment in experiments.in_order():
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
