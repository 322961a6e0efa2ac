"""The kernels of linear_act for CUDA, run on the host: every activation and type against torch in float64."""

from __future__ import annotations

import ctypes
from ctypes import c_int64, c_void_p

import pytest
import torch
from torch import Tensor

from engine.activations import ACTIVATIONS
from engine.check import DTYPES, ULP
from engine.layers import reference

NAMES = list(ACTIVATIONS)
KINDS = list(DTYPES.values())
SHAPES = [(1, 1), (37, 130), (300, 24), (3, 1500), (64, 256)]


class View(ctypes.Structure):
    _fields_ = [("at", c_void_p), ("row", c_int64), ("col", c_int64)]


class SmallLayer(ctypes.Structure):
    _fields_ = [
        *((name, ctypes.c_int) for name in ("type", "activation", "rows", "inputs", "outputs")),
        *((name, View) for name in ("input", "weight", "bias")),
    ]


def at(t: Tensor | None) -> c_void_p:
    return c_void_p(t.data_ptr() if t is not None else None)


def view(t: Tensor | None) -> View:
    if t is None:
        return View(None, 0, 0)
    return View(t.data_ptr(), t.stride(0), t.stride(1) if t.dim() == 2 else 0)


def saved_of(name: str, z: Tensor, y: Tensor) -> Tensor | None:
    return {"nothing": None, "output": y, "preactivation": z}[ACTIVATIONS[name].saves]


def check(got: Tensor, plain: Tensor, exact: Tensor) -> None:
    """The rule of engine/check.py: at most twice torch's own error plus one unit in the last place."""
    size = ULP[got.dtype] * max(exact.abs().max().item(), torch.finfo(got.dtype).tiny / ULP[got.dtype])
    error, allowed = ((t.double() - exact).abs().max().item() / size for t in (got, plain))
    if got.dtype == torch.float64:
        allowed += 4  # the reference itself is no better
    assert error <= 2 * allowed + 1, (error, allowed)


def misplaced(t: Tensor) -> Tensor:
    """The same numbers at an address that no 16-byte load may take."""
    room = torch.empty(t.numel() + 1, dtype=t.dtype)[1:].view(t.shape)
    return room.copy_(t)


def draw(*shape: int, dtype: torch.dtype, seed: int = 0) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed)).to(dtype)


KINDS_OF = {torch.float32: 0, torch.float64: 1, torch.bfloat16: 2, torch.float16: 3}


@pytest.mark.parametrize("dtype", KINDS, ids=str)
@pytest.mark.parametrize("name", NAMES)
def test_a_pass_of_the_activation_is_as_exact_as_torch(name, dtype, library):
    for shape in SHAPES:
        z = 3 * draw(*shape, dtype=dtype)
        plain, exact = reference(name)(z), reference(name)(z.double())
        in_place = z.clone()
        for source, y in (
            (z, torch.full_like(z, float("nan"))),
            (misplaced(z), z.clone()),
            (in_place, in_place),
        ):
            arguments = (KINDS_OF[dtype], NAMES.index(name), at(source), at(y), *map(c_int64, shape))
            assert library.activate_matrix(*arguments) == 0
            check(y, plain, exact)


def gradients(name: str, z: Tensor, g: Tensor) -> tuple[Tensor, Tensor]:
    """torch's gradient by z of that type, and its sum over the rows."""
    leaf = z.detach().requires_grad_()
    (gz,) = torch.autograd.grad(reference(name)(leaf), leaf, g.to(z.dtype), materialize_grads=True)
    return gz, gz.sum(0)


def away_from_corners(name: str, z: Tensor) -> Tensor:
    """Numbers whose rounding does not decide on which side of a corner they are."""
    return z if ACTIVATIONS[name].smooth else z + 0.05 * (z + 0.5).sign() + 0.01


@pytest.mark.parametrize("dtype", KINDS, ids=str)
@pytest.mark.parametrize("name", NAMES)
def test_one_pass_gives_the_gradient_and_the_sums_of_its_columns(name, dtype, library):
    seen: dict[tuple[int, int], list[Tensor]] = {}
    for rows, cols in SHAPES:
        z = away_from_corners(name, draw(rows, cols, dtype=dtype))
        g = draw(rows, cols, dtype=dtype, seed=1)
        y = reference(name)(z)
        plain, exact = gradients(name, z, g), gradients(name, z.double(), g.double())
        for copy in (Tensor.contiguous, misplaced):
            saved = saved_of(name, z, y)
            arguments = [copy(g), None if saved is None else copy(saved)]
            gz, total = torch.full_like(z, float("nan")), torch.full_like(z[0], float("nan"))
            status = library.gradient_of_matrix(
                KINDS_OF[dtype],
                NAMES.index(name),
                *map(at, (*arguments, gz, total)),
                c_int64(rows),
                c_int64(cols),
            )
            assert status == 0
            check(gz, plain[0], exact[0])
            check(total, plain[1], exact[1])
            bits = seen.setdefault((rows, cols), [gz, total])
            assert torch.equal(gz, bits[0])
            assert torch.equal(total, bits[1])


