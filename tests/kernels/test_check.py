"""`nnplay check` finds kernels that are wrong, and says so by its exit status."""

import json
import math
from functools import partial

import pytest
import torch

from engine import check


def wrong(layer, where):
    """The layer with one NaN, or with an error of 1 %, where the input has so many rows."""

    def changed(x, w, b, name):
        y = layer(x, w, b, name)
        return y if len(x) != where[0] else y * where[1]

    return changed


@pytest.fixture
def one_activation(monkeypatch):
    monkeypatch.setattr(check, "check", partial(check.check, activations=["sigmoid"]))


@pytest.mark.parametrize("rows", [2, 5, 128])
@pytest.mark.parametrize("factor", [math.nan, 1.05])
def test_what_is_wrong_for_one_shape_alone_fails(rows, factor, one_activation, monkeypatch, capsys):
    monkeypatch.setattr(check, "linear_act", wrong(check.linear_act, (rows, factor)))
    assert check.main([]) == 1
    printed = capsys.readouterr().out
    assert printed.count("FAILED") == 16
    assert "0 of 16 within" in printed
    assert "take backend=eager, and report this" in printed


MUTANTS = {
    "wrong sign": lambda layer, x, w, b, name: layer(x, -w, b, name),
    "no bias": lambda layer, x, w, b, name: layer(x, w, None, name) + 0 * b.sum(),
    "no last column": lambda layer, x, w, b, name: layer(x[:, :-1], w[:, :-1], b, name),
    "eight ulps": lambda layer, x, w, b, name: layer(x, w, b, name) * (1 + 8 * torch.finfo(x.dtype).eps),
}


@pytest.mark.parametrize("dtype", check.DTYPES.values(), ids=str)
@pytest.mark.parametrize("shape", [(1, 1, 1), (1, 90, 1), (32, 64, 64)], ids=str)
@pytest.mark.parametrize("mutant", MUTANTS)
def test_a_wrong_kernel_fails_whatever_the_shape(mutant, shape, dtype, device, monkeypatch):
    """The shapes whose few numbers are right or wrong by chance included."""
    monkeypatch.setattr(check, "linear_act", partial(MUTANTS[mutant], check.linear_act))
    assert not check.check_case("sigmoid", dtype, shape, device)[0].passed


def test_json_says_how_many_failed(one_activation, monkeypatch, capsys):
    assert check.main(["--json"]) == 0
    assert json.loads(capsys.readouterr().out)["failed"] == 0
    monkeypatch.setattr(check, "linear_act", wrong(check.linear_act, (32, math.nan)))
    assert check.main(["--json"]) == 1
    assert json.loads(capsys.readouterr().out)["failed"] == 16
