"""Lines of text in images: measured, wrapped and drawn in the fonts that their characters need."""

from __future__ import annotations

import re

from PIL import Image, ImageDraw

from tag2mask.pipeline.report.fonts import FontFinder, SizedFont, can_reorder, clusters

__all__ = ["draw_text", "text_width", "wrap_text"]

ELLIPSIS = "…"
# Lines break behind these characters.
BREAKS = re.compile(r"(?<=[\s_\-/,;])")


def text_width(text: str, size: int, fonts: FontFinder) -> int:
    """The width of a line of text in pixels, rounded up."""
    return int(sum(_advance(run.text, run.face.at(size)) for run in fonts.runs(text)) + 0.999)


def draw_text(
    canvas: Image.Image,
    corner: tuple[int, int],
    text: str,
    size: int,
    fonts: FontFinder,
    color: tuple[int, int, int],
) -> None:
    """Draw a line of text.

    Args:
        canvas: An RGB image, which is changed.
        corner: Left and top of the text, in pixels.
        text: The text.
        size: Font size in pixels.
        fonts: Chooses the fonts.
        color: Color of the letters.
    """
    draw = ImageDraw.Draw(canvas)
    left = float(corner[0])
    # All fonts stand on one line: that of Pillow's own font.
    baseline = corner[1] + fonts.default.at(size).font.getmetrics()[0]
    for run in fonts.runs(text):
        sized = run.face.at(size)
        if sized.scale == 1:
            draw.text(
                (left, baseline),
                run.text,
                fill=color,
                font=sized.font,
                anchor="ls",
                direction=_direction(),
                embedded_color=True,
            )
        else:
            _paste_bitmaps(canvas, left, baseline, run.text, sized, color)
        left += _advance(run.text, sized)


def wrap_text(
    text: str, width: int, size: int, fonts: FontFinder, most: int | None = None
) -> list[str]:
    """Break a text into lines, between words if that is possible.

    Args:
        text: The text.
        width: Width of a line in pixels; a single character may be wider.
        size: Font size in pixels.
        fonts: Chooses the fonts.
        most: Largest number of lines; what is left over becomes an ellipsis.

    Returns:
        At least one line.
    """
    lines = [""]
    for word in BREAKS.split(text):
        if text_width((lines[-1] + word).rstrip(), size, fonts) <= width:
            lines[-1] += word
            continue
        if lines[-1].strip():
            lines.append("")
        for cluster in clusters(word):
            if lines[-1] and text_width(lines[-1] + cluster, size, fonts) > width:
                lines.append("")
            lines[-1] += cluster
    lines = [line.rstrip() for line in lines]
    if most is None or len(lines) <= most:
        return lines
    last = clusters(lines[most - 1])
    while last and text_width("".join(last) + ELLIPSIS, size, fonts) > width:
        last.pop()
    return [*lines[: most - 1], "".join(last) + ELLIPSIS]


def _advance(text: str, sized: SizedFont) -> float:
    return sized.font.getlength(text, direction=_direction()) * sized.scale


def _direction() -> str | None:
    # Captions begin at the left, also those of words that are read from the right.
    return "ltr" if can_reorder() else None


def _paste_bitmaps(
    canvas: Image.Image,
    left: float,
    baseline: int,
    text: str,
    sized: SizedFont,
    color: tuple[int, int, int],
) -> None:
    """Draw text of a color font at the size of its bitmaps, and paste it at the wanted size."""
    box = sized.font.getbbox(text, direction=_direction(), anchor="ls")
    first, top, last, bottom = (round(side) for side in box)
    large = Image.new("RGBA", (max(1, last - first), max(1, bottom - top)))
    ImageDraw.Draw(large).text(
        (-first, -top),
        text,
        fill=color,
        font=sized.font,
        anchor="ls",
        direction=_direction(),
        embedded_color=True,
    )
    scale = sized.scale
    size = max(1, round(large.width * scale)), max(1, round(large.height * scale))
    small = large.resize(size, Image.Resampling.LANCZOS)
    canvas.paste(small, (round(left + first * scale), round(baseline + top * scale)), small)
