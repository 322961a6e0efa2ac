"""Only what changed is sent, and the terminal shows what it would after a full repaint."""

from __future__ import annotations

import pyte
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console
from rich.segment import Segment
from rich.style import Style
from textual._compositor import ChopsUpdate, LayoutUpdate
from textual.geometry import Region
from textual.strip import Strip

from tui.delta import Shown

WIDTH = 40
CONSOLE = Console(color_system="truecolor", force_terminal=True, legacy_windows=False)
PLAIN, RED, ON_BLUE = Style(color="#c0c0c0"), Style(color="#ff0000"), Style(bgcolor="#0000ff", bold=True)

segments = st.tuples(st.text("ab ·é語🙂", max_size=6), st.sampled_from([PLAIN, RED, ON_BLUE]))
lines = st.lists(segments, max_size=5).map(
    lambda parts: Strip([Segment(*part) for part in parts]).adjust_cell_length(WIDTH, PLAIN)
)
screens = st.lists(lines, min_size=3, max_size=3)


def whole(strips: list[Strip]) -> LayoutUpdate:
    return LayoutUpdate([[strip] for strip in strips], Region(0, 0, WIDTH, len(strips)))


def sent(shown: Shown, update: LayoutUpdate | ChopsUpdate) -> str:
    return shown.only_changes(update).render_segments(CONSOLE)


class Terminal:
    def __init__(self) -> None:
        self._screen = pyte.Screen(WIDTH, 3)
        self._stream = pyte.Stream(self._screen)

    def takes(self, text: str) -> None:
        self._stream.feed(text)

    @property
    def cells(self) -> list[list[pyte.screens.Char]]:
        return [[self._screen.buffer[y][x] for x in range(WIDTH)] for y in range(3)]


@given(st.lists(screens, min_size=2, max_size=4))
def test_changes_lead_to_the_same_screen_as_a_full_repaint(after_another: list[list[Strip]]) -> None:
    shown, terminal = Shown(), Terminal()
    for screen in after_another:
        terminal.takes(sent(shown, whole(screen)))
    repainted = Terminal()
    repainted.takes(sent(Shown(), whole(after_another[-1])))
    assert terminal.cells == repainted.cells


def line(text: str, style: Style = PLAIN) -> Strip:
    return Strip([Segment(text, style)]).adjust_cell_length(WIDTH, style)


def test_what_is_shown_already_is_not_sent() -> None:
    shown, screen = Shown(), [line("epoch 12"), line("x" * WIDTH, RED), line("")]
    assert len(sent(shown, whole(screen))) > 3 * WIDTH
    assert sent(shown, whole(screen)) == ""
    screen[0] = line("epoch 13")
    change = sent(shown, whole(screen))
    assert change.startswith("\x1b[1;8H")
    assert len(change) < 40
    shown.forget()
    assert len(sent(shown, whole(screen))) > 3 * WIDTH


def test_a_gap_is_sent_where_that_is_shorter_than_to_go_round_it() -> None:
    shown = Shown()
    sent(shown, whole([line("a.........b" + "." * 29), line(""), line("")]))
    change = sent(shown, whole([line("c.........d" + "." * 29), line(""), line("")]))
    assert change.count("H") == 1
    striped = Strip([Segment(character, style) for character in "abcdefgh" for style in (RED, ON_BLUE)])
    other = Strip([Segment("A", RED), *list(striped)[1:-1], Segment("Q", ON_BLUE)])
    sent(shown, whole([striped.adjust_cell_length(WIDTH, PLAIN), line(""), line("")]))
    change = sent(shown, whole([other.adjust_cell_length(WIDTH, PLAIN), line(""), line("")]))
    assert change.count("H") == 2


def test_a_part_of_the_screen_changes_that_part() -> None:
    shown, terminal = Shown(), Terminal()
    terminal.takes(sent(shown, whole([line("left and right"), line(""), line("")])))
    chops = [{0: line("lost and found").crop(0, 9), 9: line("lost and found").crop(9, WIDTH)}]
    terminal.takes(sent(shown, ChopsUpdate(chops, [(0, 9, 14)], [[9, WIDTH]])))
    assert "".join(cell.data for cell in terminal.cells[0]).rstrip() == "left and found"
    assert sent(shown, whole([line("left and found"), line(""), line("")])) == ""
