"""The lecture's loop over LinearAct: each layer and its activation are one kernel."""

from __future__ import annotations

from engine.backends.eager import LoopTraining, start_loop
from engine.datasets import Prepared
from engine.layers import LinearAct
from engine.spec import Spec


def start(spec: Spec, data: Prepared) -> LoopTraining:
    return start_loop(spec, data, LinearAct)
