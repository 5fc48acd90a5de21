"""``labelmap.txt``: the colors of the classes, as label tools write them beside VOC masks.

Every label of the file is a class to a tool, so that ignored pixels are named only where there
are some: tools refuse a mask with a color that has no name. Without a name their color is known
all the same, as long as no line gives it to a class.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from tag2mask.pipeline.records import BACKGROUND, IGNORE, ClassTable, palette

Color = tuple[int, int, int]

HEADER = "# label:color_rgb:parts:actions\n"

# The last color of a line counts: what stands before it is the name, colons included.
_LINE = re.compile(r"(?P<name>.*):(?P<color>\s*\d+\s*,\s*\d+\s*,\s*\d+\s*)(:[^:]*){0,2}", re.DOTALL)


def class_colors(classes: ClassTable) -> dict[Color, int]:
    """The pixel value of each color of the VOC palette that means something."""
    colors = palette()
    values = [BACKGROUND, *range(1, len(classes) + 1), IGNORE]
    return {_rgb(colors[3 * value : 3 * value + 3]): value for value in values}


def labelmap(classes: ClassTable, *, with_ignore: bool = False) -> str:
    """The file's text, with the colors of VOC.

    Args:
        classes: Classes of the masks, named after background.
        with_ignore: Whether ignored pixels are named, too.
    """
    lines = (
        f"{classes.name(value)}:{red},{green},{blue}::\n"
        for (red, green, blue), value in class_colors(classes).items()
        if value != IGNORE or with_ignore
    )
    return HEADER + "".join(lines)


@dataclass(frozen=True)
class LabelMap:
    """The labels of a label map, with the pixel values that they have in the run.

    Args:
        colors: The pixel value of each color; None for a label that is no class of the run.
        values: The pixel values in the order of the file's lines; a gray mask counts its
            labels in this order, from 0.
        names: The labels in the same order, for messages.
    """

    colors: dict[Color, int | None]
    values: tuple[int | None, ...]
    names: tuple[str, ...]

    def name(self, color: Color) -> str:
        """The label of a color."""
        return self.names[list(self.colors).index(color)]


def read_labelmap(text: str, classes: ClassTable) -> LabelMap:
    """The labels that a label map names; labels that are no class of the run are kept apart.

    Args:
        text: Lines ``name:red,green,blue:parts:actions``; ``#`` starts a comment. A name may
            hold colons.
        classes: The run's classes; background and ignore are labels, too.

    Raises:
        ValueError: If a line is of another form or repeats a color.
    """
    colors: dict[Color, int | None] = {}
    names: list[str] = []
    for line in text.removeprefix("\ufeff").split("\n"):  # names may hold other line separators
        line = line.removesuffix("\r")
        found = _LINE.fullmatch(line)
        name = found["name"].strip() if found else ""
        value = label_value(name, classes)
        if not line.strip() or (line.startswith("#") and value is None):
            continue
        color = tuple(map(int, found["color"].split(","))) if found else ()
        if len(color) != 3 or max(color) > 255 or not name:
            raise ValueError(f"its line {line!r} is not name:red,green,blue::")
        rgb = _rgb(list(color))
        if rgb in colors:
            raise ValueError(f"two of its labels have the color {rgb}")
        colors[rgb] = value
        names.append(name)
    values = tuple(colors.values())
    if IGNORE not in values:
        colors.setdefault(_rgb(palette()[3 * IGNORE :]), IGNORE)
    return LabelMap(colors, values, tuple(names))


def label_value(name: str, classes: ClassTable) -> int | None:
    """The pixel value of a label: a class, background or ignore, in any case; None of others."""
    values = (BACKGROUND, *class_values(classes), IGNORE)
    exact = {classes.name(value): value for value in values}
    if name in exact:
        return exact[name]
    alike = [value for known, value in exact.items() if known.casefold() == name.casefold()]
    return alike[0] if len(alike) == 1 else None


def class_values(classes: ClassTable) -> range:
    """The pixel values of the classes."""
    return range(1, len(classes) + 1)


def _rgb(parts: bytes | list[int]) -> Color:
    red, green, blue = parts
    return red, green, blue
