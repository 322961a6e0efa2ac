"""Section 1.6.3: from net inputs to probabilities of classes."""

from engine.workbook import Workbook, cells

EXPERIMENT = Workbook(
    name="softmax",
    section="1.6.3",
    title="Softmax",
    about="Three output neurons see one example: what logistic, softmax and argmax make of their net inputs.",
    cells=cells("""
# %%
# The logistic function looks at each net input by itself. Softmax looks at all of them: its outputs are
# positive and sum to 1.
import numpy as np
import torch

from engine.pictures import table

np.set_printoptions(precision=3)


def logistic(z):
    return 1.0 / (1.0 + np.exp(-z))


def softmax(z):
    return np.exp(z) / np.sum(np.exp(z))


# %%
# Change W and A and run again. A row of W holds the weights of an output neuron, its bias first; a row of A
# is an example, and its first entry is 1, for the bias. Each example gets a table.
W = np.array([[1.1, 1.2, 0.8, 0.4],
              [0.2, 0.4, 1.0, 0.2],
              [0.6, 1.5, 1.2, 0.7]])
A = np.array([[1, 0.1, 0.4, 0.6]])

for number, example in enumerate(A):
    z = np.dot(W, example)
    classes = np.arange(len(z))
    columns = {
        "class": classes,
        "net input": z,
        "logistic": logistic(z),
        "softmax": softmax(z),
        "argmax": classes == np.argmax(z),
    }
    table(columns, title=f"example {number}")

# %%
# The net inputs of the first example, and each one's logistic output. These do not sum to 1: they are no
# probabilities of classes.
Z = np.dot(W, A[0])
y_probas = logistic(Z)
print("Net Input: \\n", Z)
print("Output Units:\\n", y_probas)

# %%
# The class with the largest net input. The logistic function rises everywhere, so it would choose the same.
y_class = np.argmax(Z, axis=0)
print("Predicted class label:", y_class)

# %%
# Softmax keeps that order as well, and says how sure it is.
y_probas = softmax(Z)
print("Probabilities:\\n", y_probas)
np.sum(y_probas)

# %%
# torch's own. It subtracts the largest net input first, which changes nothing but keeps exp from overflowing:
# give both softmax functions a net input of 1000.
torch.softmax(torch.from_numpy(Z), dim=0)
"""),
)
