"""A spec as a plain PyTorch script: no nnplay in it, the same numbers out of it.

What the script prints is, digit for digit, what the eager backend computes under the same torch.
A source of data says in `SCRIPT` how a script of its own would load `features` and `targets`; the rows of one
without are prepared by nnplay.
"""

from __future__ import annotations

import re
from itertools import pairwise
from types import ModuleType

from engine import experiments, registry
from engine.activations import ACTIVATIONS
from engine.spec import Spec

DTYPES = {"float32": "torch.float32", "float64": "torch.float64"}
OPTIMIZERS = {"sgd": "SGD", "adam": "Adam", "adamw": "AdamW"}


def script(spec: Spec) -> str:
    """The text of the script. Raises RequestError if there is no such data."""
    spec = _settled(spec)
    loading = _loading(spec)
    imports = [line for line in loading if line.startswith(("from ", "import "))]
    parts = ["\n".join(_imports(spec, imports))]
    if spec.start == "iris-mlp":
        parts = [_before(spec), "# The lecture goes on with this network."]
        parts += ["\n".join(imports)] * bool(imports)
    parts += [_data(spec, [line for line in loading if line not in imports]), _tensors(spec)]
    parts += [_beginning(spec), _training(spec)]
    if spec.split:
        parts.append(_test(spec))
    return "\n\n".join(part for part in parts if part) + "\n"


def _settled(spec: Spec) -> Spec:
    """The spec with loss and output settled; only where they are not, the data are looked at."""
    if "auto" not in (spec.loss, spec.output):
        return spec
    return spec.settled(bool(_source(spec).load(spec).class_names))


def _before(spec: Spec) -> str:
    """The script that trains the Iris network with which 1.5 goes on."""
    words = [f"{key}={spec.text(key)}" for key in ("seed", "dtype", "backend", "device")]
    return script(experiments.find("iris-mlp", words)).strip()


def _loading(spec: Spec) -> list[str]:
    """The lines that load the data."""
    text = getattr(_source(spec), "SCRIPT", "")
    if not text:
        usual = experiments.get(spec.experiment).spec(spec.variant)
        name = f"{spec.experiment}@{spec.variant}"
        words = [f"{key}={value}" for key, value in spec.changed_from(usual).items()]
        text = "from engine import datasets, experiments  # of nnplay\n\n"
        text += f"spec = experiments.find({name!r}, {words!r})"
    lines: list[str] = text.strip().splitlines()
    return lines


def _plain(spec: Spec) -> bool:
    """Whether the script loads and prepares the data by itself."""
    return hasattr(_source(spec), "SCRIPT")


def _source(spec: Spec) -> ModuleType:
    return registry.load("datasets", spec.data.partition(":")[0])  # of csv:PATH, csv


def _imports(spec: Spec, of_data: list[str]) -> list[str]:
    split = spec.split and _plain(spec)
    return [
        "import numpy as np",
        "import torch",
        "import torch.nn.functional as F",
        *of_data,
        *(["from sklearn.model_selection import train_test_split"] if split else []),
        "from torch import nn",
        "from torch.utils.data import DataLoader, TensorDataset",
    ]


def _data(spec: Spec, loading: list[str]) -> str:
    """Loading, splitting and standardizing."""
    lines = ["\n".join(loading).strip()]
    parts = ["train"] + ["test"] * (spec.split is not None)
    if not _plain(spec):
        lines.append("data = datasets.prepare(spec)")
        lines += [f"{part}_x, {part}_y = data.{part}_x, data.{part}_y" for part in parts]
        return "\n".join(lines)
    if spec.split is None:
        lines.append("train_x, train_y = features, targets")
    else:
        stratify = ", stratify=targets" if spec.split.stratify else ""
        lines.append(f"""\
train_x, test_x, train_y, test_y = train_test_split(
    features, targets, test_size={spec.split.test}, random_state={spec.split.seed}{stratify}
)""")
    if spec.standardize != "none":
        axis = "" if spec.standardize == "global" else ", axis=0"
        lines.append(f"\nmean, std = np.mean(train_x{axis}), np.std(train_x{axis})")
        if axis:
            lines.append("std = np.where(std == 0, 1.0, std)")
        lines += [f"{part}_x = ({part}_x - mean) / std" for part in parts]
    if spec.scale_target:
        lines.append("mean, std = np.mean(train_y), np.std(train_y) or 1.0")
        lines += [f"{part}_y = ({part}_y - mean) / std" for part in parts]
    return "\n".join(lines)


def _tensors(spec: Spec) -> str:
    dtype = DTYPES[spec.dtype]
    kind = "torch.int64" if spec.loss == "cross_entropy" else dtype
    return "\n".join(
        f"{part}_{column} = torch.tensor({part}_{column}, dtype={dtype if column == 'x' else kind})"
        for part in ["train"] + ["test"] * (spec.split is not None)
        for column in "xy"
    )


