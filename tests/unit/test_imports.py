"""Who pays for what: the light modules import nothing heavy, in a process where nothing else could have."""

from __future__ import annotations

import subprocess
import sys

import pytest

LIGHT = [
    "engine.spec",
    "engine.events",
    "engine.catalog",
    "engine.checkpoints",
    "engine.gpus",
    "engine.runs",
    "engine.control",
    "engine.launcher",
    "engine.lab",
    "engine.experiments.iris_mlp",
    "tui.cli",
    "tui.app",
    "tui.doctor",
    "tui.headless",
    "tui.serve",
    "tui.stored",
    "tui.listing",
]


def loaded_by(code: str) -> set[str]:
    done = subprocess.run(
        [
            sys.executable,
            "-c",
            f"import sys\n{code}\nprint(*{{name.partition('.')[0] for name in sys.modules}})",
        ],
        capture_output=True,
        text=True,
        check=True,
    )
    return set(done.stdout.splitlines()[-1].split())


@pytest.mark.parametrize("module", LIGHT)
def test_a_light_module_imports_no_torch_and_no_scikit_learn(module: str) -> None:
    assert not loaded_by(f"import {module}") & {"torch", "sklearn", "scipy", "pandas"}


@pytest.mark.parametrize("words", [["--help"], ["list"], ["run", "iris-mpl"], ["run", "--help"]])
def test_help_and_wrong_requests_load_neither_the_app_nor_numpy(words: list[str]) -> None:
    code = f"import contextlib\nfrom tui.cli import main\nwith contextlib.suppress(SystemExit): main({words})"
    assert not loaded_by(code) & {"torch", "sklearn", "textual", "numpy", "rich"}
