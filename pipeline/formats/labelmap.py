"""``labelmap.txt``: the colours of the classes, as label tools write them beside VOC masks."""

from __future__ import annotations

from tag2mask.pipeline.records import BACKGROUND, IGNORE, ClassTable, palette

Colour = tuple[int, int, int]

HEADER = "# label:color_rgb:parts:actions\n"


def class_colours(classes: ClassTable) -> dict[Colour, int]:
    """The pixel value of each colour of the VOC palette that means something."""
    colours = palette()
    values = [BACKGROUND, *range(1, len(classes) + 1), IGNORE]
    return {_rgb(colours[3 * value : 3 * value + 3]): value for value in values}


def labelmap(classes: ClassTable) -> str:
    """The file's text: background, the classes and ignore, with the colours of VOC."""
    lines = (
        f"{classes.name(value)}:{red},{green},{blue}::\n"
        for (red, green, blue), value in class_colours(classes).items()
    )
    return HEADER + "".join(lines)


def read_labelmap(text: str, classes: ClassTable) -> dict[Colour, int]:
    """The pixel value of each colour that a label map names.

    Args:
        text: Lines ``name:red,green,blue:parts:actions``; ``#`` starts a comment.
        classes: The run's classes; background and ignore are known besides.

    Raises:
        ValueError: If a line is of another form, names no class of the run, or repeats a
            colour.
    """
    known = {classes.name(value): value for value in (BACKGROUND, *class_values(classes), IGNORE)}
    found: dict[Colour, int] = {}
    for line in text.splitlines():
        if not line.strip() or line.startswith("#"):
            continue
        name, _, rest = line.partition(":")
        try:
            colour = _rgb([int(part) for part in rest.split(":")[0].split(",")])
        except ValueError:
            raise ValueError(f"its line {line!r} is not name:red,green,blue::") from None
        if name not in known:
            raise ValueError(f"it names {name!r}, which is no class of the run")
        if colour in found:
            raise ValueError(f"two of its labels have the colour {colour}")
        found[colour] = known[name]
    return found


def class_values(classes: ClassTable) -> range:
    """The pixel values of the classes."""
    return range(1, len(classes) + 1)


def _rgb(parts: bytes | list[int]) -> Colour:
    red, green, blue = parts
    return red, green, blue
