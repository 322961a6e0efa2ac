"""What only a process with torch can tell of this machine, as one JSON object: `python -m engine.facts`."""

from __future__ import annotations

import json
import sys


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
        return found | {"build": f"no: {error}", "instruction_set": None, "cuda": "no: nothing is built"}
    found |= {"build": f"for torch {ops.BUILT_WITH_TORCH}", "instruction_set": ops.CPU_INSTRUCTION_SET}
    if not ops.HAS_CUDA:
        cuda = f"no: {ops.CUDA}"
    elif not torch.cuda.is_available():
        cuda = f"built for {ops.CUDA}, but torch finds no device"
    else:
        cuda = f"{ops.CUDA}, on {torch.cuda.get_device_name()}"
    return found | {"cuda": cuda}


if __name__ == "__main__":
    print(json.dumps(facts()))
    sys.exit(0)
