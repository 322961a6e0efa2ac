"""Section 1.2: datasets and loaders, and where each example goes."""

from engine.workbook import Workbook, cells

EXPERIMENT = Workbook(
    name="pipelines",
    section="1.2",
    title="Pipelines",
    about="How a loader deals out examples. Change batch_size, shuffle and drop_last, and see which example "
    "lands in which batch, epoch by epoch.",
    cells=cells("""
# %%
# Anything with a length and an order can be loaded from. Without a batch size each example comes alone, still
# with a dimension for the batch.
import torch
from torch.utils.data import DataLoader

from engine.pictures import batches

t = torch.arange(6, dtype=torch.float32)
data_loader = DataLoader(t)
for item in data_loader:
    print(item)

# %%
# Three at a time. Were there seven examples, the last batch would hold one, and drop_last=True would leave it
# out.
data_loader = DataLoader(t, batch_size=3, drop_last=False)
for i, batch in enumerate(data_loader, 1):
    print(f"batch {i}:", batch)

# %%
# Where does each example of a list go? Change a value, run again: a row is an example, a column an epoch, and
# the number says which batch of the epoch it came in. An empty place was dropped.
batch_size = 3
shuffle = True
drop_last = False
epochs = 6

numbers = list(range(10))
torch.manual_seed(1)
loader = DataLoader(numbers, batch_size=batch_size, shuffle=shuffle, drop_last=drop_last)
orders = [[batch.tolist() for batch in loader] for epoch in range(epochs)]
batches(orders, rows=len(numbers), title="list")

# %%
# Features and labels belong together, so a dataset hands them out as a pair. These two methods are all that a
# loader asks for.
from torch.utils.data import Dataset


class JointDataset(Dataset):
    def __init__(self, x, y):
        self.x = x
        self.y = y

    def __len__(self):
        return len(self.x)

    def __getitem__(self, idx):
        return self.x[idx], self.y[idx]


# %%
# Four examples of three features each. The label of each is its number, which will show where it goes.
torch.manual_seed(1)
t_x = torch.rand([4, 3], dtype=torch.float32)
t_y = torch.arange(4)
joint_dataset = JointDataset(t_x, t_y)

for example in joint_dataset:
    print("x:", example[0], "y:", example[1])

# %%
# TensorDataset is the same, ready made, for tensors whose first sizes agree.
from torch.utils.data import TensorDataset

tensor_dataset = TensorDataset(t_x, t_y)
for example in tensor_dataset:
    print("x:", example[0], "y:", example[1])

# %%
# Two at a time, shuffled. The order comes from the seed that stands when an epoch begins.
torch.manual_seed(1)
data_loader = DataLoader(joint_dataset, batch_size=2, shuffle=True)
for i, batch in enumerate(data_loader, 1):
    print(f"batch {i}:", "x:", batch[0], "\\n         y:", batch[1])

# %%
# Going over the loader again is another epoch, in another order. Labels and features stay together.
for epoch in range(1, 3):
    print(f"epoch {epoch}")
    for i, batch in enumerate(data_loader, 1):
        print(f"batch {i}:", "x:", batch[0], "\\n         y:", batch[1])

# %%
# The same picture for both datasets: under one seed they are dealt alike, for the order is drawn from their
# length alone.
batch_size = 2
shuffle = True
drop_last = False
epochs = 6

for dataset in (joint_dataset, tensor_dataset):
    torch.manual_seed(1)
    loader = DataLoader(dataset, batch_size=batch_size, shuffle=shuffle, drop_last=drop_last)
    orders = [[y.tolist() for x, y in loader] for epoch in range(epochs)]
    batches(orders, rows=len(dataset), title=type(dataset).__name__)
"""),
)
