"""Every activation nnplay has: one row each, name, formula and plain PyTorch code.

The compiled counterpart is the list in ``csrc/activation.h``; a test fails when the two disagree. This
module imports no torch: ``engine.layers.reference`` makes functions of the expressions.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

__all__ = ["ACTIVATIONS", "Activation"]


@dataclass(frozen=True, slots=True)
class Activation:
    """One activation y = f(z), z being the pre-activation x Wᵀ + b of a layer.

    Attributes:
        name: the word users type; torch's where torch has it.
        formula: f in plain text.
        torch: f as a plain PyTorch expression in ``z`` (``torch`` and ``F`` = torch.nn.functional in scope).
        saves: what the forward keeps for the backward: its output, the pre-activation z, or nothing.
        smooth: whether f has a second derivative that is not zero almost everywhere.
        note: what a user should know before choosing it; empty if nothing.
    """

    name: str
    formula: str
    torch: str
    saves: Literal["nothing", "output", "preactivation"]
    smooth: bool = True
    note: str = ""


_ZERO = "The derivative is 0 wherever it exists, so the gradient is exactly 0 and layers below do not learn."
_LAST = "Over the last dimension."

_ROWS = (
    Activation("identity", "z", "z", "nothing", smooth=False),
    Activation("relu", "max(0, z)", "F.relu(z)", "output", smooth=False),
    Activation("sigmoid", "1 / (1 + exp(-z))", "torch.sigmoid(z)", "output"),
    Activation("tanh", "(exp(z) - exp(-z)) / (exp(z) + exp(-z))", "torch.tanh(z)", "output"),
    Activation(
        "softmax",
        "exp(z_i) / sum_j exp(z_j)",
        "F.softmax(z, dim=-1)",
        "output",
        note="Over the last dimension.",
    ),
    Activation("log_softmax", "z_i - log(sum_j exp(z_j))", "F.log_softmax(z, dim=-1)", "output", note=_LAST),
    Activation("leaky_relu", "z if z > 0 else 0.01 z", "F.leaky_relu(z)", "output", smooth=False),
    Activation("elu", "z if z > 0 else exp(z) - 1", "F.elu(z)", "preactivation"),
    Activation("silu", "z / (1 + exp(-z))", "F.silu(z)", "preactivation"),
    Activation("gelu", "z (1 + erf(z / √2)) / 2", "F.gelu(z)", "preactivation"),
    Activation(
        "gelu_tanh",
        "z (1 + tanh(√(2/π) (z + 0.044715 z³))) / 2",
        'F.gelu(z, approximate="tanh")',
        "preactivation",
    ),
    Activation(
        "softplus", "log(1 + exp(z))", "F.softplus(z)", "preactivation", note="The identity above z = 20."
    ),
    Activation(
        "step",
        "0 if z < 0, 1/2 if z = 0, 1 if z > 0",
        "(torch.sign(z) + 1) / 2",
        "nothing",
        smooth=False,
        note=_ZERO,
    ),
    Activation(
        "sign", "-1 if z < 0, 0 if z = 0, 1 if z > 0", "torch.sign(z)", "nothing", smooth=False, note=_ZERO
    ),
    Activation(
        "piecewise_linear",
        "0 if z < -1/2, z + 1/2 between, 1 if z > 1/2",
        "(z + 0.5).clamp(0, 1)",
        "preactivation",
        smooth=False,
    ),
)

ACTIVATIONS: dict[str, Activation] = {row.name: row for row in _ROWS}
"""All activations by name, in the order of ``csrc/activation.h``."""
