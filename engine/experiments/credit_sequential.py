"""Section 1.7: the credit data again, with nn.Sequential and ReLU."""

from engine.experiments import Experiment, Variant
from engine.experiments.credit_mlp import EXPERIMENT as CREDIT_MLP
from engine.experiments.credit_mlp import FRESH

EXPERIMENT = Experiment(
    name="credit-sequential",
    section="1.7",
    title="nn.Sequential",
    about="The same table, which has no header, with 32 ReLU neurons. The lecture's text speaks of a second "
    "ReLU after the last layer; its code has softmax there.",
    values={**CREDIT_MLP.values, **FRESH, "activation": "relu"},
    variants={
        "published": Variant(
            "As the lecture has it: softmax before a loss that applies it again, one mean and deviation for "
            "all four features, whatever their size, and half the loss."
        ),
        "corrected": Variant(
            "The loss gets logits: softmax is applied once. Each feature has its own mean and deviation. The "
            "loss is the mean over rows.",
            {"output": "logits", "standardize": "feature", "epoch_loss": "mean"},
        ),
    },
)
