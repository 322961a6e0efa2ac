"""The Tensors panel: a tree of all tensors of the moment, and the chosen one taken apart."""

from __future__ import annotations

from typing import Self

from rich.text import Text
from textual.app import ComposeResult
from textual.binding import Binding
from textual.containers import Horizontal
from textual.widgets import Static, Tree

from tui.keys import bindings
from tui.palette import Palette
from tui.tensor import Tensor
from tui.view import View
from tui.widgets.painted import way_there
from tui.widgets.panel import Answer, Ask, Panel, Question
from tui.widgets.tensor_view import TensorView

GROUPS = {  # by how a tensor's name begins; what is left are the parameters
    "gradient": "gradients",
    "optimizer": "optimizer state",
    "update": "update of the next step",
    "activation": "activations",
    "batch": "next batch",
}
SINCE = {"": "", "before": "the step before", "start": "the start"}


class TensorTree(Tree[str], inherit_bindings=False):
    """Leaves the space bar and the keys of time to the app."""

    BINDINGS = [
        Binding("up", "cursor_up", show=False),
        Binding("down", "cursor_down", show=False),
        Binding("enter", "toggle_node", show=False),
        Binding("pageup", "page_up", show=False),
        Binding("pagedown", "page_down", show=False),
    ]


class Tensors(Panel):
    """Asks for the values of the chosen tensor alone; the tree keeps its place from step to step."""

    TITLE = "Tensors"
    BINDINGS = bindings("Tensors")
    DEFAULT_CSS = """
    Tensors TensorTree {
        width: 34; height: 1fr; padding: 0 1; background: $background; scrollbar-size-vertical: 1;
        scrollbar-size-horizontal: 0; scrollbar-color: $panel-lighten-2; scrollbar-background: $background;
        scrollbar-color-hover: $panel-lighten-2; scrollbar-color-active: $panel-lighten-2;
    }
    Tensors TensorView { padding: 0 1; }
    Tensors > Static { height: auto; padding: 0 1; display: none; }
    """

    def __init__(self, ask: Ask):
        super().__init__(ask)
        self.chosen = "0.weight"
        self.since = ""
        self._names: list[tuple[str, str]] = []  # of the tree, with their shapes

    def compose(self) -> ComposeResult:
        yield Static(id="way")
        with Horizontal():
            tree = TensorTree("tensors")
            tree.show_root = False
            tree.guide_depth = 2
            yield tree
            yield TensorView(none="")  # a line above tells what is waited for

    def action_difference(self) -> None:
        """The values, their difference to the step before, to the start."""
        names = list(SINCE)
        self.since = names[(names.index(self.since) + 1) % len(names)]
        self.inquire()

    def question(self, view: View) -> Question:
        choice = {"name": self.chosen, "since": self.since}
        return Question("tensors", {**view.source, "step": view.at, **choice})

    def on_tree_node_highlighted(self, event: Tree.NodeHighlighted[str]) -> None:
        event.stop()
        if event.node.data and event.node.data != self.chosen:
            self.chosen = event.node.data
            self.inquire()

    def draw(self) -> None:
        colours = Palette(self)
        way = Text()
        if self.trouble:
            way.append(self.trouble, colours.wrong)
        elif self.answer is None:
            way.append(self.waiting("waiting for the engine …"), colours.muted)
        else:
            for words, ink in way_there(self.answer, colours):
                way.append(words, ink)
        self.query_one("#way", Static).update(way)
        self.query_one("#way").display = bool(way)
        if self.answer:
            self._grow(self.answer, colours)
            self._show_tensor(self.answer)

    def _show_tensor(self, answer: Answer) -> None:
        values = answer.values
        if values["name"] != self.chosen:
            return  # the answer for it is on its way
        place = values["names"].index(self.chosen)
        shape, dtype = tuple(values["shapes"][place]), values["dtypes"][place]
        array, earlier = answer.arrays.get("tensor"), answer.arrays.get("earlier")
        stride = tuple(step // array.itemsize for step in array.strides) if array is not None else None
        tensor = Tensor(self.chosen, shape, dtype, array, stride, values["device"])
        before = Tensor(self.chosen, shape, dtype, earlier) if earlier is not None else None
        view = self.query_one(TensorView)
        view.show(tensor, before=before, since=SINCE[values["since"]])
        if view.differs != bool(values["since"]):
            view.toggle_difference()

    def _grow(self, answer: Answer, colours: Palette) -> None:
        """The tree, made anew when there are other tensors than it has."""
        shapes = ["×".join(map(str, shape)) for shape in answer.values["shapes"]]
        names = list(zip(answer.values["names"], shapes, strict=True))
        if names == self._names:
            return
        self._names = names
        tree = self.query_one(TensorTree)
        tree.clear()
        cursor = None
        for title in ("parameters", *GROUPS.values()):
            parts = [(n, s) for n, s in names if GROUPS.get(n.split(".")[0], "parameters") == title]
            if parts:
                branch = tree.root.add(Text(title, colours.accent), expand=True)
                for name, shape in parts:
                    leaf = branch.add_leaf(_label(name, shape, colours), data=name)
                    cursor = leaf if name == self.chosen else cursor
        if cursor is None:
            self.chosen = names[0][0]
            cursor = tree.root.children[0].children[0]
        tree.call_after_refresh(tree.move_cursor, cursor)

    def focus(self, scroll_visible: bool = True) -> Self:
        self.query_one(TensorTree).focus(scroll_visible)
        return self


def _label(name: str, shape: str, colours: Palette) -> Text:
    """A tensor's name without its group, and its shape."""
    group, _, rest = name.partition(".")
    return Text.assemble(rest if group in GROUPS else name, (f"  {shape}", colours.muted))
