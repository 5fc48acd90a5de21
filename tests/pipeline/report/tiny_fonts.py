"""Fonts of a few glyphs, made for a test: each glyph a square, or a colored picture."""

from __future__ import annotations

import io
from pathlib import Path

from fontTools.fontBuilder import FontBuilder
from fontTools.pens.ttGlyphPen import TTGlyphPen
from fontTools.ttLib import newTable
from fontTools.ttLib.tables.sbixGlyph import Glyph as Picture
from fontTools.ttLib.tables.sbixStrike import Strike
from PIL import Image

UNITS = 1000  # of an em, the advance of every glyph


def write_font(path: Path, characters: str, *, blank: bool = False) -> str:
    """A font whose glyphs are squares from the baseline upwards, or nothing at all."""
    builder, names = _builder(characters)
    glyphs = {name: _square(empty=blank and name != ".notdef") for name in names}
    builder.setupGlyf(glyphs)
    return _save(builder, names, path)


def write_color_font(path: Path, characters: str, size: int = 109) -> str:
    """A font without outlines: red pictures of one size in pixels, as emoji fonts have them."""
    builder, names = _builder(characters)
    buffer = io.BytesIO()
    Image.new("RGBA", (size, size), (255, 0, 0, 255)).save(buffer, format="PNG")
    table = newTable("sbix")
    table.strikes[size] = Strike(ppem=size)
    for name in names:
        table.strikes[size].glyphs[name] = Picture(
            graphicType="png ", glyphName=name, imageData=buffer.getvalue()
        )
    builder.font["sbix"] = table
    return _save(builder, names, path)


def _builder(characters: str) -> tuple[FontBuilder, list[str]]:
    names = [".notdef", *(f"u{ord(char):x}" for char in characters)]
    builder = FontBuilder(UNITS, isTTF=True)
    builder.setupGlyphOrder(names)
    builder.setupCharacterMap({ord(char): f"u{ord(char):x}" for char in characters})
    return builder, names


def _save(builder: FontBuilder, names: list[str], path: Path) -> str:
    builder.setupHorizontalMetrics(dict.fromkeys(names, (UNITS, 0)))
    builder.setupHorizontalHeader(ascent=800, descent=-200)
    builder.setupNameTable({"familyName": path.stem, "styleName": "Regular"})
    builder.setupOS2()
    builder.setupPost()
    builder.save(path)
    return str(path)


def _square(*, empty: bool) -> object:
    pen = TTGlyphPen(None)
    if not empty:
        pen.moveTo((0, 0))
        for point in ((0, 800), (UNITS, 800), (UNITS, 0)):
            pen.lineTo(point)
        pen.closePath()
    return pen.glyph()