def test_the_sums_of_a_tall_matrix_are_added_in_parts(library):
    g = draw(9000, 10, dtype=torch.float32)
    total = torch.empty(10)
    assert library.gradient_of_matrix(0, 0, at(g), None, None, at(total), c_int64(9000), c_int64(10)) == 0
    check(total, g.sum(0), g.double().sum(0))


@pytest.mark.parametrize("name", ["relu", "softmax"])
def test_a_matrix_without_rows_or_columns_is_no_trouble(name, library):
    for rows, cols in ((2, 0), (0, 3), (0, 0)):
        g, total = torch.empty(rows, cols), torch.full((cols,), float("nan"))
        arguments = (0, NAMES.index(name), at(g), at(g), at(g.clone()), at(total))
        assert library.gradient_of_matrix(*arguments, c_int64(rows), c_int64(cols)) == 0
        assert torch.equal(total, torch.zeros(cols))


def test_partial_sums_are_joined_more_exactly_than_they_are_made(library):
    g = draw(64, 3000, dtype=torch.float32)
    total = torch.empty(3000)
    arguments = (0, NAMES.index("identity"), at(g), None, None, at(total))
    assert library.gradient_of_matrix(*arguments, c_int64(64), c_int64(3000)) == 0
    in_order = torch.zeros(3000)
    for row in g:
        in_order += row
    error, of_order = ((t - g.double().sum(0)).square().mean().sqrt() for t in (total, in_order))
    assert error < 0.45 * of_order


@pytest.mark.parametrize("dtype", KINDS, ids=str)
@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("shape", [(2, 4, 16), (2, 16, 3), (32, 64, 64), (5, 100, 37), (1, 1, 1)], ids=str)
def test_a_small_layer_is_as_exact_as_torch(shape, name, dtype, library):
    rows, inputs, outputs = shape
    assert library.is_small_layer(*map(c_int64, shape))
    x, b = draw(rows, inputs, dtype=dtype), draw(outputs, dtype=dtype, seed=2)
    w = (draw(inputs, outputs, dtype=dtype, seed=1) / inputs**0.5).T  # not as it lies in memory
    g = draw(rows, outputs, dtype=dtype, seed=3)
    if not ACTIVATIONS[name].smooth:  # rounding would decide on the side of a corner
        x, w, b = ((4 * t).round() / 4 for t in (x, w, b))
        b = b + 1 / 16

    def plain(dtype: torch.dtype) -> list[Tensor]:
        leaves = [t.detach().to(dtype).requires_grad_() for t in (x, w, b)]
        y = reference(name)(torch.nn.functional.linear(*leaves))
        return [y.detach(), *torch.autograd.grad(y, leaves, g.to(dtype), materialize_grads=True)]

    layer = SmallLayer(KINDS_OF[dtype], NAMES.index(name), rows, inputs, outputs, view(x), view(w), view(b))
    y, z = torch.full_like(g, float("nan")), torch.full_like(g, float("nan"))
    by = [torch.full(t.shape, float("nan"), dtype=dtype) for t in (x, w, b)]
    assert library.small_layer_forward(ctypes.byref(layer), at(y), at(z)) == 0
    saved = saved_of(name, z, y)
    assert library.small_layer_backward(ctypes.byref(layer), at(g), at(saved), *map(at, by)) == 0
    for got, same_type, exact in zip((y, *by), plain(dtype), plain(torch.float64), strict=True):
        check(got, same_type, exact)


def test_the_largest_small_layers_stay_in_the_memory_that_a_block_has(library):
    """A block's memory is watched: what is written behind it ends the test."""
    for rows, inputs, outputs in [(2, 4, 1024), (2048, 64, 1), (1, 4096, 1), (2, 2, 1024), (1024, 64, 2)]:
        assert library.is_small_layer(*map(c_int64, (rows, inputs, outputs)))
        x, w = draw(rows, inputs, dtype=torch.float64), draw(outputs, inputs, dtype=torch.float64)
        y = torch.empty(rows, outputs, dtype=torch.float64)
        layer = SmallLayer(1, NAMES.index("softmax"), rows, inputs, outputs, view(x), view(w), view(None))
        assert library.small_layer_forward(ctypes.byref(layer), at(y), None) == 0
        torch.testing.assert_close(y, (x @ w.T).softmax(-1))
    assert not library.is_small_layer(*map(c_int64, (128, 784, 128)))
