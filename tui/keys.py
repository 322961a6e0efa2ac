"""Every key of the app, one row each; bindings, footer, help screen and command palette are made from it."""

from __future__ import annotations

import difflib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from textual.binding import Binding, BindingType
from textual.keys import Keys, _character_to_key, format_key

from engine.errors import RequestError, unknown

PANELS = (
    ("Curves", "Loss and accuracy. Any of these digits twice: all the room."),
    ("Network", "Neurons and links, and what each neuron sees."),
    ("Tensors", "Weights, gradients, moments, activations: every number."),
    ("Report", "How well the network does, and which rows it gets wrong."),
    ("Boundary", "What is taken for what, over two features."),
    ("Batch", "One step taken apart: rows, forward, loss, gradients, update."),
    ("Code", "The plain PyTorch script that does the same."),
    ("Log", "What happened in the run."),
    ("Compare", "What differs between the runs that are kept, and what came of it."),
    ("About", "What the experiment is about."),
)  # the digit that chooses a panel is its place here


@dataclass(frozen=True)
class Key:
    """A key and what it does: `title` names it, `help` is a sentence."""

    key: str
    action: str
    title: str
    help: str
    label: str = ""  # the footer's word; empty: not in the footer
    shown: str = ""  # how the key is written, where its name is not
    footer: str = ""  # how the footer writes it, where one word there stands for two keys


GROUPS: dict[str, tuple[Key, ...]] = {
    "Train": (
        Key("space", "run_or_pause", "Run or pause", "Start training, pause it, go on.", "run"),
        Key("s", "step", "One step", "Train on one batch, then pause.", "step"),
        Key("e", "epoch", "One epoch", "Train to the end of the epoch, then pause.", "epoch"),
        Key("r", "restart", "Start over", "Train from the first step, with the values shown.", "restart"),
        Key("S", "stop", "Stop the run", "End the run under way; space lets it go on later."),
    ),
    "Values": (
        Key("up", "value_above", "Value above", "Choose the value above.", shown="↑"),
        Key("down", "value_below", "Value below", "Choose the value below.", shown="↓"),
        Key("plus,equals_sign", "turn_up", "Turn up", "The value one notch up.", "turn", "+", "+−"),
        Key("minus", "turn_down", "Turn down", "The value one notch down.", shown="−"),
        Key("enter", "edit_value", "Change a value", "Type the value, or choose it from a list."),
        Key("u", "defaults", "Usual values", "Give every value back what the experiment has."),
        Key("v", "values", "Values", "Go to the values."),
        Key("t", "try", "Try values", "Train many seeds at every change of a value, or do not."),
    ),
    "Time": (
        Key("left", "earlier", "Earlier", "Look at the run an epoch earlier.", "time", "←", "←→"),
        Key("right", "later", "Later", "Look at the run an epoch later.", shown="→"),
        Key("comma", "step_earlier", "A step earlier", "Look at the run one step earlier.", shown=","),
        Key("full_stop", "step_later", "A step later", "Look at the run one step later.", shown="."),
        Key("f", "fork", "Fork", "Go on from the step shown with the present values, in a run of its own."),
        Key("home", "first", "First weights", "Look at the network before its first step."),
        Key("end", "newest", "Newest step", "Look at the newest step, and stay there."),
    ),
    "Plots": (
        Key("c", "keep", "Keep to compare", "Leave the run's curves where they are, or take them away."),
        Key("C", "variants", "Compare the variants", "Train all of them: what is each change worth?"),
        Key("z", "zoom(1.5)", "Zoom in", "Bring nearer what lies around the crosshair."),
        Key("Z", "zoom(0.667)", "Zoom out", "See more of the curves; backspace for all.", shown="shift+z"),
        Key(
            "shift+left",
            "pan(-0.2)",
            "Pan left",
            "Move what is seen of the curves to the left.",
            shown="shift+←",
        ),
        Key("shift+right", "pan(0.2)", "Pan right", "See a later part.", shown="shift+→"),
        Key("backspace", "see_all", "All of the curves", "See the curves from the first to the last epoch."),
        Key("g", "log_axis", "Logarithmic loss", "Show the loss on a logarithmic axis, or not."),
        Key("w", "smooth", "Smooth", "Smooth the curves: not, a little, more, much."),
    ),
    "Panels": (
        *(Key(str(digit), f"panel({digit})", title, about) for digit, (title, about) in enumerate(PANELS)),
        Key("tab", "focus_next", "Next part", "Give the keys to the next part of the screen.", "panel"),
        Key("escape", "leave", "Back", "Back to the curves and the values."),
        Key("x", "lecture", "Lecture", "Go to the experiments; enter opens one."),
    ),
    "App": (
        Key("o", "open_table", "Open a table", "Choose a file of your own, look into it, train on it."),
        Key("question_mark", "keys", "Show the keys", "Show or leave this page.", "keys", "?"),
        Key("ctrl+p", "command_palette", "Command palette", "Find any command by its name."),
        Key("l", "runs", "Runs", "The runs there are: open, stop or remove one."),
        Key("ctrl+l", "redraw", "Draw anew", "Draw the whole screen again, if something wrote over it."),
        Key("ctrl+z", "suspend", "To the shell", "Back to the shell for a while; there, fg comes back."),
        Key("q", "quit", "Quit", "Leave; a run that is being trained goes on.", "quit"),
    ),
}

