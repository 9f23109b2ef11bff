"""The settings file of a new installation says what is so."""

from __future__ import annotations

import tomllib
from pathlib import Path

from disparo.cli.installation import settings_file
from disparo.domain.template import DEFAULT
from disparo.settings import Settings


def test_each_setting_is_described_and_each_description_is_of_one():
    described = [name for section in settings_file._SECTIONS.values() for name in section]
    assert sorted([*described, "platforms"]) == sorted(Settings.model_fields)
    assert set(settings_file._EXAMPLES) <= set(described)


def test_without_its_signs_of_comment_the_file_can_be_read_and_its_template_is_the_default():
    text = settings_file.settings_text(Path("/var/lib/disparo"))
    lines = [line.removeprefix("# ") if " = " in line else line for line in text.splitlines()]
    settings = tomllib.loads("\n".join(line for line in lines if not line.startswith("#")))
    assert settings["template"] == DEFAULT
    assert settings["data_dir"] == "/var/lib/disparo"
