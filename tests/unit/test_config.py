"""What a person may set in config.toml, and what each wrong entry is answered with."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from engine.errors import RequestError
from tui import config, keys
from tui.glyphs import ASCII, BLOCK, BRAILLE, detect, to_ascii


def load(tmp_path: Path, text: str) -> config.Settings:
    path = tmp_path / "config.toml"
    path.write_text(text)
    return config.load(path)


def test_without_a_file_all_is_as_usual(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    settings = config.load()
    assert (settings.theme, settings.frame_rate, settings.keymap) == ("dark", 10, {})
    assert settings.glyphs is detect()


def test_what_is_set_is_taken(tmp_path: Path) -> None:
    settings = load(
        tmp_path,
        'theme = "light"\nglyphs = "block"\nframe_rate = 5\n[keys]\nstep = "e"\nepoch = ["ctrl+e", "?"]\n'
        'keys = "f1"',
    )
    assert settings.theme == "light"
    assert settings.glyphs is BLOCK
    assert settings.frame_rate == 5
    assert settings.keymap == {"step": "e", "epoch": "ctrl+e,question_mark", "keys": "f1"}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('theme = "drak"', "unknown theme 'drak': did you mean dark?"),
        ("theme = 3", "unknown theme '3'"),
        ('glyphs = "brail"', "unknown glyphs 'brail': did you mean braille?"),
        ("frame_rate = 0", "frame_rate: expected a whole number from 1 to 30, got 0"),
        ("frame_rate = true", "frame_rate: expected a whole number from 1 to 30, got True"),
        ('them = "dark"', "unknown setting 'them': did you mean theme?"),
        ("keys = 1", "[keys]: expected lines such as"),
        ('[keys]\nsteep = "x"', "unknown action 'steep': did you mean step?"),
        ('[keys]\nstep = "f55"', "unknown key 'f55': did you mean f5?"),
        ('[keys]\nstep = ""', "expected a key such as"),
        ('[keys]\nstep = "e"', "[keys] step: e is the key of epoch"),
        ('[keys]\nepoch = "s"', "[keys] epoch: s is the key of step"),
        ("theme =", "cannot be read"),
    ],
)
def test_a_wrong_entry_is_told_with_the_file_and_the_nearest_name(
    tmp_path: Path, text: str, message: str
) -> None:
    with pytest.raises(RequestError, match=re.escape(message)) as caught:
        load(tmp_path, text)
    assert str(tmp_path / "config.toml") in str(caught.value)


def test_what_nnplay_config_prints_is_such_a_file(tmp_path: Path) -> None:
    text = 'theme = "nord"\nglyphs = "ascii"\nframe_rate = 3\n[keys]\nquit = ["q", "f10"]\n"panel(0)" = "f2"'
    settings = load(tmp_path, text)
    assert load(tmp_path, config.show(settings, tmp_path / "config.toml")) == settings


def test_every_usual_key_has_a_name_and_one_action() -> None:
    assert keys.remapped({action: words.split(",") for action, words in keys.usual().items()}) == keys.usual()


@pytest.mark.parametrize(
    ("environment", "glyphs"),
    [
        ({}, BRAILLE),
        ({"LANG": "de_DE.UTF-8"}, BRAILLE),
        ({"LC_ALL": "en_US.utf8"}, BRAILLE),
        ({"LANG": "C"}, ASCII),
        ({"LANG": "C", "LC_CTYPE": "C.UTF-8"}, ASCII),  # as Python leaves it
        ({"LANG": "C", "LC_ALL": "C.UTF-8"}, BRAILLE),
        ({"LANG": "de_DE.UTF-8", "LC_ALL": "POSIX"}, ASCII),
        ({"LANG": "de_DE.ISO-8859-1"}, ASCII),
        ({"LANG": "de_DE.UTF-8", "TERM": "linux"}, ASCII),
    ],
)
def test_the_locale_decides_about_glyphs(environment: dict[str, str], glyphs: object) -> None:
    assert detect(environment) is glyphs


def test_text_in_ascii_is_as_wide_and_as_readable_as_can_be() -> None:
    for text, plain in (
        ("◂━━●─▸", "<--*->"),
        ("naïve – “Größe”…", 'naive - "Grose"~'),
        ("✓ ✗ ↻ ‖ ■ ○", "v x @ | * o"),
        ("データ", "??????"),
        ("σ²=µ×π", "s2=u*?"),
        ("incom…", "incom~"),  # a full stop would read as if nothing were missing
        ("0.62±0.01", "0.62+0.01"),
        ("plain", "plain"),
    ):
        assert to_ascii(text) == plain
