"""Section 1.3.2: the same linear regression with nn.Linear, MSELoss and SGD."""

from engine.experiments import Experiment, Variant
from engine.experiments.linreg_manual import EXPERIMENT as BY_HAND

EXPERIMENT = Experiment(
    name="linreg-nn",
    section="1.3.2",
    title="Linear, torch.nn",
    about="The same line through the same ten points, now from the parts that torch.nn and torch.optim have "
    "ready. It ends where the one by hand ends.",
    values={**BY_HAND.values, "start": "after-linreg-manual", "backend": "eager"},
    variants={
        "published": Variant(
            "As the lecture has it: no new seed is set, so random numbers go on where those of "
            "linreg-manual end."
        ),
        "fresh": Variant("With the seed set anew.", {"start": "drawn"}),
        "corrected": Variant(
            "With the seed set anew, and the loss shown is the mean over all points.",
            {"start": "drawn", "epoch_loss": "mean"},
        ),
    },
)
