"""The workbook on the screen, with its real lab: run, edit, interrupt, crash, look at tensors."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from driving import screen_text, sees, until
from textual.pilot import Pilot

from engine import experiments, pictures
from engine.workbook import Workbook, cells
from tui.app import NnplayApp
from tui.cell_result import CellResult
from tui.keys import WORKBOOK_KEYS, shown
from tui.screens.laboratory import Laboratory
from tui.screens.workbook import WorkbookScreen
from tui.tensor import Tensor

SPEC = experiments.find("iris-mlp")
SIZES = [(80, 24), (120, 40), (200, 60)]
SMALL = Workbook(
    "small",
    "9.9",
    "Small",
    "Three cells.",
    cells("# %%\n# One.\nimport os\nx = 1\n# %%\n# Two.\nx += 1\nx\n# %%\n# Three.\nprint('x is', x)\n"),
)


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    known = experiments.workbook
    monkeypatch.setattr(experiments, "workbook", lambda name, *_: SMALL if name == "small" else known(name))


def book(pilot: Pilot[None]) -> WorkbookScreen:
    screen = pilot.app.screen
    assert isinstance(screen, WorkbookScreen)
    return screen


def state(pilot: Pilot[None], number: int) -> str:
    return book(pilot)._cells[number - 1].state


def write(pilot: Pilot[None], number: int, code: str) -> None:
    book(pilot)._cells[number - 1].editor.text = code


async def test_a_workbook_opens_runs_and_shows_the_tensors_of_the_chosen_cell() -> None:
    async with NnplayApp(SPEC, workbook="tensors").run_test(size=(120, 40), notifications=True) as pilot:
        await sees(pilot, "1.1 Tensors", "t_a = torch.tensor(a)", "no tensor")
        await pilot.press("space")
        await sees(pilot, "tensor([4, 5, 6], dtype=torch.int32)", "1 ✓", "b  (3,) int32")
        await pilot.press("down", "space")
        await sees(pilot, "t_ones  (2, 3) float32  stride (3, 1)  cpu", "torch.Size([2, 3])")
        await pilot.press("up")
        await sees(pilot, "b  (3,) int32  stride (1,)  numpy")


async def test_a_cell_is_edited_and_run_while_the_keys_stay_in_its_code(small: None) -> None:
    async with NnplayApp(SPEC, workbook="small").run_test(size=(120, 40), notifications=True) as pilot:
        await pilot.press("enter")
        book(pilot)._cells[0].editor.text = ""
        await pilot.press(*"if", "space", *"1:", "enter", *"y=7", "enter", "backspace", "ctrl+r")
        await until(pilot, lambda: state(pilot, 1) == "done")
        assert book(pilot)._cells[0].code == "if 1:\n    y=7\n   "
        assert pilot.app.focused is book(pilot)._cells[0].editor
        await sees(pilot, "^r run")  # what would be typed is not in the line of keys
        assert "space run" not in screen_text(pilot.app)
        assert "edited since" not in screen_text(pilot.app)
        await pilot.press("escape")
        assert pilot.app.focused is book(pilot)._cells[0]
        await pilot.press("u")
        assert book(pilot)._cells[0].code == SMALL.cells[0].code
        await sees(pilot, "edited since")


LONG = Workbook(
    "small",
    "9.9",
    "Long",
    "A cell that is longer than a small screen, and one that is not.",
    cells(
        "# %%\n# The first.\n"
        + "x = 1\n" * 20
        + "print('came to', x, sep='\\n')\n# %%\n# The second.\nx + 41\n"
    ),
)


async def test_on_a_small_screen_a_result_comes_into_sight_and_arrows_go_through_a_long_cell(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(experiments, "workbook", lambda name, *_: LONG)
    async with NnplayApp(SPEC, workbook="small").run_test(size=(80, 24), notifications=True) as pilot:
        await sees(pilot, "The first.", "20  x = 1")
        await pilot.press("space")
        await sees(pilot, "    came to", "    1", "print('came to'")
        assert "The first." not in screen_text(pilot.app)
        await pilot.press("up")
        await until(pilot, lambda: "The first." in screen_text(pilot.app))
        await pilot.press("down")
        await sees(pilot, "    came to", "    1")
        assert book(pilot)._chosen.number == 1
        await pilot.press("up", "n")
        await sees(pilot, "    came to", "The second.")
        assert book(pilot)._chosen.number == 2
        await pilot.press("space")
        await sees(pilot, "    42")
        await pilot.press("up")
        assert book(pilot)._chosen.number == 1


async def test_all_cells_run_from_a_fresh_start(small: None) -> None:
    async with NnplayApp(SPEC, workbook="small").run_test(size=(120, 40), notifications=True) as pilot:
        for _ in range(2):
            await pilot.press("a")
            await until(pilot, lambda: state(pilot, 3) == "done")
            await sees(pilot, "x is 2")
        await pilot.press("n", "n")
        await until(pilot, lambda: state(pilot, 2) == "done" and book(pilot)._busy is None)
        assert pilot.app.focused is book(pilot)._cells[2]


async def test_an_error_is_shown_with_its_line_and_stops_what_waits(small: None) -> None:
    async with NnplayApp(SPEC, workbook="small").run_test(size=(120, 40), notifications=True) as pilot:
        write(pilot, 2, "x = 1\ny = x / 0")
        await pilot.press("a")
        await sees(pilot, "line 2", "y = x / 0", "^^^^^", "ZeroDivisionError: division by zero", "2 ✗")
        assert state(pilot, 3) == ""


async def test_an_endless_loop_is_interrupted_by_a_key_and_the_names_are_kept(small: None) -> None:
    async with NnplayApp(SPEC, workbook="small").run_test(size=(120, 40), notifications=True) as pilot:
        await pilot.press("space")
        await until(pilot, lambda: state(pilot, 1) == "done")
        write(pilot, 2, "while True: pass")
        await pilot.press("down", "n", "space")
        await sees(pilot, "cell 2 runs 1 s")
        await until(pilot, lambda: interrupt_until_it_ends(pilot))
        await sees(pilot, "2 ✗")
        assert state(pilot, 3) == ""
        await pilot.press("space")
        await sees(pilot, "x is 1")


def interrupt_until_it_ends(pilot: Pilot[None]) -> bool:
    """A loop that has not begun yet cannot be interrupted."""
    book(pilot).action_interrupt()
    return state(pilot, 2) != "runs"


async def test_a_crash_is_told_the_names_are_lost_and_the_app_lives_on(small: None) -> None:
    async with NnplayApp(SPEC, workbook="small").run_test(size=(120, 40), notifications=True) as pilot:
        await pilot.press("space")
        await until(pilot, lambda: state(pilot, 1) == "done")
        write(pilot, 2, "os.kill(os.getpid(), 11)")
        await pilot.press("down", "space")
        await sees(pilot, "was killed by SIGSEGV, a crash in native code", "names of all cells are lost")
        assert state(pilot, 1) == "stale"
        write(pilot, 2, "x += 1")
        await pilot.press("a")
        await sees(pilot, "x is 2")


async def test_the_difference_to_the_run_before(small: None) -> None:
    async with NnplayApp(SPEC, workbook="small").run_test(size=(120, 40), notifications=True) as pilot:
        for value in "35":
            write(pilot, 1, f"import torch\nt = torch.full((2,), {value}.)")
            await pilot.press("space")
            await sees(pilot, f"mean {value} ")
        await pilot.press("d")
        await sees(pilot, "difference to the run before", "mean 2 ")


async def test_tensors_take_the_place_of_the_cells_where_there_is_room_for_one() -> None:
    async with NnplayApp(SPEC, workbook="tensors").run_test(size=(80, 24), notifications=True) as pilot:
        await pilot.press("space")
        await sees(pilot, "1 ✓")
        assert "stride" not in screen_text(pilot.app)
        await pilot.press("t")
        await sees(pilot, "t_a  (3,) int64", "stride")
        await pilot.press("down", "enter")
        await until(pilot, lambda: pilot.app.focused.id == "values")
        await pilot.press("escape")
        await sees(pilot, "t_a = torch.tensor(a)")
        await pilot.press("escape")
        await until(pilot, lambda: isinstance(pilot.app.screen, Laboratory))


async def test_a_workbook_comes_back_as_it_was_left(small: None) -> None:
    async with NnplayApp(SPEC, workbook="small").run_test(size=(120, 40), notifications=True) as pilot:
        write(pilot, 3, "print('x was', x)")
        await pilot.press("a")
        await sees(pilot, "x was 2")
        await pilot.press("escape")
        await until(pilot, lambda: isinstance(pilot.app.screen, Laboratory))
        pilot.app._open("small", "published")
        await sees(pilot, "x was 2")


async def test_the_keys_of_training_rest_while_a_workbook_is_open(small: None) -> None:
    async with NnplayApp(SPEC, workbook="small").run_test(size=(120, 40), notifications=True) as pilot:
        await sees(pilot, "9.9 Small")
        await pilot.press("s", "e", "r", "plus", "left")
        await pilot.press("escape")
        await sees(pilot, "○ ready")
        assert pilot.app.session.spec == SPEC


async def test_help_footer_and_palette_have_the_keys_of_the_workbook(small: None) -> None:
    async with NnplayApp(SPEC, workbook="small").run_test(size=(120, 40), notifications=True) as pilot:
        await sees(pilot, *(f"{key.footer or shown(key)} {key.label}" for key in WORKBOOK_KEYS if key.label))
        titles = {command.title for command in pilot.app.get_system_commands(pilot.app.screen)}
        assert {key.title for key in WORKBOOK_KEYS if "palette" not in key.action} <= titles
        assert "Open softmax" in titles
        await pilot.press("question_mark")
        await sees(pilot, *(key.title for key in WORKBOOK_KEYS))
        await pilot.press("escape", "ctrl+p")
        await pilot.pause()
        await pilot.press(*"run all", "enter")
        await sees(pilot, "x is 2")


async def test_quitting_ends_a_cell_under_way_and_its_lab(small: None) -> None:
    async with NnplayApp(SPEC, workbook="small").run_test(size=(120, 40), notifications=True) as pilot:
        write(pilot, 1, "import os; os.getpid()")
        await pilot.press("space")
        await until(pilot, lambda: state(pilot, 1) == "done")
        process = int(book(pilot)._cells[0].result.result)
        write(pilot, 1, "while True: pass")
        await pilot.press("space")
        await until(pilot, lambda: state(pilot, 1) == "runs")
        await pilot.press("q")
    await wait_for_the_end_of(process)


async def wait_for_the_end_of(process: int) -> None:
    """A zombie has ended: where process 1 is no init, nobody buries it."""
    end = time.monotonic() + 20
    with contextlib.suppress(OSError):
        while " Z " not in Path(f"/proc/{process}/stat").read_text():
            assert time.monotonic() < end, "the lab is left behind"
            await asyncio.sleep(0.01)


@pytest.mark.parametrize("name", ["pipelines", "activations", "softmax"])
async def test_each_workbook_runs_to_its_end_in_the_app(name: str) -> None:
    async with NnplayApp(SPEC, workbook=name).run_test(size=(120, 40), notifications=True) as pilot:
        await pilot.press("a")
        await until(pilot, lambda: all(cell.state == "done" for cell in book(pilot)._cells), 60)


TENSORS = CellResult(
    printed="tensor([1, 2, 3])\ntensor([4, 5, 6], dtype=torch.int32)\n",
    result="",
    error=None,
    tensors=(Tensor.of("b", np.array([4, 5, 6], np.int32)), Tensor.of("t_a", np.array([1, 2, 3]))),
    pictures=(),
    seconds=0.0012,
)
ERROR = CellResult.lost("the lab process was killed by SIGSEGV, a crash in native code")


def pictured(draw: Callable[[], None]) -> CellResult:
    pictures.drawn.clear()
    draw()
    return replace(TENSORS, printed="", pictures=tuple(pictures.drawn))


def draw_curves() -> None:
    z = np.arange(-5, 5, 0.005)
    pictures.plot(z, {"tanh": np.tanh(z), "derivative": 1 - np.tanh(z) ** 2}, title="tanh")


def draw_table() -> None:
    pictures.table({"class": [0, 1], "softmax": [0.25, 0.75], "argmax": [False, True]}, title="example 0")


def draw_batches() -> None:
    pictures.batches([[[2, 0], [1, 3]], [[0, 2], [1]]], rows=5, title="list")


CASES = {
    "ready": ("tensors", None, []),
    "ran": ("tensors", TENSORS, []),
    "tensors": ("tensors", TENSORS, ["t"]),
    "failed": ("tensors", ERROR, ["end"]),
    "plot": ("activations", pictured(draw_curves), []),
    "batches": ("pipelines", pictured(draw_batches), []),
    "table": ("softmax", pictured(draw_table), []),
}


@pytest.mark.parametrize("size", SIZES, ids=lambda size: f"{size[0]}x{size[1]}")
@pytest.mark.parametrize("case", CASES)
def test_pictures_of_workbooks(
    case: str, size: tuple[int, int], snap_compare: Callable[..., bool], monkeypatch: pytest.MonkeyPatch
) -> None:
    name, result, keys = CASES[case]
    monkeypatch.setattr(NnplayApp, "_first_paint", lambda app: None)  # no engine is needed

    async def show(pilot: Pilot[None]) -> None:
        await until(pilot, lambda: len(book(pilot).query("CellView")) == len(book(pilot)._cells))
        if result:
            book(pilot)._cells[1].focus()
            await pilot.pause()
            column, cell = book(pilot).query_one("#column"), book(pilot)._cells[1]
            cell.show(result)
            book(pilot)._show_tensors()
            for _ in range(3):  # laid out, looked at, laid out with what came to be seen
                await pilot.pause()
            column.scroll_home(animate=False, immediate=True)  # from where there is one way to the cell
            await until(pilot, lambda: column.scroll_y == 0)
            column.scroll_to_widget(cell, animate=False, immediate=True)
        await pilot.press(*keys)
        await pilot.pause()

    assert snap_compare(NnplayApp(SPEC, workbook=name), terminal_size=size, run_before=show)
