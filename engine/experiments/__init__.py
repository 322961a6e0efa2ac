"""The lecture's experiments and workbooks: one file per section, found by name; each holds an EXPERIMENT.

A request is words as a person types them, `iris-mlp@corrected lr=0.03 hidden=8,8`; `find` turns them into a
spec and `words` turns a spec back into them.
"""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from engine import registry
from engine.errors import RequestError, unknown
from engine.spec import KEYS, Spec
from engine.workbook import Workbook


@dataclass(frozen=True)
class Variant:
    """A named change of an experiment: what it is about, and the values that differ from `published`."""

    about: str
    values: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Experiment:
    """Something to train: a section of the lecture, its values, its variants; `published` is the lecture."""

    name: str
    section: str
    title: str
    about: str
    values: Mapping[str, Any]
    variants: Mapping[str, Variant]

    def spec(self, variant: str = "published") -> Spec:
        """The spec of a variant. Raises RequestError, with the nearest name, if there is none."""
        if variant not in self.variants:
            raise unknown(f"variant of {self.name}", variant, self.variants)
        values = {**self.values, **self.variants[variant].values}
        return Spec(experiment=self.name, variant=variant, **values)


def names() -> tuple[str, ...]:
    return registry.names("experiments")


def entry(name: str) -> Experiment | Workbook:
    """The experiment or workbook of that name. Raises RequestError, with the nearest, if there is none."""
    if name in registry.names("datasets"):
        raise RequestError(f"{name} is data to train on, not an experiment: expected mlp data={name}")
    found: Experiment | Workbook = registry.load("experiments", name).EXPERIMENT
    return found


def get(name: str) -> Experiment:
    """The experiment of that name, to train. Raises RequestError if there is none, or for a workbook."""
    found = entry(name)
    if isinstance(found, Workbook):
        raise RequestError(f"{name} is a workbook, not a thing to train: nnplay play {name} opens it")
    return found


def workbook(name: str, assignments: Iterable[str] = ()) -> Workbook | None:
    """The workbook of that name, None for an experiment. Raises RequestError for a value or a variant."""
    bare, _, variant = name.partition("@")
    found = entry(bare)
    if not isinstance(found, Workbook):
        return None
    for word in (f"@{variant}" if variant else "", *assignments):
        if word:
            raise RequestError(f"{bare} is a workbook, changed by editing: it takes no {word}")
    return found


def in_order() -> tuple[Experiment | Workbook, ...]:
    """All experiments and workbooks, in the lecture's order; what is not of the lecture comes last."""
    found = [entry(name) for name in names()]
    return tuple(sorted(found, key=lambda e: [int(n) for n in e.section.split(".")] if e.section else [1000]))


def find(name: str, assignments: Iterable[str] = ()) -> Spec:
    """The spec for `NAME[@VARIANT]` and `key=value` words. Raises RequestError for what is not allowed."""
    experiment, _, variant = name.partition("@")
    spec = get(experiment).spec(variant or "published")
    values: dict[str, str] = {}
    for word in assignments:
        key, equals, value = word.partition("=")
        if not equals:
            raise RequestError(f"expected key=value, got {word!r}; the keys are {', '.join(KEYS)}")
        if values.get(key, value) != value:
            raise RequestError(f"{key} is given twice, as {values[key]} and as {value}")
        values[key] = value
    return spec.replace_text(values)


def words(spec: Spec) -> str:
    """The shortest words that `find` turns into this spec: `iris-mlp lr=0.03`."""
    variant = "" if spec.variant == "published" else f"@{spec.variant}"
    changes = spec.changed_from(get(spec.experiment).spec(spec.variant))
    return shlex.join([spec.experiment + variant, *(f"{key}={value}" for key, value in changes.items())])
