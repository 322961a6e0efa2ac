"""Questions of the app: the newest of a kind wins, and the event loop goes on meanwhile."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
import pytest_asyncio

from engine.errors import LabLost
from engine.launcher import Zygote
from tui.lab_desk import LabDesk

SLOW = "import time; time.sleep(0.2); print('slow')"


@pytest.fixture(scope="module")
def zygote() -> Iterator[Zygote]:
    zygote = Zygote()
    yield zygote
    zygote.close()


@pytest_asyncio.fixture
async def desk(zygote: Zygote) -> AsyncIterator[LabDesk]:
    desk = LabDesk(lambda: zygote)
    yield desk
    await desk.close()


async def test_of_many_key_presses_the_first_and_the_last_cost_an_answer(desk: LabDesk) -> None:
    await desk.ask("cell", code="count = 0")
    presses = [desk.ask("cell", "key", code=f"count += 1; {SLOW}") for _ in range(20)]
    answers = await asyncio.gather(*presses)
    assert [answer is not None for answer in answers] == [False] * 19 + [True]
    counted = await desk.ask("cell", code="print(count)")
    assert counted is not None
    assert counted.values["printed"] == "2\n"


async def test_a_newer_question_about_something_else_makes_none_obsolete(desk: LabDesk) -> None:
    asks = [desk.ask("cell", topic, code=f"print({topic!r})") for topic in "abc"]
    answers = await asyncio.gather(*asks, desk.ask("versions"))
    assert None not in answers


async def test_the_event_loop_goes_on_while_the_lab_computes(desk: LabDesk, tmp_path: Path) -> None:
    begun = tmp_path / "begun"
    code = f"open({str(begun)!r}, 'w').close()\nwhile True: pass"
    question = asyncio.ensure_future(desk.ask("cell", code=code))
    ticks = 0
    while ticks < 50 or not begun.exists():
        await asyncio.sleep(0.001)
        ticks += 1
    assert not question.done()
    desk.interrupt()
    answer = await question
    assert answer is not None
    assert answer.values["error"]["type"] == "KeyboardInterrupt"


async def test_an_obsolete_question_that_fails_is_told_to_nobody(desk: LabDesk) -> None:
    crash = asyncio.ensure_future(desk.ask("cell", code="import time, os; time.sleep(0.2); os._exit(3)"))
    await asyncio.sleep(0)
    newer = await desk.ask("cell", code="print(1)")
    assert await crash is None
    assert newer is not None
    assert newer.values["printed"] == "1\n"
    assert desk.losses == 1


async def test_closing_ends_a_question_under_way(zygote: Zygote) -> None:
    desk = LabDesk(lambda: zygote)
    await desk.ask("versions")
    question = asyncio.ensure_future(desk.ask("cell", code="while True: pass"))
    await asyncio.sleep(0.05)
    await desk.close()
    with pytest.raises(LabLost):
        await question
