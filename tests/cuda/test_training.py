"""Training kernels for CUDA, run on the host: every kind of team against the CPU's runs and populations."""

from __future__ import annotations

import ctypes
import itertools
from ctypes import byref, c_double, c_int, c_int64, c_void_p
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pytest

from engine import mlp, ops
from engine.activations import ACTIVATIONS

NAMES = list(ACTIVATIONS)
TEAMS = ["lanes", "warp", "block", "grid"]
LOSSES = ["cross_entropy", "mse"]
OPTIMIZERS = ["sgd", "adam", "adamw"]

Array = np.ndarray[Any, Any]


class Net(ctypes.Structure):
    _fields_ = [
        ("widths", c_void_p),
        ("activations", c_void_p),
        *((n, c_int) for n in ("layers", "bias", "loss")),
    ]


class Updates(ctypes.Structure):
    _fields_ = [
        *((name, c_int) for name in ("optimizer", "nesterov")),
        *((name, c_double) for name in ("lr", "momentum", "weight_decay")),
    ]


class Some(ctypes.Structure):
    _fields_ = [
        ("features", c_void_p),
        ("targets", c_void_p),
        *((n, c_int64) for n in ("rows", "inputs", "columns")),
    ]


def at(array: Array) -> c_void_p:
    assert array.flags.c_contiguous
    return c_void_p(array.ctypes.data)


@dataclass(frozen=True)
class Case:
    """A network and how it is trained."""

    widths: tuple[int, ...] = (4, 16, 3)
    activations: tuple[str, ...] = ("sigmoid", "softmax")
    bias: bool = True
    loss: str = "cross_entropy"
    optimizer: str = "adam"
    lr: float = 0.01
    momentum: float = 0.0
    weight_decay: float = 0.0
    nesterov: bool = False
    rows: int = 21
    batch_size: int = 2
    epochs: int = 3
    networks: int = 3
    shuffle: bool = True
    drop_last: bool = False

    def data(self, rows: int = 0, seed: int = 1) -> tuple[Array, Array]:
        rng = np.random.default_rng(seed)
        x = rng.standard_normal((rows or self.rows, self.widths[0]))
        if self.loss == "mse":
            return x, rng.standard_normal((len(x), self.widths[-1]))
        return x, rng.integers(0, self.widths[-1], len(x)).astype(np.float64)

    def net(self) -> tuple[Net, list[Array]]:
        """The structure, and the arrays that it points to."""
        widths = np.array(self.widths, np.int64)
        activations = np.array([NAMES.index(name) for name in self.activations], np.int32)
        net = Net(at(widths), at(activations), len(activations), self.bias, LOSSES.index(self.loss))
        return net, [widths, activations]

    def updates(self) -> Updates:
        optimizer = OPTIMIZERS.index(self.optimizer)
        return Updates(optimizer, self.nesterov, self.lr, self.momentum, self.weight_decay)

    def arguments(self, dtype: str) -> dict[str, Any]:
        x, y = self.data()
        return {
            "widths": list(self.widths),
            "activations": list(self.activations),
            "bias": self.bias,
            "loss": self.loss,
            "features": x,
            "targets": y,
            "rule": ops.Rule(
                self.optimizer,
                self.lr,
                momentum=self.momentum,
                weight_decay=self.weight_decay,
                nesterov=self.nesterov,
            ),
            "batches": ops.Batches(self.batch_size, shuffle=self.shuffle, drop_last=self.drop_last),
            "dtype": dtype,
            "fused": mlp.FUSED,
        }


def population(library: ctypes.CDLL, case: Case, dtype: str, test_epochs: bool) -> dict[str, Array]:
    """Through the kernels, as cuda/population.cpp starts them."""
    net, _kept = case.net()
    (x, y), (test_x, test_y) = case.data(), case.data(7, seed=2)
    count, parameters = case.networks, sum((i + case.bias) * o for i, o in itertools.pairwise(case.widths))
    columns = 1 if y.ndim == 1 else y.shape[1]
    seeds = np.arange(count, dtype=np.uint64)
    lr, decay = case.lr * np.linspace(1, 2, count), np.full(count, case.weight_decay)
    tests = case.epochs if test_epochs else 1
    shapes = {"loss": case.epochs, "accuracy": case.epochs, "test_loss": tests, "test_accuracy": tests}
    found = {name: np.full((count, size), np.nan) for name, size in shapes.items()}
    found |= {"good": np.zeros(count, np.int64), "weights": np.full((count, parameters), np.nan)}
    status = library.train_many(
        byref(net),
        byref(Some(at(x), at(y), len(x), case.widths[0], columns)),
        byref(Some(at(test_x), at(test_y), len(test_x), case.widths[0], columns)),
        byref(case.updates()),
        *map(c_int64, (case.batch_size,)),
        *(c_int(flag) for flag in (case.shuffle, case.drop_last, True)),
        *map(c_int64, (case.epochs, count)),
        *map(at, (seeds, lr, decay)),
        *(c_int(flag) for flag in (test_epochs, dtype == "float64", mlp.FUSED)),
        *(at(array) for array in found.values()),
    )
    assert status == 0, library.message().decode()
    return found


