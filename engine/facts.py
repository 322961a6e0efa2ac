"""What only a process with torch can tell of this machine, as one JSON object: `python -m engine.facts`."""

from __future__ import annotations

import json
import sys
import warnings


def facts() -> dict[str, object]:
    """torch, nnplay's compiled kernels, CUDA; what is missing says why."""
    import torch

    found: dict[str, object] = {
        "torch": torch.__version__,
        "torch_cuda": torch.version.cuda,
        "threads": torch.get_num_threads(),
    }
    try:
        from engine import ops
    except ImportError as error:
        return found | {
            "build": f"no: {error}",
            "instruction_set": None,
            "cuda": "no: there are no kernels to use",
        }
    found |= {"build": f"for torch {ops.BUILT_WITH_TORCH}", "instruction_set": ops.CPU_INSTRUCTION_SET}
    if not ops.HAS_CUDA:
        return found | {"cuda": f"no: {ops.CUDA} (`make install` looks again)"}
    with warnings.catch_warnings(record=True) as told:  # torch warns of a driver that is missing or too old
        warnings.simplefilter("always")
        available = torch.cuda.is_available()
    if available:
        return found | {"cuda": f"{ops.CUDA}, on {torch.cuda.get_device_name()}"}
    why = str(told[0].message).partition(" (Triggered")[0] if told else "see nvidia-smi"
    return found | {"cuda": f"{ops.CUDA} is built, but torch finds no GPU: {why}"}


if __name__ == "__main__":
    print(json.dumps(facts()))
    sys.exit(0)
