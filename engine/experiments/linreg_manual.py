"""Section 1.3.1: linear regression, without torch.nn and torch.optim."""

from engine.experiments import Experiment, Variant

EXPERIMENT = Experiment(
    name="linreg-manual",
    section="1.3.1",
    title="Linear by hand",
    about="A line through ten points: one weight and one bias, stepped downhill one point at a time. "
    "Formulas and bare tensors do everything; torch only finds the gradients.",
    values={
        "data": "line",
        "split": None,
        "standardize": "global",
        "hidden": (),
        "output": "linear",
        "start": "randn",
        "loss": "mse",
        "epoch_loss": "last",
        "optimizer": "sgd",
        "lr": 0.001,
        "batch_size": 1,
        "epochs": 200,
        "backend": "manual",
    },
    variants={
        "published": Variant(
            "As the lecture has it: the loss shown is that of each epoch's last point, so it jumps about."
        ),
        "corrected": Variant("The loss shown is the mean over all points.", {"epoch_loss": "mean"}),
    },
)
