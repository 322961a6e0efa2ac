"""Any strides, any leading dimensions, any instruction set: the same bits."""

import os
import subprocess
import sys

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.activations import ACTIVATIONS
from engine.check import DTYPES, check_case
from engine.ops import linear_act

NAMES = list(ACTIVATIONS)
KINDS = list(DTYPES.values())


def everything(name, arguments, grad):
    leaves = [t.detach().requires_grad_() for t in arguments]
    y = linear_act(*leaves, *([None] * (3 - len(leaves))), name)
    return [y, *torch.autograd.grad(y, leaves, grad)]


def same_bits(got, wanted):
    return all(
        a.shape == b.shape and ((a == b) | (a.isnan() & b.isnan())).all()
        for a, b in zip(got, wanted, strict=True)
    )


@st.composite
def views(draw, shape):
    """A tensor of that shape: dense, transposed, with gaps, at an offset, or expanded from one number."""
    kind = draw(st.sampled_from(["dense", "transposed", "gaps", "offset", "expanded"]))
    torch.manual_seed(draw(st.integers(0, 1000)))
    if kind == "transposed":
        return torch.randn(shape[::-1]).permute(*reversed(range(len(shape))))
    if kind == "gaps":
        return torch.randn([2 * n for n in shape])[tuple(slice(None, None, 2) for _ in shape)]
    if kind == "offset":
        return torch.randn([n + 1 for n in shape])[tuple(slice(1, None) for _ in shape)]
    if kind == "expanded":
        return torch.randn([1] * len(shape)).expand(shape)
    return torch.randn(shape)


@st.composite
def layers(draw):
    on_cpu = (
        torch.get_default_device().type == "cpu"
    )  # a GPU's library chooses by strides what to do with large ones
    batch = draw(st.lists(st.integers(0, 5), min_size=0, max_size=3 if on_cpu else 2))
    inputs, outputs = draw(st.integers(1, 40)), draw(st.integers(1, 40))
    arguments = [draw(views([*batch, inputs])), draw(views([outputs, inputs]))]
    if draw(st.booleans()):
        arguments.append(draw(views([outputs])))
    return arguments, draw(views([*batch, outputs]))


@settings(max_examples=150)
@given(layers(), st.sampled_from(NAMES), st.sampled_from(KINDS))
def test_a_view_gives_the_bits_of_a_dense_tensor(layer, name, dtype):
    arguments, grad = [t.to(dtype) for t in layer[0]], layer[1].to(dtype)
    dense = everything(name, [t.contiguous().clone() for t in arguments], grad.contiguous().clone())
    assert same_bits(everything(name, arguments, grad), dense)


@settings(max_examples=60)
@given(
    st.tuples(st.integers(1, 90), st.integers(1, 90), st.integers(1, 90)),
    st.sampled_from(NAMES),
    st.sampled_from(KINDS),
)
def test_any_shape_is_as_exact_as_torch(device, shape, name, dtype):
    for result in check_case(name, dtype, shape, device):
        assert result.passed, result


@pytest.mark.parametrize("leading", [(), (1,), (0,), (2, 3), (2, 0, 3), (1, 1, 1, 2)])
@pytest.mark.parametrize("name", NAMES)
def test_leading_dimensions_are_rows(name, leading):
    x, w, b = torch.randn(*leading, 7), torch.randn(5, 7), torch.randn(5)
    y = linear_act(x, w, b, name)
    assert y.shape == (*leading, 5)
    assert torch.equal(y.reshape(-1, 5), linear_act(x.reshape(-1, 7), w, b, name))


@pytest.mark.parametrize("shape", [(2, 0, 3), (0, 4, 3), (2, 4, 0)], ids=str)
@pytest.mark.parametrize("name", ["identity", "relu", "softmax"])
def test_empty_layers_give_what_torch_gives(name, shape):
    batch, inputs, outputs = shape
    arguments = [torch.randn(batch, inputs), torch.randn(outputs, inputs), torch.randn(outputs)]
    got = everything(name, arguments, torch.ones(batch, outputs))
    assert [t.shape for t in got] == [(batch, outputs), *(t.shape for t in arguments)]
    assert not any(t.isnan().any() for t in got)


@pytest.mark.parametrize(
    ("isa", "of_torch", "of_mkl"), [("avx2", "avx2", "AVX2"), ("baseline", "default", "SSE4_2")]
)
def test_every_instruction_set_passes_the_check(isa, of_torch, of_mkl):
    """Against torch on the same one. A processor that lacks it runs its next lesser copy once more."""
    environment = {
        **os.environ,
        "NNPLAY_ISA": isa,
        "ATEN_CPU_CAPABILITY": of_torch,
        "MKL_ENABLE_INSTRUCTIONS": of_mkl,
        "OMP_NUM_THREADS": "1",
    }
    code = """if True:
        import sys
        from engine.check import DTYPES, check_case, main
        large = [r for dtype in DTYPES.values() for r in check_case("softmax", dtype, (311, 500, 311))]
        sys.exit([r for r in large if not r.passed] or main([]))
    """
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
