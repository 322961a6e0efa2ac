"""Sections 1.1.2 to 1.1.5: tensors, made, reshaped, computed with, taken apart and put together."""

from engine.workbook import Workbook, cells

EXPERIMENT = Workbook(
    name="tensors",
    section="1.1",
    title="Tensors",
    about="What a tensor is made of, and what can be done with it. Each tensor of a cell can be taken apart.",
    cells=cells("""
# %%
# A list becomes a tensor by being copied. An array of numpy can lend its memory instead: change one number of
# `b` and `t_b` changes with it. The dtype comes from what goes in.
import numpy as np
import torch

np.set_printoptions(precision=3)

a = [1, 2, 3]
b = np.array([4, 5, 6], dtype=np.int32)

t_a = torch.tensor(a)
t_b = torch.from_numpy(b)

print(t_a)
print(t_b)

# %%
# A tensor of ones, and its shape: two rows of three.
t_ones = torch.ones(2, 3)
print(t_ones)
t_ones.shape

# %%
# Random numbers, evenly spread between 0 and 1. No seed is set here: run the cell again and they are others.
rand_tensor = torch.rand(2, 3)
print(rand_tensor)

# %%
# `to` gives a tensor of another dtype. If it has that dtype already, it comes back itself, not a copy.
t_a_new = t_a.to(torch.int64)
print(t_a_new.dtype)

# %%
# Swapping two dimensions moves no number: look at the strides of `t` and `t_tr`. Both read the same memory.
t = torch.rand(3, 5)
t_tr = torch.transpose(t, 0, 1)
print(t.shape, " --> ", t_tr.shape)

# %%
# The same thirty numbers as five rows of six. One of the sizes may be -1: it is worked out from the others.
t = torch.zeros(30)
t_reshape = t.reshape(5, 6)
print(t_reshape.shape)

# %%
# A dimension of size 1 holds no more than its absence would; `squeeze` takes away the one that is named.
t = torch.zeros(1, 2, 1, 4, 1)
t_sqz = torch.squeeze(t, 2)
print(t.shape, " --> ", t_sqz.shape)

# %%
# Two tensors to compute with: one even between -1 and 1, one normal. The seed makes them the same every time.
torch.manual_seed(1)
t1 = 2 * torch.rand(5, 2) - 1
t2 = torch.normal(mean=0, std=1, size=(5, 2))

# %%
# Element by element; `t1 * t2` says the same.
t3 = torch.multiply(t1, t2)
print(t3)

# %%
# The mean over the rows, that is, along dimension 0: one number for each column is left.
t4 = torch.mean(t1, axis=0)
print(t4)

# %%
# The matrix product of (5, 2) and (2, 5): each row of `t1` with each row of `t2`. Without the transpose the
# inner sizes would not match; try it.
t5 = torch.matmul(t1, torch.transpose(t2, 0, 1))
print(t5)

# %%
# The other way round, (2, 5) and (5, 2) leave a small matrix: a sum over the five rows.
t6 = torch.matmul(torch.transpose(t1, 0, 1), t2)
print(t6)

# %%
# The length of each row of `t1`.
norm = torch.linalg.norm(t1, ord=2, dim=1)
print(norm)

# %%
# The same by hand: square, sum, square root.
np.sqrt(np.sum(np.square(t1.numpy()), axis=1))

# %%
# `chunk` cuts into so many parts of one size; the parts look into the same memory.
torch.manual_seed(1)
t = torch.rand(6)
print(t)

t_splits = torch.chunk(t, 3)
[item.numpy() for item in t_splits]

# %%
# `split` takes the sizes instead, and they may differ.
torch.manual_seed(1)
t = torch.rand(5)
print(t)

t_splits = torch.split(t, split_size_or_sections=[3, 2])
[item.numpy() for item in t_splits]

# %%
# `cat` puts one after the other, along a dimension that is there already.
A = torch.ones(3)
B = torch.zeros(2)
C = torch.cat([A, B], axis=0)
print(C)

# %%
# `stack` makes a new dimension, so all must have one shape. With axis=1 they become columns.
A = torch.ones(3)
B = torch.zeros(3)
S = torch.stack([A, B], axis=1)
print(S)
"""),
)