def population_of_engine(case: Case, dtype: str, test_epochs: bool, device: str = "cpu") -> dict[str, Array]:
    test_x, test_y = case.data(7, seed=2)
    results = ops.train_population(
        **case.arguments(dtype),
        test_features=test_x,
        test_targets=test_y,
        epochs=case.epochs,
        seeds=list(range(case.networks)),
        lr=case.lr * np.linspace(1, 2, case.networks),
        weight_decay=np.full(case.networks, case.weight_decay),
        weights=None,
        test_epochs=test_epochs,
        threads=1,
        device=device,
    )
    return dict(
        zip(("loss", "accuracy", "test_loss", "test_accuracy", "good", "weights"), results, strict=True)
    )


def team_of(library: ctypes.CDLL, case: Case, dtype: str) -> str:
    net, _kept = case.net()
    layout = library.layout_of(
        byref(net), c_int64(case.batch_size), c_int64(case.networks), dtype == "float64"
    )
    return TEAMS[layout]


CASES = {
    "lanes": Case(networks=70),
    "warp": Case(),
    "a warp, a wide batch": Case(batch_size=7, drop_last=True),
    "a block": Case(
        widths=(20, 60, 30, 5), activations=("tanh", "gelu", "log_softmax"), rows=40, batch_size=8
    ),
    "a block, row-wise within": Case(
        widths=(20, 60, 33, 4), activations=("softmax", "elu", "identity"), networks=2, batch_size=5
    ),
    "a grid": Case(
        widths=(90, 150, 120, 3),
        activations=("relu", "silu", "softmax"),
        networks=2,
        epochs=2,
        rows=24,
        batch_size=8,
    ),
    "one layer": Case(widths=(5, 3), activations=("identity",), batch_size=4),
    "a regression": Case(widths=(3, 8, 2), activations=("softplus", "identity"), loss="mse", batch_size=3),
    "no bias": Case(widths=(6, 9, 4), activations=("leaky_relu", "softmax"), bias=False),
    "as they are": Case(shuffle=False),
    "sgd": Case(optimizer="sgd", lr=0.1, weight_decay=0.01),
    "momentum": Case(optimizer="sgd", lr=0.05, momentum=0.9),
    "nesterov": Case(optimizer="sgd", lr=0.05, momentum=0.9, nesterov=True, weight_decay=0.01),
    "adamw": Case(optimizer="adamw", weight_decay=0.1),
    "decay": Case(weight_decay=0.1),
}
EXPECTED = {"lanes": "lanes", "warp": "warp", "a block": "block", "a grid": "grid"}


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("name", CASES)
def test_a_population_is_that_of_the_cpu(name, dtype, library):
    case = CASES[name]
    if name in EXPECTED and not (name == "lanes" and dtype == "float64"):
        assert team_of(library, case, dtype) == EXPECTED[name]
    test_epochs = name in ("warp", "a block", "a regression")
    got = population(library, case, dtype, test_epochs)
    wanted = population_of_engine(case, dtype, test_epochs)
    exact = population_of_engine(case, "float64", test_epochs)
    assert np.array_equal(got["good"], wanted["good"])
    for figure in ("loss", "test_loss", "weights"):
        error, allowed = (np.abs(one[figure] - exact[figure]).max() for one in (got, wanted))
        ulp = np.finfo(dtype).eps * np.abs(exact[figure]).max()
        assert error <= 2 * allowed + (1 if dtype == "float32" else 1000) * ulp, figure
    if dtype == "float64" and case.loss == "cross_entropy":
        assert np.array_equal(got["accuracy"], wanted["accuracy"])
        assert np.array_equal(got["test_accuracy"], wanted["test_accuracy"])


@pytest.mark.parametrize("name", ["lanes", "warp", "a block, row-wise within", "a grid", "one layer"])
def test_no_network_depends_on_the_order_in_which_threads_run(name, library):
    """A thread that did not wait where it must would see other numbers."""
    case = replace(CASES[name], epochs=1)
    bits = []
    for order in range(3):
        library.set_order(order)
        bits.append(population(library, case, "float32", True))
    for other in bits[1:]:
        for figure, numbers in bits[0].items():
            assert np.array_equal(other[figure], numbers), figure


