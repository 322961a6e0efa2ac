"""What looks for faults in kernels finds them: each wait left out, and kernels that are wrong on purpose."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from ctypes import byref, c_int64
from dataclasses import replace

import pytest
import torch
from host_kernels import SANITIZER, Library
from test_layers import KINDS_OF, NAMES, SmallLayer, at, draw, view
from test_training import CASES, Case, population

FLOAT = KINDS_OF[torch.float32]
SOFTMAX = NAMES.index("softmax")


def wide_rows(library: Library) -> None:
    z = draw(3, 1500, dtype=torch.float32)
    library.activate_matrix(FLOAT, SOFTMAX, at(z), at(z), c_int64(3), c_int64(1500))


def gradients(library: Library) -> None:
    g, total = draw(12, 300, dtype=torch.float32), torch.empty(300)
    library.gradient_of_matrix(FLOAT, SOFTMAX, at(g), at(g), at(g), at(total), c_int64(12), c_int64(300))


def small_layer(library: Library) -> None:
    x, w, y = (draw(*size, dtype=torch.float32) for size in ((8, 20), (40, 20), (8, 40)))
    layer = SmallLayer(FLOAT, SOFTMAX, 8, 20, 40, view(x), view(w), view(None))
    library.small_layer_forward(byref(layer), at(y), None)
    by = [torch.empty(size) for size in ((8, 20), (40, 20), (40,))]
    library.small_layer_backward(byref(layer), at(y), at(y), *map(at, by))


def training(case: Case) -> Callable[[Library], None]:
    def train(library: Library) -> None:
        population(library, case, "float32", True)

    return train


ROWWISE = Case(activations=("softmax", "softmax"), rows=5, epochs=2, networks=2)
KERNELS = {
    "wide rows": wide_rows,
    "gradients": gradients,
    "a small layer": small_layer,
    "lanes": training(replace(ROWWISE, networks=70)),
    "a warp": training(ROWWISE),
    "a block": training(replace(CASES["a block, row-wise within"], rows=8, batch_size=3, networks=1)),
    "a grid": training(
        replace(CASES["a grid"], activations=("softmax",) * 3, rows=5, batch_size=3, networks=1, epochs=1)
    ),
}


@pytest.mark.skipif(bool(SANITIZER), reason="AddressSanitizer knows of no races")
@pytest.mark.parametrize("name", KERNELS)
def test_no_wait_can_be_left_out(name: str, library: Library) -> None:
    run = KERNELS[name]
    library.leave_out(-1)
    run(library)
    assert not library.found()
    found, missed = set[str](), set[str]()
    for which in range(library.waits_reached()):
        library.leave_out(which)
        run(library)
        (found if library.found() else missed).add(library.wait(which))
    assert found
    assert not missed - found  # the compiler makes two of some that are one in the source


WATCHED = {
    "none": "",
    "blocks": "a race: thread 0 writes what a thread of another block wrote, byte 0 of 256, at go_wrong",
    "shuffle": "a race: thread 0 reads what thread 1 wrote",
    "mask": "a race: thread 0 reads what thread 8 wrote",
    "new_array": "thread 0 reads what nobody has written",
    "new_shared": "thread 0 reads what nobody has written, byte 0 of 256, at read_new",
    "new_memory": "thread 0 reads what nobody has written, byte 0 of 256, at go_wrong",
    "apart": "threads wait for others that never come",
}
SANITIZED = {
    "none": "",
    "memory": "heap-buffer-overflow",
    "shared": "heap-buffer-overflow",
    "array": "index 64 out of bounds",
    "freed": "heap-use-after-free",
}


FAULTS = list(WATCHED | SANITIZED)
"""In the order of faults.cu."""


@pytest.mark.parametrize("fault", SANITIZED if SANITIZER else WATCHED)
def test_a_fault_is_found(fault: str, library: Library) -> None:
    which = FAULTS.index(fault)
    if not SANITIZER:
        library.commit_fault(which)
        assert library.found().startswith(WATCHED[fault])
        return
    program = f"import ctypes; ctypes.CDLL({library._name!r}).commit_fault({which})"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert (done.returncode != 0) == bool(SANITIZED[fault])
    assert SANITIZED[fault] in done.stderr


@pytest.mark.skipif(bool(SANITIZER), reason="AddressSanitizer ends the process at once")
def test_a_process_that_never_asks_what_was_found_fails(built: Library) -> None:
    program = f"import ctypes; ctypes.CDLL({built._name!r}).commit_fault({FAULTS.index('blocks')})"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert done.returncode == 1
    assert "watch: a race" in done.stderr
