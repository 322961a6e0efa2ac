"""Section 1.5: a multilayer perceptron for credit data."""

from fractions import Fraction

from engine.experiments import Experiment, Variant
from engine.values import Split

FRESH = {"start": "drawn", "hidden": (32,)}

EXPERIMENT = Experiment(
    name="credit-mlp",
    section="1.5",
    title="Credit data",
    about="Four numbers go in, one of three classes comes out. The table has no header, and the lecture does "
    "not say what its columns are. They reach so far: x1 from 23.2 to 50, x2 from 20,686 to 398,347, x3 from "
    "630 to 199,338, x4 from 2.33 to 99.7. The lecture's text describes 32 sigmoid neurons; its code never "
    "builds them, and trains the Iris network on.",
    values={
        "data": "credit",
        "split": Split(Fraction(1, 3), stratify=True),
        "standardize": "global",
        "hidden": (16,),
        "activation": "sigmoid",
        "output": "softmax",
        "start": "iris-mlp",
        "loss": "cross_entropy",
        "epoch_loss": "unweighted",
        "optimizer": "adam",
        "lr": 0.0001,
        "batch_size": 2,
        "epochs": 200,
    },
    variants={
        "published": Variant(
            "As the lecture really runs it: the network is the one already trained on the Iris flowers, and "
            "an epoch's loss is the sum over batches divided by the number of rows, half of what it is."
        ),
        "fresh": Variant("The network that the lecture's text describes, with weights of its own.", FRESH),
        "corrected": Variant(
            "The loss gets logits: softmax is applied once. Each feature has its own mean and deviation. "
            "ReLU takes the place of sigmoid. The loss is the mean over rows.",
            FRESH
            | {"output": "logits", "standardize": "feature", "activation": "relu", "epoch_loss": "mean"},
        ),
    },
)
