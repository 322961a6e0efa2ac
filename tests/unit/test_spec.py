"""A spec fixes a run, and says what is wrong in one line."""

from __future__ import annotations

import json
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine import experiments
from engine.errors import RequestError
from engine.spec import KEYS, Spec
from engine.values import Split

IRIS = experiments.find("iris-mlp")


@pytest.mark.parametrize(
    ("word", "allowed"),
    [
        ("lr=abc", "a number above 0"),
        ("lr=-1", "a number above 0"),
        ("lr=nan", "a number above 0"),
        ("lr=inf", "a number above 0"),
        ("lr=", "a number above 0"),
        ("epochs=0", "a whole number from 1"),
        ("epochs=1.5", "a whole number from 1"),
        ("hidden=0", "widths from 1"),
        ("hidden=8,,8", "widths from 1"),
        ("hidden=" + ",".join(["1"] * 65), "widths from 1"),
        ("batch_size=1e9", "a whole number from 1 to 1,000,000"),
        ("seed=-1", "a whole number from 0"),
        ("seed=" + "9" * 5000, "a whole number from 0"),
        ("shuffle=maybe", "yes or no"),
        ("split=2", "the part held out"),
        ("split=1/0", "the part held out"),
        ("split=1e999999999", "the part held out"),
        ("split=1/3,sedd=2", "the part held out"),
        ("momentum=1", "below 1"),
    ],
)
def test_a_refused_value_names_its_key_what_is_allowed_and_what_came(word: str, allowed: str) -> None:
    key, _, value = word.partition("=")
    with pytest.raises(RequestError) as refusal:
        experiments.find("iris-mlp", [word])
    message = str(refusal.value)
    assert message.startswith(f"{key}: expected ")
    assert allowed in message
    assert message.endswith(f"got {value[:60] or 'nothing'}")
    assert "\n" not in message


@pytest.mark.parametrize(
    ("request_", "near"),
    [
        (["iris-mpl"], "iris-mlp"),
        (["iris-mlp@correctd"], "corrected"),
        (["iris-mlp", "activation=sigmod"], "sigmoid"),
        (["iris-mlp", "backend=fussed"], "fused"),
        (["iris-mlp", "epoch=3"], "epochs"),
        (["iris-mlp", "optimizer=ADAM"], "adam"),
    ],
)
def test_an_unknown_name_is_answered_with_the_nearest(request_: list[str], near: str) -> None:
    with pytest.raises(RequestError, match=f"did you mean {near}"):
        experiments.find(request_[0], request_[1:])


@pytest.mark.parametrize("word", ["lr", "=3", "lr=1 lr=2"])
def test_words_that_are_no_assignments_are_refused(word: str) -> None:
    with pytest.raises(RequestError):
        experiments.find("iris-mlp", word.split())


@pytest.mark.parametrize("words", [["loss=mse"], ["output=linear"], ["momentum=0.9"]])
def test_values_that_do_not_go_together_are_refused(words: list[str]) -> None:
    with pytest.raises(RequestError, match=r"needs|belongs"):
        experiments.find("iris-mlp", words)


VALUES = st.fixed_dictionaries(
    {
        "lr": st.floats(1e-9, 1e6),
        "weight_decay": st.floats(0, 1e6),
        "hidden": st.lists(st.integers(1, 65536), max_size=64).map(tuple),
        "epochs": st.integers(1, 1_000_000),
        "seed": st.integers(0, 2**63 - 1),
        "shuffle": st.booleans(),
        "standardize": st.sampled_from(["global", "feature", "none"]),
        "split": st.none()
        | st.builds(
            Split,
            st.fractions(Fraction(1, 1000), Fraction(999, 1000), max_denominator=1000),
            st.integers(0, 2**32 - 1),
            st.booleans(),
        ),
    }
)


@given(VALUES)
def test_a_spec_comes_back_from_json_and_from_its_words(values: dict[str, object]) -> None:
    spec = Spec(experiment="iris-mlp", **values)  # type: ignore[arg-type]
    assert Spec.from_json(json.loads(json.dumps(spec.to_json()))) == spec
    name, *words = experiments.words(spec).split()
    assert experiments.find(name, words) == spec


@given(st.text(max_size=30), st.sampled_from(sorted(KEYS)))
def test_whatever_is_typed_is_a_value_or_a_refusal(text: str, key: str) -> None:
    try:
        spec = IRIS.replace_text({key: text})
    except RequestError:
        return
    assert spec.replace_text({key: spec.text(key)}) == spec


@pytest.mark.parametrize("values", [None, [], 3, {}, {"experiment": 1}, {"experiment": "iris-mlp", "rl": 1}])
def test_json_that_is_no_spec_is_refused(values: object) -> None:
    with pytest.raises(RequestError):
        Spec.from_json(values)


def test_every_key_tells_what_it_is_for_and_when_a_change_takes_effect() -> None:
    for key in KEYS.values():
        assert key.help
        assert key.kind.allowed
        assert key.kind.read(IRIS.text(key.name)) == getattr(IRIS, key.name)
    assert [k.name for k in KEYS.values() if k.effect == "live"] == [
        "lr",
        "momentum",
        "weight_decay",
        "epochs",
    ]


@pytest.mark.parametrize(
    ("name", "texts"),
    [
        ("lr", ["0.0005", "0.001", "0.002", "0.005", "0.01"]),
        ("epochs", ["50", "100", "200"]),
        ("batch_size", ["1", "2", "5", "10"]),
        ("seed", ["0", "1", "2", "3"]),
        ("weight_decay", ["0", "1e-06", "2e-06", "5e-06"]),
        ("hidden", ["6", "8", "12", "16", "24", "32"]),
        ("hidden", ["4,6", "6,8", "8,12"]),
        ("split", ["none", "1/10", "1/5", "1/4", "1/3", "1/2"]),
        ("shuffle", ["no", "yes"]),
        ("optimizer", ["sgd", "adam", "adamw"]),
    ],
)
def test_a_value_turns_along_its_notches_and_back(name: str, texts: list[str]) -> None:
    spec = IRIS.replace_text({name: texts[0]})
    up = [spec := spec.turn(name, 1) for _ in texts[1:]]
    assert [s.text(name) for s in up] == texts[1:]
    down = [spec := spec.turn(name, -1) for _ in texts[1:]]
    assert [s.text(name) for s in down] == texts[-2::-1]


def test_momentum_turns_towards_one() -> None:
    spec = IRIS.replace_text({"optimizer": "sgd"})
    seen = [spec := spec.turn("momentum", 1) for _ in range(6)]
    assert [s.momentum for s in seen] == [0.5, 0.8, 0.9, 0.95, 0.98, 0.99]
    assert spec.replace_text({"momentum": "0"}).turn("momentum", -1).momentum == 0


@pytest.mark.parametrize("name", KEYS)
def test_every_key_turns_both_ways_into_a_spec(name: str) -> None:
    for by in (1, -1):
        spec = IRIS
        for _ in range(40):
            spec = spec.turn(name, by)
        assert Spec.from_json(spec.to_json()) == spec