WORKBOOK_KEYS = (
    Key(
        "space,ctrl+r",
        "run_cell",
        "Run the cell",
        "Run it; ctrl+r while it is edited.",
        "run",
        "space",
    ),
    Key("n", "run_next", "Run and go on", "Run the cell and choose the next one.", "next"),
    Key("a", "run_all", "Run all", "Forget all names, run every cell up to the first that fails.", "all"),
    Key(
        "i,ctrl+g",
        "interrupt",
        "Interrupt",
        "End the cell that runs; ctrl+g in code.",
        "stop",
        "i",
    ),
    Key("enter", "edit_cell", "Edit", "Change the code of the cell; escape leaves it.", "edit"),
    Key("u", "original", "Usual code", "Give the cell back the code it had at first."),
    Key("up,k", "cell_above", "Cell above", "Up in a long cell, then to the cell above.", shown="↑"),
    Key("down,j", "cell_below", "Cell below", "Down in a long cell, then to the cell below.", shown="↓"),
    Key("t", "tensors", "Tensors", "Go to the tensors that the cell made.", "tensors"),
    Key("d", "difference", "Difference", "Show what the last run changed in a tensor, or its values."),
    Key("escape", "leave", "Back", "To the cells; from there to the experiments.", "back", footer="esc"),
    Key("question_mark", "keys", "Show the keys", "Show or leave this page.", "keys", "?"),
    Key("ctrl+p", "command_palette", "Command palette", "Find any command by its name."),
    Key("q", "quit", "Quit", "End the workbook and stop the run, and leave.", "quit"),
)

PANEL_KEYS: dict[str, tuple[Key, ...]] = {  # by the panel that has them, while the keys go there
    "Network": (
        Key("up", "neuron(-1)", "Neuron above", "Choose the neuron above.", shown="↑"),
        Key("down", "neuron(1)", "Neuron below", "Choose the neuron below.", "neuron", "↓", "↑↓"),
        Key("left_square_bracket", "layer(-1)", "Layer before", "Choose the layer before.", shown="["),
        Key(
            "right_square_bracket", "layer(1)", "Layer behind", "Choose the layer behind.", "layer", "]", "[]"
        ),
        Key(
            "plus,equals_sign",
            "widen(1)",
            "Add a neuron",
            "One more in the chosen layer.",
            "width",
            "+",
            "+−",
        ),
        Key("minus", "widen(-1)", "Remove a neuron", "One fewer in the chosen layer.", shown="−"),
        Key("a", "add_layer", "Add a layer", "Behind the chosen one, as wide as it.", "add"),
        Key("d", "remove_layer", "Remove a layer", "The chosen one.", "remove"),
        Key("x", "feature_x", "Feature across", "Maps over the next feature across."),
        Key("y", "feature_y", "Feature upwards", "Maps over the next feature upwards."),
        Key("z", "zoom", "Larger maps", "Larger maps of fewer neurons, and back.", "zoom"),
    ),
    "Tensors": (
        Key("d", "difference", "Difference", "To the start, to the step before, none.", "difference"),
    ),
    "Report": (Key("t", "part", "Train or test rows", "The table of the other rows.", "train/test"),),
    "Boundary": (
        Key("x", "feature_x", "Feature across", "The next feature across.", "across"),
        Key("y", "feature_y", "Feature upwards", "The next feature upwards.", "up"),
        Key("p", "points", "Rows drawn", "All rows, the train rows, the test rows, none.", "rows"),
        Key(
            "n", "row(1)", "Next row", "What a row is and is taken for, from left to right.", "row", "n", "nb"
        ),
        Key("b", "row(-1)", "Row before", "The row to the left; the mouse points at rows as well."),
    ),
    "Batch": (
        Key("n", "section(1)", "Next part", "On to the next part of the step.", "next part"),
        Key("b", "section(-1)", "Part before", "Back to the part before.", "part before"),
    ),
    "Code": (Key("c", "copy", "Copy the script", "To the clipboard of the terminal.", "copy"),),
    "Log": (
        Key("k", "kinds", "Kinds of events", "All events, commands, epochs, begin and end.", "kinds"),
        Key("slash", "search", "Search the log", "Show the lines with some words alone.", "search", "/"),
    ),
}

