"""All tensors of a moment by name, and the values of one of them, with those that it had before."""

from __future__ import annotations

from typing import Any

from engine import moments
from engine.datasets import Array
from engine.errors import unknown
from engine.frames import Answer

NUMBERS = 1 << 21  # of a tensor, at most: more are not sent


def answer(*, name: str, since: str, step: int = 0, **source: Any) -> Answer:
    """The tensor of that `name` (empty: none), and as it was `since`: at the `start`, `before` the last step.

    Values: `names`, `shapes` and `dtypes` of all tensors, `device`. Arrays: `tensor` and `earlier`, unless
    they are too large or, at the earlier step, not of the same shape. Raises RequestError for a name that is
    not there.
    """
    earlier: Array | None = None
    if since and name:
        at = 0 if since == "start" else max(step - 1, 0)
        before = moments.find(**source, step=at)
        earlier = before.tensors().get(name) if before.step == before.wanted else None
    moment = moments.find(**source, step=step)
    tensors = moment.tensors()
    if name and name not in tensors:
        raise unknown("tensor", name, tensors)
    arrays = {}
    if name and tensors[name].size <= NUMBERS:
        arrays["tensor"] = tensors[name]
        if earlier is not None and earlier.shape == tensors[name].shape:
            arrays["earlier"] = earlier
    values = {
        "names": list(tensors),
        "shapes": [list(array.shape) for array in tensors.values()],
        "dtypes": [str(array.dtype) for array in tensors.values()],
        "name": name,
        "since": since,
        "device": moment.spec.device,
    }
    return Answer(moment.values() | values, arrays)
