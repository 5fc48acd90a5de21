"""The contact sheet: each row one image, its masks of every round, and the ground truth."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import chain

import numpy as np
from PIL import Image, ImageDraw

from tag2mask.pipeline.records import BACKGROUND, IGNORE, ClassTable, palette
from tag2mask.pipeline.report.fonts import FontFinder
from tag2mask.pipeline.report.text_drawing import draw_text, text_width, wrap_text

__all__ = ["SheetRow", "draw_contact_sheet", "overlay"]

CELL = 240  # longer side of an image, pixels
GAP = 12
MARGIN = 20
TEXT = 15  # font size of captions, pixels
HEADING = 18
LINE = 26  # height of a line of text
CAPTION_LINES = 3
PAPER = (255, 255, 255)
INK = (32, 32, 32)
PALE = (238, 238, 238)
OPACITY = 0.6
HATCH = 5  # distance of the lines, pixels


@dataclass(frozen=True)
class SheetRow:
    """One image of the sheet.

    Args:
        name: Its name in the caption, for example the stem of its file.
        image: (H, W, 3) uint8 RGB.
        tags: Pixel values of its tags, named in the caption.
        masks: Label maps uint8 by column; a column that is missing or None is left blank.
            A map of another size is stretched over the image.
    """

    name: str
    image: np.ndarray
    tags: Sequence[int] = ()
    masks: Mapping[str, np.ndarray | None] = field(default_factory=dict)


def draw_contact_sheet(
    rows: Sequence[SheetRow],
    columns: Sequence[str],
    classes: ClassTable,
    font: str | None = None,
) -> Image.Image:
    """Draw images and their masks side by side, under headings and over a color legend.

    Args:
        rows: The images from top to bottom.
        columns: Headings of the masks from left to right, keys of the rows' ``masks``, for
            example ``("seed", "initial", "enhanced", "powerful", "ground truth")``; the image
            itself always comes first.
        classes: Names the tags and the colors.
        font: A font file for the names; None finds fonts that have their characters.

    Returns:
        An RGB image to be read at its own size, 260 pixels for each column and row.

    Raises:
        ValueError: If there is no row, or a row has a mask of an unknown column.
    """
    if not rows:
        raise ValueError("a contact sheet needs at least one image")
    stray = {name for row in rows for name in row.masks} - set(columns)
    if stray:
        raise ValueError(f"masks of {sorted(stray)} have no column among {list(columns)}")
    fonts = FontFinder(font)
    bands = [_band(row, columns, classes, fonts) for row in rows]
    width = bands[0].width
    legend = _legend(rows, classes, width, fonts)
    parts = [_headings(["image", *columns], width, fonts), *bands, legend]
    fonts.report_missing()
    sheet = Image.new(
        "RGB", (width + 2 * MARGIN, sum(part.height for part in parts) + 2 * MARGIN), PAPER
    )
    top = MARGIN
    for part in parts:
        sheet.paste(part, (MARGIN, top))
        top += part.height
    return sheet


def overlay(image: np.ndarray, mask: np.ndarray) -> np.ndarray:
    """Draw a mask over an image: classes tinted, background faded, ignored pixels hatched.

    Args:
        image: (H, W, 3) uint8 RGB.
        mask: (H, W) uint8 class indices.

    Returns:
        (H, W, 3) uint8 RGB.
    """
    colors = np.frombuffer(palette(), np.uint8).reshape(256, 3).copy()
    # Background fades to paper: its palette entry is black, which would hide dark classes.
    colors[BACKGROUND] = PAPER
    shown = image * (1 - OPACITY) + colors[mask] * OPACITY
    down, right = np.ogrid[: mask.shape[0], : mask.shape[1]]
    shown[(mask == IGNORE) & ((down + right) % HATCH == 0)] = INK
    edge = np.zeros(mask.shape, bool)
    edge[:, 1:] |= mask[:, 1:] != mask[:, :-1]
    edge[1:] |= mask[1:] != mask[:-1]
    shown[edge] = INK
    return shown.astype(np.uint8)


def _band(
    row: SheetRow, columns: Sequence[str], classes: ClassTable, fonts: FontFinder
) -> Image.Image:
    height, width = row.image.shape[:2]
    scale = CELL / max(height, width)
    size = (max(round(width * scale), 1), max(round(height * scale), 1))
    image = Image.fromarray(row.image).resize(size, Image.Resampling.LANCZOS)
    tags = ", ".join(classes.name(tag) for tag in row.tags)
    across = _width(columns)
    caption = wrap_text(f"{row.name}   {tags}".rstrip(), across, TEXT, fonts, CAPTION_LINES)
    top = len(caption) * LINE
    band = Image.new("RGB", (across, top + size[1] + GAP), PAPER)
    _write(band, (0, 2), caption, fonts)
    for index, name in enumerate([None, *columns]):
        corner = (index * (CELL + GAP) + (CELL - size[0]) // 2, top)
        mask = row.masks.get(name) if name else None
        if name is None:
            band.paste(image, corner)
        elif mask is None:
            band.paste(PALE, (*corner, corner[0] + size[0], corner[1] + size[1]))
            note = wrap_text("no mask", size[0], TEXT, fonts, 1)
            _write(band, (corner[0] + 8, corner[1] + 6), note, fonts)
        else:
            # Nearest neighbor: between two class indices there is no class.
            small = Image.fromarray(mask).resize(size, Image.Resampling.NEAREST)
            shown = overlay(np.asarray(image), np.asarray(small))
            band.paste(Image.fromarray(shown), corner)
    return band


def _headings(names: Sequence[str], width: int, fonts: FontFinder) -> Image.Image:
    wrapped = [wrap_text(name, CELL, HEADING, fonts) for name in names]
    height = LINE * max(map(len, wrapped))
    band = Image.new("RGB", (width, height + GAP), PAPER)
    for index, lines in enumerate(wrapped):
        _write(band, (index * (CELL + GAP), 0), lines, fonts, HEADING)
    ImageDraw.Draw(band).line([(0, height), (width, height)], fill=INK)
    return band


def _legend(
    rows: Sequence[SheetRow], classes: ClassTable, width: int, fonts: FontFinder
) -> Image.Image:
    """Colors and names of the classes that some mask shows or some image is tagged with."""
    masks = chain.from_iterable(row.masks.values() for row in rows)
    shown = {int(value) for mask in masks if mask is not None for value in np.unique(mask)}
    shown |= {tag for row in rows for tag in row.tags}
    names = {
        value: "ignore (hatched)" if value == IGNORE else classes.name(value)
        for value in sorted(shown - {BACKGROUND})
    }
    longest = max((text_width(name, TEXT, fonts) for name in names.values()), default=0)
    # One long name must not make every column wide.
    entry = min(longest + 2 * LINE, CELL)
    across = max(width // entry, 1)
    wrapped = [wrap_text(name, entry - LINE - GAP, TEXT, fonts) for name in names.values()]
    # Entries side by side begin at one height, below the longest name above them.
    tops = [GAP]
    for start in range(0, len(wrapped), across):
        tops.append(tops[-1] + LINE * max(map(len, wrapped[start : start + across])))
    legend = Image.new("RGB", (width, tops[-1]), PAPER)
    draw = ImageDraw.Draw(legend)
    for index, (value, lines) in enumerate(zip(names, wrapped, strict=True)):
        left, top = index % across * entry, tops[index // across]
        color = tuple(palette()[3 * value : 3 * value + 3])
        draw.rectangle([left, top, left + TEXT, top + TEXT], fill=color, outline=INK)
        _write(legend, (left + LINE, top - 2), lines, fonts)
    return legend


def _width(columns: Sequence[str]) -> int:
    return (len(columns) + 1) * (CELL + GAP) - GAP


def _write(
    canvas: Image.Image,
    corner: tuple[int, int],
    lines: Sequence[str],
    fonts: FontFinder,
    size: int = TEXT,
) -> None:
    for number, line in enumerate(lines):
        draw_text(canvas, (corner[0], corner[1] + number * LINE), line, size, fonts, INK)
