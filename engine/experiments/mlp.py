"""Not of the lecture: a multilayer perceptron for any table, one's own or one that nnplay brings along."""

from fractions import Fraction

from engine.experiments import Experiment, Variant
from engine.values import Split

EXPERIMENT = Experiment(
    name="mlp",
    section="",
    title="Own data",
    about="Any table: data=csv:PATH target=COLUMN, or one that comes along. Whether there are classes "
    "to tell or numbers to predict is found from the target.",
    values={
        "data": "iris",
        "split": Split(Fraction(1, 5)),
        "standardize": "feature",
        "scale_target": True,
        "hidden": (16,),
        "activation": "relu",
        "output": "auto",
        "loss": "auto",
        "optimizer": "adam",
        "lr": 0.01,
        "batch_size": 8,
        "epochs": 50,
    },
    variants={"published": Variant("A plain network, standardized features, Adam.")},
)
