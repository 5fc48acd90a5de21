"""The reference pages of the docs are those that the code describes today."""

from pathlib import Path

import pytest

from tag2mask.flows import reference

FOLDER = Path(__file__).parents[2] / "docs" / "reference"


@pytest.mark.parametrize(
    ("name", "page"),
    [("commands.md", reference.commands_page), ("settings.md", reference.settings_page)],
)
def test_the_pages_are_current(name, page):
    stored = (FOLDER / name).read_text(encoding="utf-8")
    assert stored == page(), "run `python -m tag2mask.flows.reference`"


def test_commands_have_their_options():
    page = reference.commands_page()
    assert "## label\n" in page
    assert "| `--ground-truth, --truth` | required |" in page


def test_settings_have_their_defaults():
    page = reference.settings_page()
    assert "| `seeds.score_power` | `5.0` |" in page
    # The default of the recipe, not the one of the class.
    assert "| `segmenter.training.steps` | `640` |" in page
    assert "| `system.generator_lr` | `0.0002` |" in page


def test_both_pages_are_written(tmp_path):
    reference.main(tmp_path / "reference")
    assert {file.name for file in (tmp_path / "reference").iterdir()} == {
        "commands.md",
        "settings.md",
    }
