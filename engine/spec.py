"""What to run: one frozen value that fixes a whole training run.

Every key is declared once, below, with its kind, its meaning, and the moment a change of it takes effect in a
run that is under way. The same seed and spec give the same run.

    spec = Spec(experiment="iris-mlp", hidden=(8, 8))
    spec = spec.replace_text({"lr": "0.03"})          # as typed; raises RequestError with what is allowed
    Spec.from_json(spec.to_json()) == spec
"""

from __future__ import annotations

import contextlib
import dataclasses
import json
from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, Literal

from engine import registry
from engine.activations import ACTIVATIONS
from engine.errors import RequestError, unknown
from engine.values import Flag, Kind, Real, Split, SplitKind, Whole, Widths, Word

Effect = Literal["live", "next epoch", "next reset"]


@dataclass(frozen=True)
class Key:
    """One key of a spec: its kind of value, what it means, and when a change takes effect."""

    name: str
    kind: Kind
    help: str
    effect: Effect = "next reset"


def _key(default: Any, kind: Kind, help: str, effect: Effect = "next reset") -> Any:
    return dataclasses.field(default=default, metadata={"kind": kind, "help": help, "effect": effect})


def _words(*words: str) -> Word:
    return Word(lambda: words)


@dataclass(frozen=True, kw_only=True)
class Spec:
    """All that fixes a run. Raises RequestError when a value is not allowed, or two do not go together."""

    experiment: str
    variant: str = "published"

    data: str = _key("iris", Word(lambda: registry.names("datasets")), "where the rows come from")
    split: Split | None = _key(
        Split(Fraction(1, 3)), SplitKind(), "the part of the rows held out for the test"
    )
    standardize: str = _key(
        "global",
        _words("global", "feature", "none"),
        "subtract a mean, divide by a deviation: one pair for all features, a pair for each, or not at all",
    )
    hidden: tuple[int, ...] = _key((16,), Widths(), "widths of the hidden layers")
    activation: str = _key("sigmoid", Word(lambda: ACTIVATIONS), "what follows each hidden layer")
    output: str = _key(
        "softmax", _words("softmax", "logits", "linear"), "what follows the last layer: softmax, or nothing"
    )
    loss: str = _key("cross_entropy", _words("cross_entropy", "mse"), "what is minimized")
    optimizer: str = _key("adam", _words("sgd", "adam", "adamw"), "the update rule")
    lr: float = _key(0.001, Real(0.0, 1e6, above=True), "learning rate", "live")
    momentum: float = _key(0.0, Real(0.0, 1.0, below=True), "momentum of sgd", "live")
    weight_decay: float = _key(0.0, Real(0.0, 1e6), "weight decay", "live")
    batch_size: int = _key(2, Whole(1, 1_000_000, series=True), "rows per step", "next epoch")
    epochs: int = _key(100, Whole(1, 1_000_000, series=True), "passes over the training rows", "live")
    seed: int = _key(1, Whole(0, 2**63 - 1), "fixes first weights and order of batches")
    shuffle: bool = _key(True, Flag(), "draw a new order of rows every epoch", "next epoch")
    drop_last: bool = _key(False, Flag(), "leave out a last batch that is not full", "next epoch")
    dtype: str = _key("float32", _words("float32", "float64"), "the numbers' type")
    backend: str = _key("native", Word(lambda: registry.names("backends")), "how steps are computed")
    device: str = _key("cpu", _words("cpu", "cuda"), "where steps are computed")

    def __post_init__(self) -> None:
        for key in KEYS.values():
            value = getattr(self, key.name)
            try:
                object.__setattr__(self, key.name, key.kind.check(value))
            except (ValueError, TypeError):
                raise _refused(key, value) from None
        self._check_together()

    def _check_together(self) -> None:
        if (self.loss == "mse") != (self.output == "linear"):
            wanted = "linear" if self.loss == "mse" else "softmax or logits"
            raise RequestError(f"loss={self.loss} needs output={wanted}, got output={self.output}")
        if self.momentum and self.optimizer != "sgd":
            raise RequestError(f"momentum belongs to optimizer=sgd, got optimizer={self.optimizer}")

    def replace_text(self, words: Mapping[str, str]) -> Spec:
        """This spec with values as typed, `{"lr": "0.03"}`. Raises RequestError for what is not allowed."""
        values = {}
        for name, text in words.items():
            if name not in KEYS:
                raise unknown("key", name, KEYS)
            try:
                values[name] = KEYS[name].kind.read(text.strip())
            except (ValueError, OverflowError):
                raise _refused(KEYS[name], text) from None
        return dataclasses.replace(self, **values)

    def turn(self, name: str, by: int) -> Spec:
        """This spec with one value a notch up (`by` = 1) or down (-1); itself where there is no further one.

        A word that does not go together with the other values is passed over.
        """
        kind = KEYS[name].kind
        value = getattr(self, name)
        for _ in kind.choices() if isinstance(kind, Word) else (name,):
            value = kind.turn(value, by)
            with contextlib.suppress(RequestError):
                return dataclasses.replace(self, **{name: value})
        return self

    def text(self, name: str) -> str:
        """The value of a key as it would be typed."""
        return KEYS[name].kind.show(getattr(self, name))

    def changed_from(self, other: Spec) -> dict[str, str]:
        """The keys whose values differ from another spec's, as they would be typed."""
        return {name: self.text(name) for name in KEYS if getattr(self, name) != getattr(other, name)}

    def to_json(self) -> dict[str, Any]:
        """Plain values for `json.dumps`; `from_json` makes the same spec of them."""
        values = {f.name: getattr(self, f.name) for f in dataclasses.fields(self)}
        return values | {"hidden": list(self.hidden), "split": self.text("split")}

    @classmethod
    def from_json(cls, values: Any) -> Spec:
        """The spec of `to_json`'s values. Raises RequestError for anything else."""
        fields = {f.name for f in dataclasses.fields(cls)}
        if not isinstance(values, dict) or not isinstance(values.get("experiment"), str):
            raise RequestError(f"expected the values of a spec, got {json.dumps(values)[:60]}")
        for name in values:
            if name not in fields:
                raise unknown("key", name, fields)
        return cls(**values)


def _refused(key: Key, value: Any) -> RequestError:
    """The error for a value that its key does not allow; for a mistyped name it offers the nearest."""
    if isinstance(key.kind, Word) and isinstance(value, str):
        return unknown(key.name, value, key.kind.choices())
    return RequestError(f"{key.name}: expected {key.kind.allowed}, got {str(value)[:60] or 'nothing'}")


KEYS: dict[str, Key] = {
    f.name: Key(f.name, f.metadata["kind"], f.metadata["help"], f.metadata["effect"])
    for f in dataclasses.fields(Spec)
    if "kind" in f.metadata
}
