"""The kinds of value a spec holds: how each is read from text, checked, and written back.

A kind is declared once, beside its key in spec.py; the command line, the app's editor, JSON and every error
message use the same declaration. `read` takes what a person typed, `check` takes a value from anywhere; both
raise ValueError, and `allowed` is the half sentence that the error shows.
"""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Any, Protocol, TypeVar

SMALLEST = 1e-6  # the first notch above zero
PARTS = [Fraction(1, 10), Fraction(1, 5), Fraction(1, 4), Fraction(1, 3), Fraction(1, 2)]

Number = TypeVar("Number", int, Fraction)


class Kind(Protocol):
    """How one sort of value is read, checked and shown."""

    @property
    def allowed(self) -> str:
        """What is allowed, as the end of 'expected …'."""

    def read(self, text: str) -> Any:
        """The value that the text means."""

    def check(self, value: Any) -> Any:
        """The value itself if it is allowed; JSON's forms of it are accepted."""

    def show(self, value: Any) -> str:
        """The text that `read` turns into this value."""

    def turn(self, value: Any, by: int) -> Any:
        """The value one notch up (`by` = 1) or down (-1), as a knob would; itself at the last notch."""


@dataclass(frozen=True)
class Whole:
    """A whole number from `low` to `high`; a knob turns it by one, or with `series` along 1, 2, 5, 10, …"""

    low: int
    high: int
    series: bool = False

    @property
    def allowed(self) -> str:
        return f"a whole number from {self.low:,} to {self.high:,}"

    def read(self, text: str) -> int:
        return self.check(int(text))

    def check(self, value: Any) -> int:
        if not isinstance(value, int) or isinstance(value, bool) or not self.low <= value <= self.high:
            raise ValueError
        return value

    def show(self, value: int) -> str:
        return str(value)

    def turn(self, value: int, by: int) -> int:
        turned = round(_next_in_series(value, by)) if self.series else value + by
        return max(self.low, min(turned, self.high))


@dataclass(frozen=True)
class Real:
    """A finite number from `low` to `high`; `above` and `below` leave the ends out.

    A knob turns it along 1, 2, 5, 10, …; below an end that is left out, along its distance from there.
    """

    low: float
    high: float
    above: bool = False
    below: bool = False

    @property
    def allowed(self) -> str:
        low = f"above {self.low:g}" if self.above else f"of at least {self.low:g}"
        if math.isinf(self.high):
            return f"a number {low}"
        return f"a number {low} and {'below' if self.below else 'at most'} {self.high:g}"

    def read(self, text: str) -> float:
        return self.check(float(text))

    def check(self, value: Any) -> float:
        if not isinstance(value, (int, float)) or isinstance(value, bool) or not math.isfinite(value):
            raise ValueError
        if not self.low <= value <= self.high or (self.above and value == self.low):
            raise ValueError
        if self.below and value == self.high:
            raise ValueError
        return float(value)

    def show(self, value: float) -> str:
        return f"{value:.15g}" if float(f"{value:.15g}") == value else repr(value)

    def turn(self, value: float, by: int) -> float:
        if self.below:
            turned = self.high - _next_in_series(self.high - value, -by)
        elif value == 0:
            turned = SMALLEST if by > 0 else 0.0
        else:
            turned = _next_in_series(value, by)
        if not self.above and turned < SMALLEST:
            turned = self.low
        try:
            return self.check(float(f"{turned:.12g}"))
        except ValueError:
            return value


@dataclass(frozen=True)
class Word:
    """One of a set of names, listed when it is needed."""

    choices: Callable[[], Iterable[str]]

    @property
    def allowed(self) -> str:
        return "one of " + ", ".join(self.choices())

    def read(self, text: str) -> str:
        return self.check(text)

    def check(self, value: Any) -> str:
        if value not in self.choices():
            raise ValueError
        return str(value)

    def show(self, value: str) -> str:
        return value

    def turn(self, value: str, by: int) -> str:
        choices = list(self.choices())
        return choices[(choices.index(value) + by) % len(choices)]


@dataclass(frozen=True)
class Source(Word):
    """One of the named data sets, or the path of a table, `csv:PATH`; a relative path is made absolute."""

    @property
    def allowed(self) -> str:
        return f"{super().allowed}, or csv:PATH"

    def read(self, text: str) -> str:
        mark, colon, path = text.partition(":")
        if (mark, colon) != ("csv", ":") or not path or "\0" in path:
            return super().read(text)
        return f"csv:{os.path.abspath(os.path.expanduser(path))}"  # noqa: PTH100, PTH111  normalizes as well

    def check(self, value: Any) -> str:
        if isinstance(value, str) and value.startswith("csv:/") and "\0" not in value:
            return value
        return super().check(value)

    def turn(self, value: str, by: int) -> str:
        return super().turn(value, by) if value in self.choices() else value


