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
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, Literal

from engine import registry
from engine.activations import ACTIVATIONS
from engine.errors import RequestError, unknown
from engine.values import Flag, Kind, Real, Source, Split, SplitKind, Text, Whole, Widths, Word

Effect = Literal["live", "next epoch", "next reset"]


@dataclass(frozen=True)
class Where:
    """Which specs a key has a meaning for, in words and as a test; in all others it keeps its default."""

    text: str
    holds: Callable[[Spec], bool]


@dataclass(frozen=True)
class Key:
    """One key of a spec: its kind of value, what it means, and when a change takes effect."""

    name: str
    kind: Kind
    help: str
    effect: Effect = "next reset"
    where: Where | None = None

    def applies(self, spec: Spec) -> bool:
        """Whether the key means anything for a spec; if not, it need not be shown."""
        return self.where is None or self.where.holds(spec)


def _key(
    default: Any, kind: Kind, help: str, effect: Effect = "next reset", *, where: Where | None = None
) -> Any:
    about = {"kind": kind, "help": help, "effect": effect, "where": where}
    return dataclasses.field(default=default, metadata=about)


DRAWN = ("circles", "gaussians", "moons", "spirals", "xor")  # data sets that are made up, of any size
_OF_TABLES = Where("data=csv:PATH", lambda spec: spec.data.startswith("csv:"))
_OF_DRAWN = Where(f"data={', '.join(DRAWN)}", lambda spec: spec.data in DRAWN)
_OF_NUMBERS = Where("loss=mse", lambda spec: spec.loss != "cross_entropy")


def _words(*words: str) -> Word:
    return Word(lambda: words)


@dataclass(frozen=True, kw_only=True)
class Spec:
    """All that fixes a run. Raises RequestError when a value is not allowed, or two do not go together."""

    experiment: str
    variant: str = "published"

    data: str = _key("iris", Source(lambda: registry.names("datasets")), "where the rows come from")
    target: str = _key(
        "", Text("a column's name; none for the last"), "the column to predict", where=_OF_TABLES
    )
    samples: int = _key(300, Whole(10, 1_000_000, series=True), "rows to draw", where=_OF_DRAWN)
    noise: float = _key(0.1, Real(0.0, 10.0), "deviation of the noise on them", where=_OF_DRAWN)
    split: Split | None = _key(
        Split(Fraction(1, 3)), SplitKind(), "the part of the rows held out for the test"
    )
    standardize: str = _key(
        "global",
        _words("global", "feature", "none"),
        "subtract a mean, divide by a deviation: one pair for all features, a pair for each, or not at all",
    )
    scale_target: bool = _key(False, Flag(), "standardize the numbers to predict as well", where=_OF_NUMBERS)
    hidden: tuple[int, ...] = _key((16,), Widths(), "widths of the hidden layers")
    activation: str = _key("sigmoid", Word(lambda: ACTIVATIONS), "what follows each hidden layer")
    output: str = _key(
        "softmax",
        _words("softmax", "logits", "linear", "auto"),
        "what follows the last layer: softmax, or nothing; auto finds what fits the target",
    )
    start: str = _key(
        "drawn",
        _words("drawn", "randn", "iris-mlp", "after-linreg-manual"),
        "first weights: drawn as nn.Linear draws them, or where that experiment's random numbers end, "
        "or by randn, or those of the trained Iris network",
    )
    loss: str = _key(
        "cross_entropy",
        _words("cross_entropy", "mse", "auto"),
        "what is minimized; auto finds what fits the target",
    )
    epoch_loss: str = _key(
        "mean",
        _words("mean", "unweighted", "last"),
        "an epoch's loss: mean over rows, sum over batches divided by rows, or the last batch's",
    )
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
    device: str = _key(
        "cpu",
        _words("cpu", "auto", "cuda"),
        "where steps are computed; auto: a small network on the cpu, which is faster there, a large one, or "
        "many at once, on a GPU if there is one",
    )

    def __post_init__(self) -> None:
        for key in KEYS.values():
            value = getattr(self, key.name)
            try:
                object.__setattr__(self, key.name, key.kind.check(value))
            except (ValueError, TypeError):
                raise _refused(key, value) from None
        for field in dataclasses.fields(self):
            if field.name in KEYS and not KEYS[field.name].applies(self):
                object.__setattr__(self, field.name, field.default)
        self._check_together()

    def _check_together(self) -> None:
        if "auto" not in (self.loss, self.output) and (self.loss == "mse") != (self.output == "linear"):
            wanted = "linear" if self.loss == "mse" else "softmax or logits"
            raise RequestError(f"loss={self.loss} needs output={wanted}, got output={self.output}")
        if self.momentum and self.optimizer != "sgd":
            raise RequestError(f"momentum belongs to optimizer=sgd, got optimizer={self.optimizer}")

    def settled(self, classifies: bool) -> Spec:
        """This spec with `auto` replaced by what fits the target: classes, or numbers."""
        if "auto" not in (self.loss, self.output):
            return self  # at once: to make a spec takes as long as three epochs of Iris do natively
        loss, output = ("cross_entropy", "logits") if classifies else ("mse", "linear")
        return dataclasses.replace(
            self,
            loss=loss if self.loss == "auto" else self.loss,
            output=output if self.output == "auto" else self.output,
        )

    def replace_text(self, words: Mapping[str, str]) -> Spec:
        """This spec with values as typed, `{"lr": "0.03"}`. Raises RequestError for what is not allowed.

        A key that means nothing for the new values goes back to its default; it is refused if it was typed.
        """
        values = {}
        for name, text in words.items():
            if name not in KEYS:
                raise unknown("key", name, KEYS)
            try:
                values[name] = KEYS[name].kind.read(text.strip())
            except (ValueError, OverflowError):
                raise _refused(KEYS[name], text) from None
        changed = dataclasses.replace(self, **values)
        for name in words:
            where = KEYS[name].where
            if where and not where.holds(changed):
                key = where.text.partition("=")[0]
                raise RequestError(f"{name} belongs to {where.text}, got {key}={changed.text(key)}")
        return changed

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
    if isinstance(key.kind, Source) and isinstance(value, str) and ("." in value or "/" in value):
        return RequestError(f"unknown {key.name} {value!r}: a table of your own is {key.name}=csv:{value}")
    if isinstance(key.kind, Source) and value == "csv:":
        return RequestError(f"{key.name}: expected the path of a table behind csv:, got nothing")
    if isinstance(key.kind, Word) and isinstance(value, str):
        return unknown(key.name, value, key.kind.choices())
    return RequestError(f"{key.name}: expected {key.kind.allowed}, got {str(value)[:60] or 'nothing'}")


KEYS: dict[str, Key] = {
    f.name: Key(f.name, **f.metadata) for f in dataclasses.fields(Spec) if "kind" in f.metadata
}
