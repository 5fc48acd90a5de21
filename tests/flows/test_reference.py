"""The reference pages of the docs are those that the code describes today."""

from pathlib import Path
from typing import Annotated, Literal

import pytest
from pydantic import Field

from tag2mask.flows import reference
from tag2mask.flows.cli import app
from tag2mask.flows.type_names import describe_type
from tag2mask.pipeline.labeling.recipe import Recipe

FOLDER = Path(__file__).parents[2] / "docs" / "reference"


@pytest.mark.parametrize(
    ("name", "page"),
    [("commands.md", reference.commands_page), ("settings.md", reference.settings_page)],
)
def test_the_pages_are_current(name, page):
    stored = (FOLDER / name).read_text(encoding="utf-8")
    assert stored == page(), "run `python -m tag2mask.flows.reference`"


def test_a_changed_help_text_is_found(monkeypatch):
    """The stored page differs from that of a command whose help is another."""
    monkeypatch.setattr(app.registered_commands[0].callback, "__doc__", "Another sentence.")
    page = reference.commands_page()
    assert "Another sentence." in page
    assert page != (FOLDER / "commands.md").read_text(encoding="utf-8")


def test_a_changed_description_is_found(monkeypatch):
    monkeypatch.setattr(Recipe.model_fields["seed"], "description", "Another sentence.")
    page = reference.settings_page()
    assert "| `seed` | integer, at least 0 | `0` | Another sentence. |" in page
    assert page != (FOLDER / "settings.md").read_text(encoding="utf-8")


def test_commands_have_their_options():
    page = reference.commands_page()
    assert "## label\n" in page
    assert "| `--ground-truth, --truth` | text | required |" in page
    assert "| `--workers` | integer | `2` |" in page
    assert "| `--set` | text, repeatable | – |" in page


def test_the_program_has_its_options():
    page = reference.commands_page()
    program = page[: page.index("## sample")]
    assert "| `--version` | flag |" in program
    assert "| `--log-format` | `text` or `json` | `text` |" in program


def test_settings_have_types_and_defaults():
    page = reference.settings_page()
    assert "| `seeds.score_power` | number, above 0 | `5.0` |" in page
    # The default of the recipe, not the one of the class.
    assert "| `segmenter.training.steps` | integer, at least 1 | `640` |" in page
    assert "| `system.generator_lr` | number, above 0 | `0.0002` |" in page
    assert "| `system.upsampling` | `transposed` or `resized` |" in page
    assert "| `examples` | integer, at least 0 | `6` |" in page


@pytest.mark.parametrize(
    ("annotation", "text"),
    [
        (int | None, "integer or null"),
        (tuple[str, ...], "list of texts"),
        (tuple[float, float], "2 numbers"),
        (
            tuple[Annotated[float, Field(ge=0, lt=1)], ...],
            "list of numbers, each at least 0, below 1",
        ),
        (tuple[Literal["a", "b"], ...], "list of `a` or `b`"),
        (dict[str, float], "mapping"),
        (bool, "true or false"),
    ],
)
def test_types_in_words(annotation, text):
    assert describe_type(annotation) == text


def test_both_pages_are_written(tmp_path):
    reference.main(tmp_path / "reference")
    assert {file.name for file in (tmp_path / "reference").iterdir()} == {
        "commands.md",
        "settings.md",
    }
