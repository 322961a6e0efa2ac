"""A table of one's own is found, looked into and opened on the screen, with a real lab."""

from __future__ import annotations

from pathlib import Path

import pytest
from driving import screen_text, sees, until
from tables_cases import GOOD, write
from textual.pilot import Pilot
from textual.widgets import Button, Input, Select

from engine import experiments
from tui.app import NnplayApp
from tui.screens.open_table import Folder, OpenTable, PathSuggester

SIZE = (120, 40)


def app() -> NnplayApp:
    return NnplayApp(experiments.find("iris-mlp"))


def score(pilot: Pilot[None]) -> str:
    """Title and legend of the second plot."""
    assert isinstance(pilot.app, NnplayApp)
    return pilot.app._laboratory.plots["score"].render_line(0).text


async def test_a_table_is_looked_into_and_trained_on(tmp_path: Path) -> None:
    path = write(tmp_path, GOOD.replace("3,2,b", ",2,b").replace("x,", "[red]\x1b[31m,"))
    async with app().run_test(size=SIZE, notifications=True) as pilot:
        await pilot.press("o")
        await until(pilot, lambda: isinstance(pilot.app.screen, OpenTable))
        pilot.app.screen.query_one("#path", Input).value = str(path)
        await pilot.press("enter")
        await sees(pilot, "target kind: 2 classes (a, b), a classification", "[red]\\x1b[31m", "missing")
        pilot.app.screen.query_one("#target", Select).value = "y"
        await sees(pilot, "target y: 4 classes")
        pilot.app.screen.query_one("#task", Select).value = "mse"
        await sees(pilot, "target y: numbers from 0 to 4, a regression")
        pilot.app.screen.query_one(Button).press()
        await until(pilot, lambda: not isinstance(pilot.app.screen, OpenTable))
        spec = pilot.app.session.spec  # type: ignore[attr-defined]
        assert (spec.experiment, spec.data, spec.target, spec.loss) == ("mlp", f"csv:{path}", "y", "mse")
        await pilot.press("space")
        await sees(pilot, "✓ finished", "R²")


async def test_a_second_enter_opens_what_the_first_looked_into(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    path = write(tmp_path, GOOD)
    async with app().run_test(size=SIZE) as pilot:
        await pilot.press("o")
        await until(pilot, lambda: isinstance(pilot.app.screen, OpenTable))
        await sees(pilot, "then opens it")
        await pilot.press(*path.name, "enter")
        await sees(pilot, "target kind: 2 classes")
        await pilot.press("backspace", "enter")
        await sees(pilot, "there is no such file")
        await pilot.press("v", "enter")
        await sees(pilot, "target kind: 2 classes")  # another path was looked into meanwhile
        await pilot.press("enter")
        await until(pilot, lambda: not isinstance(pilot.app.screen, OpenTable))
        assert pilot.app.session.spec.data == f"csv:{path}"  # type: ignore[attr-defined]


async def test_numbers_to_predict_have_r2_from_the_first_picture_on(tmp_path: Path) -> None:
    path = write(tmp_path, "x,y\n" + "".join(f"{i},{i / 7}\n" for i in range(40)))
    async with app().run_test(size=SIZE) as pilot:
        await pilot.press("t", "o")  # nothing is tried
        await until(pilot, lambda: isinstance(pilot.app.screen, OpenTable))
        await pilot.press(*str(path), "enter")
        await sees(pilot, "a regression")
        await pilot.press("enter")
        await until(pilot, lambda: pilot.app.session.spec.data == f"csv:{path}")  # type: ignore[attr-defined]
        assert score(pilot).split() == ["R²"]
        spec = pilot.app.session.spec  # type: ignore[attr-defined]
        assert (spec.loss, spec.output) == ("mse", "linear")
        assert pilot.app.session.state == "none"  # type: ignore[attr-defined]


async def test_what_was_tried_tells_whether_there_are_classes_or_numbers(tmp_path: Path) -> None:
    path = write(tmp_path, "x,y\n" + "".join(f"{i},{i / 7}\n" for i in range(40)))
    spec = experiments.find("mlp", [f"data=csv:{path}"])
    assert spec.loss == "auto"
    async with NnplayApp(spec).run_test(size=SIZE) as pilot:
        await pilot.press("t")
        assert score(pilot).split() == ["accuracy", "or", "R²"]  # nothing tells yet
        await pilot.press("t")
        await until(pilot, lambda: score(pilot).split()[0] == "R²")
        assert "seeds ━ train" in score(pilot)


async def test_the_folder_lists_tables_and_folders_and_opens_them_by_enter_as_well(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    path = write(tmp_path, GOOD, "clients.TSV")
    for name in ("model.pt", ".hidden.csv", "notes.md"):
        write(tmp_path, GOOD, name)
    for name in ("years", ".git"):
        (tmp_path / name).mkdir()
    async with app().run_test(size=SIZE) as pilot:
        await pilot.press("o")
        await sees(pilot, "clients.TSV", "years")
        tree = pilot.app.screen.query_one(Folder)
        assert [str(node.label) for node in tree.root.children] == ["years", "clients.TSV"]
        tree.focus()
        await pilot.press("end", "enter")
        await sees(pilot, "target kind: 2 classes")
        await pilot.press("enter")
        await until(pilot, lambda: not isinstance(pilot.app.screen, OpenTable))
        assert pilot.app.session.spec.data == f"csv:{path}"  # type: ignore[attr-defined]


async def test_a_file_that_is_no_table_says_why_and_cannot_be_opened(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    async with app().run_test(size=SIZE) as pilot:
        await pilot.press("o")
        await until(pilot, lambda: isinstance(pilot.app.screen, OpenTable))
        for content, says in (("", "expected a table"), ("x,y\n1,2\n", "expected at least 10 rows, got 1")):
            pilot.app.screen.query_one("#path", Input).value = write(tmp_path, content).name
            pilot.app.screen.query_one("#path", Input).focus()
            await pilot.press("enter")
            await sees(pilot, says)
            assert pilot.app.screen.query_one(Button).disabled
        await pilot.press("escape")
        await until(pilot, lambda: not isinstance(pilot.app.screen, OpenTable))
        assert "iris-mlp" in screen_text(pilot.app)


async def test_a_path_is_completed_by_what_is_in_its_folder(tmp_path: Path) -> None:
    path = write(tmp_path, GOOD, "clients.csv")
    suggest = PathSuggester().get_suggestion
    assert await suggest(str(tmp_path / "cli")) == str(path)
    assert await suggest(f"{tmp_path}/") == str(path)
    assert await suggest(str(tmp_path / "none")) is None
    assert await suggest("\0") is None
