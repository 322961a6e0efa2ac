"""The network as a picture: each neuron's output over two features, and the weights between neurons."""

from __future__ import annotations

from typing import Any

import numpy as np

from engine import moments
from engine.anatomy import plane, ranges, telling
from engine.frames import Answer


def answer(*, x: int, y: int, sizes: list[list[int]], first: list[int], **source: Any) -> Answer:
    """Of each layer, the inputs included, neurons from `first[layer]` on, and how large a map of each.

    `sizes` has for each layer the number of neurons and the columns and rows of their maps; what is missing
    in either list is taken from the last. Arrays: `map.0`, `map.1` … (neurons, rows, columns), what each
    neuron gives over a rectangle of the features `x` and `y`, counted by how telling they are: the top row
    first, the other features at their mean; layer 0 are the inputs. `weight.1` … (neurons, neurons before)
    and `bias.1` … (neurons,) are the parameters of what is shown. Values: `widths` of all layers, and
    `first`, where each layer's neurons begin.
    """
    moment = moments.find(**source)
    data = moment.data
    columns = data.train_x.shape[1]
    order = telling(data)
    x, y = order[x % columns], order[y % columns]
    rectangle = plane(data, x, y)
    widths = [columns, *moment.network.widths]
    shown: list[slice] = []
    arrays = {}
    for layer, width in enumerate(widths):
        count, map_columns, map_rows = sizes[min(layer, len(sizes) - 1)]
        begin = max(0, min(first[layer] if layer < len(first) else 0, width - count))
        shown.append(slice(begin, begin + count))
        rows = rectangle.rows(map_columns, map_rows)
        output = moment.network.outputs(rows, layer)[:, shown[layer]]
        arrays[f"map.{layer}"] = output.T.reshape(-1, map_rows, map_columns).astype(np.float32)
        if layer:
            weight, bias = (moment.parameters[f"{layer - 1}.{part}"] for part in ("weight", "bias"))
            arrays[f"weight.{layer}"] = weight[shown[layer], shown[layer - 1]]
            arrays[f"bias.{layer}"] = bias[shown[layer]]
    begins = [part.start for part in shown]
    values = {"x": x, "y": y, "ranges": ranges(data, rectangle), "widths": widths, "first": begins}
    return Answer(moment.values() | values, arrays)