KEYS: tuple[Key, ...] = tuple(key for keys in GROUPS.values() for key in keys)

OF_A_RUN = {"stop", "keep", *(key.action for key in GROUPS["Time"])}  # actions that need one


MODIFIERS = re.compile(r"(?:(?:ctrl|alt|shift|super|meta|hyper)\+)*(.+)", re.S)

_own: dict[str, str] = {}  # the keys that a person gave to actions in place of those above


def use(keymap: Mapping[str, str]) -> None:
    """From now on, show these keys for their actions; `remapped` made them."""
    _own.clear()
    _own.update(keymap)


def shown(key: Key) -> str:
    """The key as it is written for people."""
    if key.action in _own:
        return " ".join(format_key(word) for word in _own[key.action].split(","))
    return key.shown or key.key


def of(title: str) -> str:
    """The app's key of that title, as it is written for people."""
    return next(shown(key) for key in KEYS if key.title == title)


def scopes() -> dict[str, tuple[Key, ...]]:
    """Keys that are there at the same time, by panel or screen; those of the app under an empty name."""
    return {"": KEYS, **PANEL_KEYS, "Workbook": WORKBOOK_KEYS}


def usual() -> dict[str, str]:
    """By action, the keys it has unless a person gives it others."""
    return {key.action: key.key for keys in scopes().values() for key in keys}


def remapped(words: Mapping[str, Sequence[str]]) -> dict[str, str]:
    """By action, the keys given to it, as Textual takes a keymap.

    Raises RequestError for an action or a key that is not there, and for a key with two actions.
    """
    keymap = {}
    for action, given in words.items():
        if action not in usual():
            raise unknown("action", action, usual())
        keymap[action] = ",".join(_key(action, word) for word in given)
    for keys in scopes().values():
        taken: dict[str, str] = {}
        for key in keys:
            for word in keymap.get(key.action, key.key).split(","):
                if other := taken.get(word):
                    changed = key.action if key.action in keymap else other
                    kept = other if changed == key.action else key.action
                    raise RequestError(
                        f"[keys] {changed}: {format_key(word)} is the key of {kept}; give that another one"
                    )
                taken[word] = key.action
    return keymap


def _key(action: str, word: str) -> str:
    """A key by the name that Textual has for it."""
    match = MODIFIERS.fullmatch(word)
    base = match[1] if match else word
    modifiers = word[: len(word) - len(base)]
    name = _character_to_key(base) if len(base) == 1 else base
    names = {key.value for key in Keys} | {_character_to_key(chr(code)) for code in range(0x21, 0x7F)}
    if name in names or modifiers + name in names or len(base) == 1:
        return modifiers + name
    near = difflib.get_close_matches(word.lower(), sorted(names), n=1)
    hint = f"did you mean {near[0]}? " if near else ""
    raise RequestError(
        f"[keys] {action}: unknown key {word!r}: {hint}"
        "expected a character, or a name such as space, f5 or ctrl+r"
    )


def bindings(panel: str = "") -> list[BindingType]:
    """The bindings of the app, of a panel or of workbooks; Textual itself binds the command palette's."""
    return [
        Binding(
            word,
            key.action,
            key.label or key.title,
            show=bool(key.label),
            key_display=None if place else key.footer or key.shown or word,  # of the first key alone
            id=key.action,
        )
        for key in scopes().get(panel, ())
        if key.action != "command_palette"
        for place, word in enumerate(key.key.split(","))
    ]
