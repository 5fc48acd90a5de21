"""``labelmap.txt``: the colors of the classes, as label tools write them beside VOC masks."""

from __future__ import annotations

from tag2mask.pipeline.records import BACKGROUND, IGNORE, ClassTable, palette

Color = tuple[int, int, int]

HEADER = "# label:color_rgb:parts:actions\n"


def class_colors(classes: ClassTable) -> dict[Color, int]:
    """The pixel value of each color of the VOC palette that means something."""
    colors = palette()
    values = [BACKGROUND, *range(1, len(classes) + 1), IGNORE]
    return {_rgb(colors[3 * value : 3 * value + 3]): value for value in values}


def labelmap(classes: ClassTable) -> str:
    """The file's text: background, the classes and ignore, with the colors of VOC."""
    lines = (
        f"{classes.name(value)}:{red},{green},{blue}::\n"
        for (red, green, blue), value in class_colors(classes).items()
    )
    return HEADER + "".join(lines)


def read_labelmap(text: str, classes: ClassTable) -> dict[Color, int]:
    """The pixel value of each color that a label map names.

    Args:
        text: Lines ``name:red,green,blue:parts:actions``; ``#`` starts a comment.
        classes: The run's classes; background and ignore are known besides.

    Raises:
        ValueError: If a line is of another form, names no class of the run, or repeats a
            color.
    """
    known = {classes.name(value): value for value in (BACKGROUND, *class_values(classes), IGNORE)}
    found: dict[Color, int] = {}
    for line in text.splitlines():
        if not line.strip() or line.startswith("#"):
            continue
        name, _, rest = line.partition(":")
        try:
            color = _rgb([int(part) for part in rest.split(":")[0].split(",")])
        except ValueError:
            raise ValueError(f"its line {line!r} is not name:red,green,blue::") from None
        if name not in known:
            raise ValueError(f"it names {name!r}, which is no class of the run")
        if color in found:
            raise ValueError(f"two of its labels have the color {color}")
        found[color] = known[name]
    return found


def class_values(classes: ClassTable) -> range:
    """The pixel values of the classes."""
    return range(1, len(classes) + 1)


def _rgb(parts: bytes | list[int]) -> Color:
    red, green, blue = parts
    return red, green, blue
