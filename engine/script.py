"""A spec as a plain PyTorch script: no nnplay in it, the same numbers out of it.

What the script prints for each epoch is, bit for bit, what the eager backend computes under the same torch.
A source of data says in `SCRIPT` how a script of its own would load it; one without is loaded by nnplay.
"""

from __future__ import annotations

import re
from itertools import pairwise

from engine import registry
from engine.activations import ACTIVATIONS
from engine.spec import Spec

DTYPES = {"float32": "torch.float32", "float64": "torch.float64"}
OPTIMIZERS = {"sgd": "SGD", "adam": "Adam", "adamw": "AdamW"}


def script(spec: Spec) -> str:
    """The text of the script. Raises RequestError if there is no such data."""
    loading = _loading(spec.data)
    imports = [line for line in loading if line.startswith(("from ", "import "))]
    parts = [
        _head(spec, imports),
        _data(spec, [line for line in loading if line not in imports]),
        _standardize(spec),
        _model(spec),
        _training(spec),
    ]
    if spec.split:
        parts.append(_test(spec))
    return "\n\n".join(parts) + "\n"


def _loading(name: str) -> list[str]:
    """The lines that load `features` and `targets`, as the source of the data has them."""
    text = getattr(registry.load("datasets", name), "SCRIPT", "")
    if not text:
        text = f"from engine import datasets  # of nnplay\n\ntable = datasets.load({name!r})\n"
        text += "features, targets = table.features, table.targets"
    lines: list[str] = text.strip().splitlines()
    return lines


def _head(spec: Spec, imports: list[str]) -> str:
    lines = [
        "import numpy as np",
        "import torch",
        "import torch.nn.functional as F",
        *imports,
        *(["from sklearn.model_selection import train_test_split"] if spec.split else []),
        "from torch import nn",
        "from torch.utils.data import DataLoader, TensorDataset",
    ]
    return "\n".join(lines)


def _data(spec: Spec, loading: list[str]) -> str:
    text = "\n".join(loading).strip()
    if spec.split is None:
        return f"{text}\ntrain_x, train_y = features, targets"
    stratify = ", stratify=targets" if spec.split.stratify else ""
    return f"""\
{text}
train_x, test_x, train_y, test_y = train_test_split(
    features, targets, test_size={spec.split.test}, random_state={spec.split.seed}{stratify}
)"""


def _standardize(spec: Spec) -> str:
    parts = ["train_x"] + ["test_x"] * (spec.split is not None)
    dtype = DTYPES[spec.dtype]
    lines = []
    if spec.standardize != "none":
        axis = "" if spec.standardize == "global" else ", axis=0"
        lines = [f"mean, std = np.mean(train_x{axis}), np.std(train_x{axis})"]
        if axis:
            lines.append("std = np.where(std == 0, 1.0, std)")
        lines += [f"{part} = ({part} - mean) / std" for part in parts]
    kind = "torch.int64" if spec.loss == "cross_entropy" else dtype
    for part in parts:
        lines.append(f"{part} = torch.tensor({part}, dtype={dtype})")
        target = part.replace("_x", "_y")
        lines.append(f"{target} = torch.tensor({target}, dtype={kind})")
    return "\n".join(lines)


def _model(spec: Spec) -> str:
    """The network: a class with a line for each layer."""
    outputs = "int(train_y.max()) + 1" if spec.loss == "cross_entropy" else "1"
    widths = ["train_x.shape[1]", *map(str, spec.hidden), outputs]
    dtype = "" if spec.dtype == "float32" else f", dtype={DTYPES[spec.dtype]}"
    layers = [
        f"        self.layer{n} = nn.Linear({a}, {b}{dtype})" for n, (a, b) in enumerate(pairwise(widths), 1)
    ]
    last = "softmax" if spec.output == "softmax" else "identity"
    forward = []
    for n, name in enumerate([spec.activation] * len(spec.hidden) + [last], 1):
        forward += _layer(f"self.layer{n}(x)", ACTIVATIONS[name].torch)
    result = "x" if spec.loss == "cross_entropy" else "x[:, 0]"
    return "\n".join(
        [
            f"torch.manual_seed({spec.seed})",
            "rows = TensorDataset(train_x, train_y)",
            f"loader = DataLoader(rows, batch_size={spec.batch_size}, shuffle={spec.shuffle}, "
            f"drop_last={spec.drop_last})",
            "\n\nclass Model(nn.Module):",
            "    def __init__(self):",
            "        super().__init__()",
            *layers,
            "\n    def forward(self, x):",
            *(f"        {line}" for line in forward),
            f"        return {result}",
            "",
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
    device = "" if spec.device == "cpu" else f'.to("{spec.device}")'
    classifies = spec.loss == "cross_entropy"
    loss = "CrossEntropyLoss" if classifies else "MSELoss"
    right = f"\n        right += (output.argmax(dim=1) == y{device}).sum().item()" if classifies else ""
    shown = ' accuracy {right / seen:.4f}")' if classifies else '")'
    return f"""\
model = Model(){device}
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
        total += loss.item() * len(y){right}
        seen += len(y)
    print(f"epoch {{epoch}} loss {{total / seen:.6f}}{shown}"""


def _test(spec: Spec) -> str:
    device = "" if spec.device == "cpu" else f'.to("{spec.device}")'
    classifies = spec.loss == "cross_entropy"
    right = f"    right = (output.argmax(dim=1) == test_y{device}).sum().item()\n" if classifies else ""
    shown = ' accuracy {right / len(test_y):.4f}")' if classifies else '")'
    return f"""\
with torch.no_grad():
    output = model(test_x{device})
    loss = loss_fn(output, test_y{device}).item()
{right}    print(f"test loss {{loss:.6f}}{shown}"""
