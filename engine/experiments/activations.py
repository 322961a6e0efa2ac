"""Sections 1.6.1 and 1.6.2: activation functions and their derivatives."""

from engine.workbook import Workbook, cells

EXPERIMENT = Workbook(
    name="activations",
    section="1.6.1",
    title="Activations",
    about="What a neuron does to its net input, and how much of a gradient each function lets through.",
    cells=cells("""
# %%
# The logistic function squeezes any net input into 0 to 1, tanh into -1 to 1. Far from zero both are flat,
# and what is flat learns slowly.
import numpy as np
import torch

from engine.pictures import plot


def net_input(X, w):
    return np.dot(X, w)


def logistic(z):
    return 1.0 / (1.0 + np.exp(-z))


def logistic_activation(X, w):
    return logistic(net_input(X, w))


def tanh(z):
    e_p = np.exp(z)
    e_m = np.exp(-z)
    return (e_p - e_m) / (e_p + e_m)


z = np.arange(-5, 5, 0.005)
log_act = logistic(z)
tanh_act = tanh(z)
plot(z, {"tanh": tanh_act, "logistic": log_act}, title="logistic and tanh")

# %%
# tanh is the logistic function, twice as steep, twice as high, and moved down by 1. Without the -1, as one
# often reads it, the difference would be 1 everywhere; try it.
rescaled = 2 * logistic(2 * z) - 1
print("largest difference:", np.abs(tanh_act - rescaled).max())

# %%
# torch has them ready made.
torch.sigmoid(torch.from_numpy(z))

# %%
# And tanh.
torch.tanh(torch.from_numpy(z))

# %%
# The rectified linear unit: zero below zero, the net input itself above.
torch.relu(torch.from_numpy(z))

# %%
# Seven functions, in the order of the table. Each is drawn below with its derivative, which autograd works
# out from the code; add your own and draw it.
functions = {
    "linear": lambda z: z,
    "unit step": lambda z: (1 + torch.sign(z)) / 2,
    "sign": torch.sign,
    "piece-wise linear": lambda z: torch.clamp(z + 0.5, 0, 1),
    "logistic": torch.sigmoid,
    "tanh": torch.tanh,
    "ReLU": torch.relu,
}


def draw(name):
    x = torch.from_numpy(z).requires_grad_()
    y = functions[name](x)
    (slope,) = torch.autograd.grad(y.sum(), x)
    plot(z, {name: y.detach(), "derivative": slope}, title=name)
    return y.detach(), slope


# %%
# Linear: a stack of such layers is one such layer. It serves as the output of a regression.
y, slope = draw("linear")

# %%
# Unit step: the perceptron's decision. Its derivative is zero wherever it has one, so nothing can be learned
# through it by gradient descent.
y, slope = draw("unit step")

# %%
# Sign: the same decision between -1 and 1, and as deaf to gradients.
y, slope = draw("sign")

# %%
# Piece-wise linear: a ramp between two constants. Only net inputs within half a unit of zero pass a gradient.
y, slope = draw("piece-wise linear")

# %%
# Logistic: its slope is at most a quarter, at zero. Each such layer that a gradient passes makes it at least
# four times smaller.
y, slope = draw("logistic")
print("steepest:", slope.max())

# %%
# tanh: its slope reaches 1, and its outputs lie around zero.
y, slope = draw("tanh")
print("steepest:", slope.max())

# %%
# ReLU: the slope is 1 for every positive net input, however large, and 0 below. A neuron whose net input is
# negative for all examples learns no more.
y, slope = draw("ReLU")
"""),
)
