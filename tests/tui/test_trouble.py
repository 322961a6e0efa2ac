"""What keeps a run from beginning is said in one place of the screen, and in words."""

from __future__ import annotations

import re

import pytest
from driving import screen_text, sees, until

from engine import experiments
from tui.app import NnplayApp


async def test_without_network_the_credit_data_are_missed_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NNPLAY_DATA", raising=False)
    monkeypatch.setenv("NNPLAY_CREDIT_URL", "http://127.0.0.1:9/CreditData.csv")
    app = NnplayApp(experiments.find("credit-sequential"))
    async with app.run_test(size=(120, 40)) as pilot:
        await pilot.press("space")
        await sees(pilot, "✗ failed", "nothing to show")
        await until(pilot, lambda: app.session.trials.instead)

        def told() -> int:
            return len(re.findall("could not be downloaded", " ".join(screen_text(app).split())))

        await until(pilot, lambda: told() == 1)
        assert "set NNPLAY_DATA" in screen_text(app)
