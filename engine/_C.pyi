# What csrc/module.cpp exports.
from torch import Tensor

built_with_torch: str
cpu_instruction_set: str
activations: dict[str, str]

def linear_act(input: Tensor, weight: Tensor, bias: Tensor | None, activation: str) -> Tensor: ...
