# What csrc/module.cpp and csrc/module_mlp.cpp export.
from typing import Any

from numpy.typing import NDArray
from torch import Tensor

Array = NDArray[Any]

built_with_torch: str
cpu_instruction_set: str
has_cuda: bool
cuda: str
activations: dict[str, str]

def linear_act(input: Tensor, weight: Tensor, bias: Tensor | None, activation: str) -> Tensor: ...

class Rule:
    def __init__(
        self,
        optimizer: str,
        lr: float,
        *,
        momentum: float = 0.0,
        weight_decay: float = 0.0,
        nesterov: bool = False,
        beta1: float = 0.9,
        beta2: float = 0.999,
        eps: float = 1e-8,
    ) -> None: ...

class Batches:
    def __init__(
        self, size: int, *, shuffle: bool = True, drop_last: bool = False, weighted: bool = True
    ) -> None: ...

class Run:
    def __init__(
        self,
        *,
        widths: list[int],
        activations: list[str],
        bias: bool,
        loss: str,
        features: Array,
        targets: Array,
        rule: Rule,
        batches: Batches,
        seed: int,
        test_features: Array | None = None,
        test_targets: Array | None = None,
        weights: Array | None = None,
        skipped: int = 0,
        dtype: str,
        fused: bool,
        device: str = "cpu",
    ) -> None: ...
    @property
    def parameters(self) -> int: ...
    @property
    def steps_left(self) -> int: ...
    def begin_epoch(self) -> None: ...
    def advance(self, steps: int) -> tuple[int, float]: ...
    def advance_epochs(self, count: int) -> tuple[Array, int, float, float]: ...
    def interrupt(self) -> None: ...
    def score(self) -> tuple[float, float]: ...
    def test(self) -> tuple[float, float]: ...
    def set_rule(self, rule: Rule) -> None: ...
    def set_batches(self, batches: Batches) -> None: ...
    def evaluate(self, features: Array, targets: Array) -> tuple[float, float, Array]: ...
    def weights(self) -> Array: ...
    def set_weights(self, weights: Array) -> None: ...
    def gradient(self) -> Array: ...
    def batch(self) -> Array: ...
    def state(self) -> tuple[dict[str, Array], dict[str, int | float]]: ...
    def restore(self, arrays: dict[str, Array], numbers: dict[str, int | float]) -> None: ...

def train_population(
    *,
    widths: list[int],
    activations: list[str],
    bias: bool,
    loss: str,
    features: Array,
    targets: Array,
    test_features: Array,
    test_targets: Array,
    rule: Rule,
    batches: Batches,
    epochs: int,
    seeds: list[int],
    lr: Array,
    weight_decay: Array,
    weights: Array | None,
    skipped: int = 0,
    dtype: str,
    fused: bool,
    test_epochs: bool,
    threads: int,
    device: str = "cpu",
) -> tuple[Array, Array, Array, Array, Array, Array]: ...