@dataclass(frozen=True)
class Text:
    """Any text, such as a column's name; there is nothing to turn."""

    allowed: str

    def read(self, text: str) -> str:
        return self.check(text)

    def check(self, value: Any) -> str:
        if not isinstance(value, str):
            raise ValueError
        return value

    def show(self, value: str) -> str:
        return value

    def turn(self, value: str, by: int) -> str:
        return value


@dataclass(frozen=True)
class Flag:
    """Yes or no."""

    allowed: str = "yes or no"

    def read(self, text: str) -> bool:
        truth = {"yes": True, "true": True, "on": True, "1": True}
        truth |= {"no": False, "false": False, "off": False, "0": False}
        if text.lower() not in truth:
            raise ValueError
        return truth[text.lower()]

    def check(self, value: Any) -> bool:
        if not isinstance(value, bool):
            raise ValueError
        return value

    def show(self, value: bool) -> str:
        return "yes" if value else "no"

    def turn(self, value: bool, by: int) -> bool:
        return not value


@dataclass(frozen=True)
class Widths:
    """Widths of the hidden layers, joined by commas; `none` for a network without hidden layers.

    A knob turns all of them, along 1, 2, 3, 4, 6, 8, 12, 16, …
    """

    most: int = 65_536
    layers: int = 64

    @property
    def allowed(self) -> str:
        return f"widths from 1 to {self.most:,} joined by commas, as in 16 or 8,8, or none"

    def read(self, text: str) -> tuple[int, ...]:
        return self.check(() if text == "none" else tuple(int(width) for width in text.split(",")))

    def check(self, value: Any) -> tuple[int, ...]:
        if not isinstance(value, (list, tuple)) or len(value) > self.layers:
            raise ValueError
        return tuple(Whole(1, self.most).check(width) for width in value)

    def show(self, value: tuple[int, ...]) -> str:
        return ",".join(map(str, value)) or "none"

    def turn(self, value: tuple[int, ...], by: int) -> tuple[int, ...]:
        notches = sorted({n for k in range(17) for n in (2**k, 3 * 2**k) if n <= self.most})
        return tuple(_neighbour(notches, width, by) for width in value)


@dataclass(frozen=True)
class Split:
    """How rows are held out for the test: which part, drawn by which seed, stratified by class or not."""

    test: Fraction
    seed: int = 1
    stratify: bool = False


@dataclass(frozen=True)
class SplitKind:
    """A Split as text: the part held out, then what differs from the usual: `1/3`, `0.2,seed=7,stratify`."""

    allowed: str = "the part held out for the test, as in 1/3 or 0.2,stratify or 0.2,seed=7, or none"

    def read(self, text: str) -> Split | None:
        if text == "none":
            return None
        part, *options = text.split(",")
        chosen: dict[str, Any] = {}
        for option in options:
            name, _, value = option.partition("=")
            if option == "stratify":
                chosen["stratify"] = True
            elif name == "seed":
                chosen["seed"] = Whole(0, 2**32 - 1).read(value)
            else:
                raise ValueError
        return self.check(Split(self._fraction(part), **chosen))

    def check(self, value: Any) -> Split | None:
        if isinstance(value, str):
            return self.read(value)
        if value is None or (isinstance(value, Split) and 0 < value.test < 1):
            return value
        raise ValueError

    def show(self, value: Split | None) -> str:
        if value is None:
            return "none"
        seed = f",seed={value.seed}" if value.seed != 1 else ""
        return f"{value.test}{seed}{',stratify' if value.stratify else ''}"

    def turn(self, value: Split | None, by: int) -> Split | None:
        if value is None:
            return Split(PARTS[0]) if by > 0 else None
        if by < 0 and value.test <= PARTS[0]:
            return None
        return replace(value, test=_neighbour(PARTS, value.test, by))

    @staticmethod
    def _fraction(text: str) -> Fraction:
        if len(text) > 32 or "e" in text.lower():  # Fraction("1e999999999") would not come back
            raise ValueError
        try:
            return Fraction(text)
        except ZeroDivisionError:
            raise ValueError from None


def _neighbour(notches: Sequence[Number], value: Number, by: int) -> Number:
    """The nearest notch above or below the value; the value itself beyond the last."""
    beyond = [notch for notch in notches if (notch - value) * by > 0]
    return value if not beyond else min(beyond) if by > 0 else max(beyond)


def _next_in_series(value: float, by: int) -> float:
    """The nearest of 1, 2, 5 × 10^n above or below a positive value."""
    power = math.floor(math.log10(value))
    notches = [float(f"{factor}e{n}") for n in range(power - 1, power + 2) for factor in (1, 2, 5)]
    beyond = [notch for notch in notches if (notch - value) * by > value * 1e-9]
    return min(beyond) if by > 0 else max(beyond)
