"""Section 1.4: a multilayer perceptron for the Iris flowers."""

from fractions import Fraction

from engine.experiments import Experiment, Variant
from engine.values import Split

EXPERIMENT = Experiment(
    name="iris-mlp",
    section="1.4",
    title="Iris flowers",
    about="Four measures of a flower go in, three species come out. One hidden layer of 16 sigmoid neurons, "
    "trained by Adam two flowers at a time.",
    values={
        "data": "iris",
        "split": Split(Fraction(1, 3)),
        "standardize": "global",
        "hidden": (16,),
        "activation": "sigmoid",
        "output": "softmax",
        "loss": "cross_entropy",
        "optimizer": "adam",
        "lr": 0.001,
        "batch_size": 2,
        "epochs": 100,
    },
    variants={
        "published": Variant("As the lecture has it: the network ends in softmax, and so does the loss."),
        "corrected": Variant(
            "The loss gets logits: softmax is applied once. Each feature has its own mean and deviation.",
            {"output": "logits", "standardize": "feature"},
        ),
    },
)