def _beginning(spec: Spec) -> str:
    """The seed, the loader and the network, in the order in which the lecture has random numbers drawn."""
    device = '.to("cuda")' if spec.device == "cuda" else ""
    seed = f"torch.manual_seed({spec.seed})"
    loader = (
        "rows = TensorDataset(train_x, train_y)\n"
        f"loader = DataLoader(rows, batch_size={spec.batch_size}, shuffle={spec.shuffle}, "
        f"drop_last={spec.drop_last})"
    )
    if spec.start == "iris-mlp":
        return f"{seed}\n{loader}"
    network = f"{_network(spec)}\n\n\nmodel = Model(){device}"
    if spec.start == "randn":  # the network's own first weights are drawn before the seed, and not used
        return f"""{network}

{seed}
with torch.no_grad():
    model.layer1.weight.copy_(torch.randn(train_x.shape[1]{_dtype(spec)}))
    model.layer1.bias.zero_()
{loader}"""
    if spec.start == "after-linreg-manual":
        epochs = experiments.get("linreg-manual").spec().epochs
        seed += f"\ntorch.rand(4 + 4 * {epochs})  # as many numbers as the regression by hand took before"
    return f"{seed}\n{loader}\n\n\n{network}"


def _dtype(spec: Spec) -> str:
    return "" if spec.dtype == "float32" else f", dtype={DTYPES[spec.dtype]}"


def _network(spec: Spec) -> str:
    """The network: a class with a line for each layer."""
    outputs = "int(train_y.max()) + 1" if spec.loss == "cross_entropy" else "1"
    widths = ["train_x.shape[1]", *map(str, spec.hidden), outputs]
    layers = [
        f"        self.layer{n} = nn.Linear({a}, {b}{_dtype(spec)})"
        for n, (a, b) in enumerate(pairwise(widths), 1)
    ]
    last = "softmax" if spec.output == "softmax" else "identity"
    forward = []
    for n, name in enumerate([spec.activation] * len(spec.hidden) + [last], 1):
        forward += _layer(f"self.layer{n}(x)", ACTIVATIONS[name].torch)
    result = "x" if spec.loss == "cross_entropy" else "x[:, 0]"
    return "\n".join(
        [
            "class Model(nn.Module):",
            "    def __init__(self):",
            "        super().__init__()",
            *layers,
            "",
            "    def forward(self, x):",
            *(f"        {line}" for line in forward),
            f"        return {result}",
        ]
    )


def _layer(linear: str, activation: str) -> list[str]:
    """The lines that take x through a layer; the activation is an expression in z."""
    if activation == "z":
        return [f"x = {linear}"]
    if len(re.findall(r"\bz\b", activation)) == 1:
        return ["x = " + re.sub(r"\bz\b", linear, activation)]
    return [f"z = {linear}", f"x = {activation}"]


def _training(spec: Spec) -> str:
    rates = [f"lr={spec.lr!r}"]
    rates += [f"weight_decay={spec.weight_decay!r}"] if spec.weight_decay or spec.optimizer == "adamw" else []
    rates += [f"momentum={spec.momentum!r}"] if spec.momentum else []
    device = '.to("cuda")' if spec.device == "cuda" else ""
    classifies = spec.loss == "cross_entropy"
    loss = "CrossEntropyLoss" if classifies else "MSELoss"
    right = f"\n        right += (output.argmax(dim=1) == y{device}).sum().item()" if classifies else ""
    accuracy = " accuracy {right / seen:.4f}" if classifies else ""
    weight = " * len(y)" if spec.epoch_loss == "mean" else ""
    shown = "loss.item()" if spec.epoch_loss == "last" else "total / seen"
    return f"""\
loss_fn = nn.{loss}()
optimizer = torch.optim.{OPTIMIZERS[spec.optimizer]}(model.parameters(), {", ".join(rates)})

for epoch in range(1, {spec.epochs + 1}):
    total, {"right, " if classifies else ""}seen = 0.0, {"0, " if classifies else ""}0
    for x, y in loader:
        output = model(x{device})
        loss = loss_fn(output, y{device})
        loss.backward()
        optimizer.step()
        optimizer.zero_grad()
        total += loss.item(){weight}{right}
        seen += len(y)
    print(f"epoch {{epoch}} loss {{{shown}:.6f}}{accuracy}")"""


def _test(spec: Spec) -> str:
    device = '.to("cuda")' if spec.device == "cuda" else ""
    classifies = spec.loss == "cross_entropy"
    right = f"    right = (output.argmax(dim=1) == test_y{device}).sum().item()\n" if classifies else ""
    accuracy = " accuracy {right / len(test_y):.4f}" if classifies else ""
    return f"""\
with torch.no_grad():
    output = model(test_x{device})
    loss = loss_fn(output, test_y{device}).item()
{right}    print(f"test loss {{loss:.6f}}{accuracy}")"""
