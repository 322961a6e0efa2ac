"""The lecture's experiments: one file per section, found by name; each holds an EXPERIMENT.

A request is words as a person types them, `iris-mlp@corrected lr=0.03 hidden=8,8`; `find` turns them into a
spec and `words` turns a spec back into them.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from engine import registry
from engine.errors import RequestError, unknown
from engine.spec import KEYS, Spec


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


def get(name: str) -> Experiment:
    """The experiment of that name. Raises RequestError, with the nearest name, if there is none."""
    experiment: Experiment = registry.load("experiments", name).EXPERIMENT
    return experiment


def in_order() -> tuple[Experiment, ...]:
    """All of them, in the order of the lecture's sections."""
    found = (get(name) for name in names())
    return tuple(sorted(found, key=lambda experiment: [int(n) for n in experiment.section.split(".")]))


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
    return " ".join([spec.experiment + variant, *(f"{key}={value}" for key, value in changes.items())])
