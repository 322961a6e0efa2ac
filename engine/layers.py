"""Layers over the compiled ops, and the plain PyTorch functions they are held against."""

from __future__ import annotations

import difflib
from collections.abc import Callable
from functools import cache

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from engine import ops
from engine.activations import ACTIVATIONS, Activation

__all__ = ["LinearAct", "reference"]


def _row(name: str) -> Activation:
    if not isinstance(name, str) or name not in ACTIVATIONS:
        near = difflib.get_close_matches(str(name).lower(), ACTIVATIONS, n=1)
        hint = f"; did you mean {near[0]!r}?" if near else ""
        error = ValueError if isinstance(name, str) else TypeError
        raise error(f"expected one of {', '.join(ACTIVATIONS)}; got activation {name!r}{hint}")
    return ACTIVATIONS[name]


def reference(name: str) -> Callable[[Tensor], Tensor]:
    """The plain PyTorch function of that activation: z (..., n) to y (..., n).

    Raises:
        ValueError: there is no activation of that name.
        TypeError: it is no name.
    """
    return _function(_row(name))


@cache
def _function(row: Activation) -> Callable[[Tensor], Tensor]:
    code = compile(row.torch, f"<activation {row.name}>", "eval")
    scope = {"torch": torch, "F": F}
    return lambda z: eval(code, scope, {"z": z})


class LinearAct(nn.Linear):
    """``nn.Linear`` and an activation in one op: (..., in_features) to (..., out_features).

    Parameters, their initial values under a seed, and the state dict are those of ``nn.Linear``.

    Raises:
        ValueError: there is no activation of that name.
        TypeError: it is no name.
    """

    activation: str

    def __init__(
        self,
        in_features: int,
        out_features: int,
        activation: str = "identity",
        bias: bool = True,
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        self.activation = _row(activation).name
        super().__init__(in_features, out_features, bias, device, dtype)

    def forward(self, input: Tensor) -> Tensor:
        return ops.linear_act(input, self.weight, self.bias, self.activation)

    def extra_repr(self) -> str:
        return f"{super().extra_repr()}, activation={self.activation!r}"
