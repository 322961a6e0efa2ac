"""Every key of the app, one row each; bindings, footer, help screen and command palette are made from it."""

from __future__ import annotations

from dataclasses import dataclass

from textual.binding import Binding, BindingType


@dataclass(frozen=True)
class Key:
    """A key and what it does. `label` is the footer's word (empty: not in the footer), `help` a sentence."""

    key: str
    action: str
    label: str
    title: str
    help: str
    group: str
    shown: str = ""  # how the key is written, where its name is not
    panel: str = ""  # the panel that has it, while the keys go there; empty: everywhere


KEYS = (
    Key("space", "run_or_pause", "run", "Run or pause", "Start training, pause it, go on.", "Train"),
    Key("s", "step", "step", "One step", "Train on one batch, then pause.", "Train"),
    Key("e", "epoch", "epoch", "One epoch", "Train to the end of the epoch, then pause.", "Train"),
    Key(
        "r", "restart", "restart", "Start over", "Train from the first step, with the values shown.", "Train"
    ),
    Key(
        "v",
        "values",
        "values",
        "Change a value",
        "Go to the values; enter changes one, escape leaves.",
        "Values",
    ),
    Key("u", "defaults", "", "Usual values", "Give every value back what the experiment has.", "Values"),
    Key("question_mark", "keys", "keys", "Show the keys", "Show or leave this page.", "App", "?"),
    Key("ctrl+p", "command_palette", "", "Command palette", "Find any command by its name.", "App", "ctrl+p"),
    Key("q", "quit", "quit", "Quit", "Stop the run, store it, and leave.", "App"),
)


def shown(key: Key) -> str:
    """The key as it is written for people."""
    return key.shown or key.key


def bindings(panel: str = "") -> list[BindingType]:
    """The bindings of the app, or of a panel. The command palette's own key is bound by Textual itself."""
    return [
        Binding(key.key, key.action, key.label or key.title, show=bool(key.label), key_display=shown(key))
        for key in KEYS
        if key.panel == panel and key.action != "command_palette"
    ]