def test_a_network_is_the_same_in_any_team(library):
    """The same network by 8 lanes, by a warp and, in larger batches than a warp is given, by itself."""
    many, few = (population(library, replace(Case(), networks=n, lr=0.01), "float32", False) for n in (70, 3))
    assert team_of(library, replace(Case(), networks=70), "float32") == "lanes"
    assert team_of(library, Case(), "float32") == "warp"
    assert np.array_equal(many["weights"][0], few["weights"][0])
    assert np.array_equal(many["loss"][0], few["loss"][0])


def test_a_network_whose_loss_is_no_number_says_from_which_step_on(library):
    case = Case(
        widths=(4, 8, 2), activations=("identity", "identity"), loss="mse", optimizer="sgd", lr=1e8, epochs=2
    )
    got, wanted = population(library, case, "float32", False), population_of_engine(case, "float32", False)
    assert np.array_equal(got["good"], wanted["good"])
    assert not np.isfinite(got["loss"]).any()


def steps(library: ctypes.CDLL, case: Case, dtype: str, order: Array, state: list[Array], before: int) -> Any:
    """Some steps of one network, as a run takes them; `state` goes on. Returns their number and the sums."""
    net, _kept = case.net()
    x, y = (array.astype(dtype) for array in case.data())
    sums = np.zeros(4)
    train = library.train_single if dtype == "float32" else library.train_double
    columns = 1 if y.ndim == 1 else y.shape[1]
    order = order.astype(np.uint32)
    taken = train(
        byref(net), at(x), at(y), *map(c_int64, (len(x), case.widths[0], columns)), at(order),
        *map(c_int64, (len(order), case.batch_size)), byref(case.updates()), c_int64(before),
        *map(at, state), at(sums),
    )  # fmt: skip
    return taken, sums


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("name", ["warp", "a block", "a grid", "nesterov"])
def test_the_steps_of_a_run_are_those_of_the_cpu(name, dtype, library):
    case = CASES[name]
    run, exact = (ops.Run(**case.arguments(kind), seed=3) for kind in (dtype, "float64"))
    state = [run.weights().astype(dtype), *(np.zeros(run.parameters, dtype) for _ in range(2))]
    exact.set_weights(run.weights())
    taken = 0
    for _ in range(3):
        run.begin_epoch()
        exact.begin_epoch()
        order = np.array(run.state()[0]["order"])
        first = 3 * case.batch_size  # in two goes
        for part in (order[:first], order[first:]):
            done, sums = steps(library, case, dtype, part, state, taken)
            assert done == -(-len(part) // case.batch_size)
            assert sums[2] == len(part)
            taken += done
        run.advance(run.steps_left)
        exact.advance(exact.steps_left)
    arrays, numbers = run.state()
    exact_arrays, _ = exact.state()
    assert numbers["steps"] == taken
    for key, got in zip(("weights", "first_moment", "second_moment"), state, strict=True):
        error, allowed = (np.abs(one - exact_arrays[key]).max() for one in (got, arrays[key]))
        ulp = np.finfo(dtype).eps * np.abs(exact_arrays[key]).max()
        assert error <= 2 * allowed + (1 if dtype == "float32" else 1000) * ulp, key


def test_a_run_stops_before_the_step_whose_loss_is_no_number(library):
    case = Case(widths=(4, 8, 2), activations=("identity", "identity"), loss="mse", optimizer="sgd", lr=1e8)
    run = ops.Run(**replace(case, shuffle=False).arguments("float32"), seed=3)
    state = [run.weights().astype(np.float32), *(np.zeros(run.parameters, np.float32) for _ in range(2))]
    run.begin_epoch()
    wanted, bad = run.advance(run.steps_left)
    taken, sums = steps(library, case, "float32", np.arange(case.rows), state, 0)
    assert taken == wanted > 0
    assert not np.isfinite(bad)
    assert not np.isfinite(sums[3])
    assert np.isfinite(sums[0])


def test_too_little_memory_says_what_to_lower(library):
    """The stand-in has 64 MiB."""
    case = Case(widths=(784, 100, 10), activations=("relu", "identity"), rows=30, networks=100)
    with pytest.raises(
        AssertionError, match=r"too little free memory \(.* of 0.07 GB\).*lower the number of networks"
    ):
        population(library, case, "float32", False)
