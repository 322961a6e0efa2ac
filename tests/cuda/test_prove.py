"""`make gpu` keeps what its stages print, and makes its report of those of this device and commit alone."""

from __future__ import annotations

import importlib
import sys
from pathlib import Path

import prove
import pytest


@pytest.fixture
def stages(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """What each stage does, as Python, for a test to change; of a GPU that is not there."""
    does = {"build": "print('built')", "check": "print('checked')"}
    monkeypatch.setattr(prove, "device", lambda: "a GPU")
    monkeypatch.setattr(prove, "commit", lambda: does.get("commit", "abc"))
    monkeypatch.setattr(prove, "KEPT", tmp_path / "kept")
    monkeypatch.setattr(prove, "ROOT", tmp_path)
    monkeypatch.setattr(prove, "RESULTS", tmp_path / "gpu-results.md")
    commands = {name: lambda name=name: [[sys.executable, "-c", does[name]]] for name in ("build", "check")}
    monkeypatch.setattr(prove, "STAGES", commands)
    return does


def told(*words: str, monkeypatch: pytest.MonkeyPatch) -> tuple[int, str]:
    monkeypatch.setattr(sys, "argv", ["prove.py", *words])
    status = prove.main()
    return status, prove.RESULTS.read_text()


def test_stages_that_were_run_one_by_one_make_one_report(stages, monkeypatch):
    assert told("build", monkeypatch=monkeypatch)[0] == 0
    status, text = told("check", monkeypatch=monkeypatch)
    assert status == 0
    assert text.index("## build") < text.index("built") < text.index("## check") < text.index("checked")
    assert "a GPU; commit abc." in text

    stages["commit"] = "def"
    assert "built" not in told("check", monkeypatch=monkeypatch)[1]


def test_a_stage_that_fails_is_told_and_no_stage_follows_a_build_that_does(stages, monkeypatch):
    stages["check"] = "raise SystemExit(3)"
    status, text = told(monkeypatch=monkeypatch)
    assert status == 1
    assert "FAILED, exit status 3" in text
    stages["build"] = "raise SystemExit(4)"
    (prove.KEPT / "check.json").unlink()
    assert "## check" not in told(monkeypatch=monkeypatch)[1]


def test_every_stage_has_a_command_that_its_program_understands(tmp_path, monkeypatch):
    monkeypatch.setattr(prove, "KEPT", tmp_path)
    tool = tmp_path / "compute-sanitizer"
    tool.touch(mode=0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    for name in prove.SANITIZERS:
        ((program, option, value, *_),) = prove.STAGES[name]()
        assert (program, option, value) == (str(tool), "--tool", name)
    for stage in prove.STAGES.values():
        for _, *words in stage():
            if words[:2] == ["-m", "engine"]:
                with pytest.raises(SystemExit) as ended:
                    importlib.import_module(f"engine.{words[2]}").main([*words[3:], "--help"])
                assert ended.value.code == 0


def test_a_copy_without_git_is_known_by_its_files(tmp_path, monkeypatch):
    monkeypatch.setattr(prove, "ROOT", tmp_path)
    monkeypatch.setattr(prove.shutil, "which", lambda name: None)
    source = tmp_path / "csrc" / "kernel.cu"
    source.parent.mkdir()
    found = []
    for text in ("a", "b", "a"):
        source.write_text(text)
        found.append(prove.commit())
    assert found[0] == found[2] != found[1]
    assert found[0].startswith("not known, files ")
