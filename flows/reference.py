"""The reference pages of commands and settings, written from the code that they describe."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, get_type_hints

import typer
from pydantic import BaseModel
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

from tag2mask.flows.cli import app
from tag2mask.flows.type_names import describe_type
from tag2mask.models.system_factory import SYSTEMS
from tag2mask.pipeline.dataset.row_filter import RowFilter
from tag2mask.pipeline.labeling.recipe import Recipe
from tag2mask.pipeline.report.inspection import InspectSettings
from tag2mask.pipeline.systems.training import SystemTrainingSettings

NOTE = "Written by `python -m tag2mask.flows.reference` from the code; do not edit by hand."
HEAD = "| setting | type | default | meaning |\n| --- | --- | --- | --- |"

# Types as a command line reads them.
FORMS = {"true or false": "flag", "list of texts": "text, repeatable"}


def commands_page() -> str:
    """The program's options and every command with its own, as Markdown."""
    # Typer brings a click of its own, whose types have no public name.
    group: Any = typer.main.get_command(app)
    parts = ["# Commands", NOTE]
    assert app.registered_callback is not None
    options: Any = app.registered_callback.callback
    sections: dict[str, Any] = {"Options of the program": (group, options)}
    for (name, command), registered in zip(
        group.commands.items(), app.registered_commands, strict=True
    ):
        sections[name] = (command, registered.callback)
    parts += [_command_section(name, *section) for name, section in sections.items()]
    return "\n\n".join(parts) + "\n"


def _command_section(
    title: str,
    command: Any,  # noqa: ANN401 - a type of Typer's own click
    function: Callable[..., Any],
) -> str:
    """A heading, the help text, and a table of arguments and options."""
    types = _parameter_types(function)
    rows = []
    for parameter in command.params:
        if parameter.name == "help":
            continue
        option = parameter.param_type_name == "option"
        names = ", ".join(parameter.opts) if option else _argument(parameter)
        default = "required" if parameter.required else _value(parameter.default)
        text = _cell(parameter.help or "")
        rows.append(f"| `{names}` | {types[parameter.name]} | {default} | {text} |")
    head = ["", "| argument or option | type | default | meaning |", "| --- | --- | --- | --- |"]
    lines = [f"## {title}", _cell(command.help or ""), *(head if rows else []), *rows]
    return "\n".join(lines)


def _parameter_types(command: Callable[..., Any]) -> dict[str, str]:
    """The type of each argument and option by its name; null only says that one may be absent."""
    hints = get_type_hints(command, include_extras=True)
    types = {name: describe_type(hint).replace(" or null", "") for name, hint in hints.items()}
    return {name: FORMS.get(text, text) for name, text in types.items()}


def settings_page() -> str:
    """Every setting of a recipe and of each system, as Markdown."""
    parts = ["# Settings", NOTE]
    parts += ["## Labeling", "`--set NAME=VALUE` of `label` and `benchmark`.", _table(Recipe)]
    parts += [
        "## Inspect page",
        "`InspectSettings` in Python; `inspect --examples` sets the first.",
        _table(InspectSettings),
    ]
    parts += ["## Systems", "`--set NAME=VALUE` of `train`."]
    parts += ["### Training", _table(SystemTrainingSettings, "training.")]
    parts += ["### Rows of the dataset", _table(RowFilter, "where.")]
    for name in sorted(SYSTEMS):
        parts += [f"### {name}", _table(SYSTEMS[name].settings_type, "system.")]
    return "\n\n".join(parts) + "\n"


def _table(kind: type[BaseModel], prefix: str = "") -> str:
    return "\n".join([HEAD, *_rows(kind, prefix)])


def _rows(kind: type[BaseModel], prefix: str) -> Iterator[str]:
    for name, field in kind.model_fields.items():
        default = field.default
        if isinstance(default, BaseModel):
            yield from _nested(default, f"{prefix}{name}.")
            continue
        text = _cell(field.description or "")
        shown = "required" if default is PydanticUndefined else _value(default)
        yield f"| `{prefix}{name}` | {_type(field)} | {shown} | {text} |"


def _nested(default: BaseModel, prefix: str) -> Iterator[str]:
    """The settings of a part whose defaults may be other than its class's."""
    for name, field in type(default).model_fields.items():
        value = getattr(default, name)
        if isinstance(value, BaseModel):
            yield from _nested(value, f"{prefix}{name}.")
        else:
            text = _cell(field.description or "")
            yield f"| `{prefix}{name}` | {_type(field)} | {_value(value)} | {text} |"


def _type(field: FieldInfo) -> str:
    return _cell(describe_type(field.annotation, field.metadata))


def _argument(parameter: Any) -> str:  # noqa: ANN401 - a type of Typer's own click
    return str(parameter.metavar or parameter.name).upper()


def _value(value: object) -> str:
    return "–" if value is None or value == "" else f"`{_cell(str(value))}`"


def _cell(text: str) -> str:
    return " ".join(text.replace("|", "\\|").split())


def main(folder: Path = Path("docs/reference")) -> None:
    """Writes both pages."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "commands.md").write_text(commands_page(), encoding="utf-8")
    (folder / "settings.md").write_text(settings_page(), encoding="utf-8")


if __name__ == "__main__":
    main()
