"""A workbook on the screen: its cells in a column, and beside them the tensors of the chosen one."""

from __future__ import annotations

from collections import deque

from rich.text import Text
from textual.app import ComposeResult
from textual.binding import Binding
from textual.containers import Horizontal, Vertical, VerticalScroll
from textual.screen import ModalScreen
from textual.widgets import OptionList, Static
from textual.widgets.option_list import Option

from engine.errors import NnplayError
from engine.workbook import Workbook
from tui.cell_result import CellResult
from tui.keys import WORKBOOK_KEYS, bindings
from tui.lab_desk import LabDesk
from tui.screens.keys_page import KeysPage
from tui.wait import Wait
from tui.widgets.cell_view import CellView, CodeEditor
from tui.widgets.key_line import KeyLine
from tui.widgets.tensor_view import TensorView

BESIDE = 110  # columns from which cells and tensors stand side by side
FIRST = 4  # cells that are there at once; an editor in each takes its time
OVERLAP = 2  # lines of a cell that stay in sight from one page of it to the next


class Column(VerticalScroll, inherit_bindings=False):
    """The cells. Arrows choose one, so that only whole pages are scrolled by key."""

    BINDINGS = [Binding("pageup", "page_up", show=False), Binding("pagedown", "page_down", show=False)]


class WorkbookScreen(ModalScreen[None]):
    """Modal, so that the keys of the main screen rest meanwhile. The lab is this workbook's own."""

    AUTO_FOCUS = "CellView"
    BINDINGS = bindings("Workbook")
    DEFAULT_CSS = """
    WorkbookScreen { background: $background; }
    WorkbookScreen > #status {
        height: 1; padding: 0 1; background: $panel; text-wrap: nowrap; text-overflow: ellipsis;
    }
    WorkbookScreen #column {
        width: 1fr; scrollbar-size-vertical: 1; scrollbar-color: $panel-lighten-2;
        scrollbar-background: $background;
    }
    WorkbookScreen #side { width: 44%; padding: 0 1; border-left: solid $panel-lighten-1; }
    WorkbookScreen OptionList {
        height: auto; max-height: 8; border: none; padding: 0; margin: 0 0 1 0; background: $background;
        scrollbar-size-vertical: 1;
    }
    WorkbookScreen OptionList:focus { border: none; background-tint: $foreground 3%; }
    """

    def __init__(self, workbook: Workbook, lab: LabDesk):
        super().__init__()
        self.workbook = workbook
        self.lab = lab
        self._cells = [CellView(number, cell) for number, cell in enumerate(workbook.cells, 1)]
        self._chosen = self._cells[0]
        self._waiting: deque[CellView] = deque()
        self._busy: CellView | None = None
        self._fresh = False  # whether the next cell forgets all names first
        self._losses = 0
        self._trouble = ""
        self._wait = Wait(self, self._tell)  # for the cell that runs
        self._aside = (
            False  # whether the tensors stand in the place of the cells, where there is room for one
        )

    def compose(self) -> ComposeResult:
        yield Static(id="status")
        with Horizontal():
            yield Column(*self._cells[:FIRST], id="column", can_focus=False)
            with Vertical(id="side"):
                yield OptionList()
                yield TensorView()
        yield KeyLine()

    def on_mount(self) -> None:
        self._chosen.add_class("-chosen")
        self._arrange()
        self._tell()
        self.call_after_refresh(self.query_one(Column).mount_all, self._cells[FIRST:])

    def on_resize(self) -> None:
        self._arrange()

    # What the keys do.

    def action_run_cell(self) -> None:
        self._enqueue([self._chosen])

    def action_run_next(self) -> None:
        self._enqueue([self._chosen])
        self._choose(self._chosen.number + 1)

    def action_run_all(self) -> None:
        self._waiting.clear()
        self._fresh = True
        self._enqueue(self._cells)

    def action_interrupt(self) -> None:
        for cell in self._waiting:
            cell.mark("done" if cell.result and not cell.result.error else "")
        self._waiting.clear()
        self.lab.interrupt()

    def action_edit_cell(self) -> None:
        self._show_cells()
        self._chosen.editor.focus()

    def action_original(self) -> None:
        self._chosen.original()

    def action_cell_above(self) -> None:
        self._move(-1)

    def action_cell_below(self) -> None:
        self._move(1)

    def action_tensors(self) -> None:
        self._aside = True
        self._arrange()
        self.query_one(OptionList).focus()

    def action_difference(self) -> None:
        self.query_one(TensorView).toggle_difference()

    def action_leave(self) -> None:
        """From code or tensors to the cells; from there to the experiments."""
        if self.focused is self._chosen or self.focused is None:
            self.dismiss()
        else:
            self._show_cells()
            self._chosen.focus()

    def action_keys(self) -> None:
        self.app.push_screen(KeysPage({"Workbook": WORKBOOK_KEYS}))

    async def action_quit(self) -> None:
        await self.app.action_quit()

    def _move(self, by: int) -> None:
        """Go through a cell that is longer than the screen, page by page, then to its neighbour."""
        column = self.query_one(Column)
        page = column.scrollable_content_region.height
        top, bottom = self._chosen.place
        hidden = bottom - (column.scroll_y + page) if by > 0 else column.scroll_y - top
        if self._aside or hidden <= 0:
            self._choose(self._chosen.number + by)
        else:
            column.scroll_relative(y=by * min(hidden, page - OVERLAP), animate=False)

    def _choose(self, number: int) -> None:
        self._show_cells()
        place = min(max(number, 1), len(self._cells)) - 1
        self._cells[place].focus(scroll_visible=False)

    # Running cells, one after another.

    def _enqueue(self, cells: list[CellView]) -> None:
        for cell in cells:
            if cell not in self._waiting and cell is not self._busy:
                self._waiting.append(cell)
                cell.mark("waits")
        if self._busy is None and self._waiting:
            self._busy = self._waiting[0]
            self.run_worker(self._run(), group="cells")

    async def _run(self) -> None:
        try:
            while self._waiting:
                cell = self._busy = self._waiting.popleft()
                cell.mark("runs")
                self._tell()
                result = await self._result(cell)
                if self.lab.losses > self._losses:
                    self._lose()
                cell.show(result)
                if result.error:
                    self.action_interrupt()  # what waits would build upon it
                if cell is self._chosen:
                    self._show_tensors()
                if cell.number in (self._chosen.number, self._chosen.number - 1):
                    self._bring(cell)
        finally:
            self._busy = None
            self._tell()

    async def _result(self, cell: CellView) -> CellResult:
        fresh, self._fresh, self._trouble = self._fresh, False, ""
        try:
            answer = await self.lab.ask("cell", code=cell.code, cell=str(cell.number), fresh=fresh)
        except NnplayError as error:
            return CellResult.lost(str(error))
        assert answer is not None  # cells are asked one after another, so none is out of date
        return CellResult.of(answer)

    def _lose(self) -> None:
        """The lab's process is gone, and with it the names that the cells made."""
        self._losses = self.lab.losses
        self._trouble = "the names of all cells are lost: a runs them all again"
        for cell in self._cells:
            if cell.result:
                cell.mark("stale")

    # What is shown.

    def on_cell_view_chosen(self, message: CellView.Chosen) -> None:
        if message.cell is not self._chosen:
            self._chosen.remove_class("-chosen")
            self._chosen = message.cell
            self._chosen.add_class("-chosen")
            self._show_tensors()
            self._bring(self._chosen, result=False)

    def on_option_list_option_highlighted(self, message: OptionList.OptionHighlighted) -> None:
        self._inspect(message.option_index)

    def on_option_list_option_selected(self, message: OptionList.OptionSelected) -> None:
        self.query_one("#values").focus()

    def _show_tensors(self) -> None:
        tensors = self._chosen.result.tensors if self._chosen.result else ()
        names = self.query_one(OptionList)
        names.set_options([Option(Text(f"{t.name}  {t.shape} {t.dtype}", no_wrap=True)) for t in tensors])
        names.display = bool(tensors)
        if tensors:
            names.highlighted = 0
        self._inspect(0)

    def _inspect(self, place: int) -> None:
        tensors = self._chosen.result.tensors if self._chosen.result else ()
        tensor = tensors[place] if place < len(tensors) else None
        before = self._chosen.before.get(tensor.name) if tensor else None
        self.query_one(TensorView).show(tensor, before=before, since="the run before")

    def _bring(self, cell: CellView, result: bool = True) -> None:
        """Bring a cell with the chosen one below it into sight; where that is too long, what it came to."""
        column = self.query_one(Column)

        def scroll() -> None:
            page = column.scrollable_content_region.height
            top, bottom = cell.place[0], self._chosen.place[1]
            if result and bottom - top > page:
                top = cell.attended
                bottom = min(bottom, max(cell.place[1], top + page))
            column.scroll_to(y=min(max(column.scroll_y, bottom - page), top), animate=False)

        # Once what the cell came to is there, and once its height is known.
        self.call_after_refresh(self.call_after_refresh, scroll)

    def _show_cells(self) -> None:
        self._aside = False
        self._arrange()

    def _arrange(self) -> None:
        """Cells and tensors side by side where there is room, else one of them."""
        beside = self.size.width >= BESIDE
        self.query_one("#column").display = beside or not self._aside
        self.query_one("#side").display = beside or self._aside
        self.query_one("#side").styles.width = "44%" if beside else "1fr"

    def _tell(self) -> None:
        text = Text(no_wrap=True, overflow="ellipsis")
        text.append(f"{self.workbook.section} {self.workbook.title}", "bold")
        self._wait.on(self._busy)
        if self._busy:
            text.append(f"   ● cell {self._busy.number} runs{self._wait}", "bold yellow")
            text.append("   i or ctrl+g stops it", "dim")
        elif self._trouble:
            text.append(f"   {self._trouble}", "bold red")
        elif not isinstance(self.focused, CodeEditor):
            text.append(f"   {self.workbook.about}", "dim")
        self.query_one("#status", Static).update(text)
