r"""Fonts for names in any script: which of this machine's fonts draws which characters.

Pillow's own font has ASCII and little else. Others are looked for only when a name needs them:
a user's font, the fonts that matplotlib brings, then those of the system. What no font has is
written as its escape, such as ``\u732b``, because the box that fonts draw for a missing character
says nothing.
"""

from __future__ import annotations

import io
import logging
import os
import unicodedata
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from importlib.util import find_spec
from pathlib import Path

from PIL import Image, ImageDraw, ImageFont, features

from tag2mask.pipeline.errors import UserError

__all__ = [
    "Face",
    "FontFinder",
    "SizedFont",
    "TextRun",
    "check_font",
    "clusters",
    "installed_fonts",
]

logger = logging.getLogger("tag2mask")

Candidates = Callable[[], Iterable[str]]

# Joiners and variation selectors change the glyphs beside them and have none themselves.
ZERO_WIDTH_JOINER = "\u200d"
INVISIBLE = frozenset(("\u200c", ZERO_WIDTH_JOINER, *map(chr, range(0xFE00, 0xFE10))))
RIGHT_TO_LEFT = ("R", "AL")
# matplotlib's other fonts hold parts of formulas, with letters in the places of others.
MATPLOTLIB_FONTS = ("DejaVuSans.ttf", "STIXGeneral.ttf")
# Fonts that draw a box for every character of Unicode.
BOXES = ("lastresort", "adobeblank")
# Words in the names of fonts that are chosen last.
STYLES = ("bold", "black", "heavy", "italic", "oblique", "light", "thin", "mono", "condensed")
# Sizes in pixels of the pictures in color fonts, which have no outlines: Noto's first.
BITMAP_SIZES = (109, 136, 128, 160, 96, 72, 64, 48, 40, 32, 20)
PROBE_SIZE = 16  # pixels, at which a glyph is looked at
SHOWN = 8  # characters that the line about missing ones shows


@dataclass(frozen=True)
class SizedFont:
    """A font at a size.

    Args:
        font: The font, at the size of its bitmaps if it has no outlines.
        scale: Factor from what it draws to the wanted size; 1 for outlines.
    """

    font: ImageFont.FreeTypeFont
    scale: float


class Face:
    """One font of a file.

    Args:
        source: Its file, or the file's bytes; of a collection, the first font.
        always: Characters that it is known to have.
    """

    def __init__(self, source: str | bytes, always: str = "") -> None:
        self.source = source
        self._always = frozenset(always)
        self._drawn: dict[str, bool] = {}
        self._sizes: dict[int, SizedFont] = {}

    def at(self, size: int) -> SizedFont:
        """The font at a size in pixels.

        Raises:
            OSError: If the file is no font.
        """
        if size not in self._sizes:
            self._sizes[size] = self._load(size)
        return self._sizes[size]

    def draws(self, text: str) -> bool:
        """Whether every character of a text is drawn as itself."""
        return all(char in INVISIBLE or self._draws(char) for char in text)

    def has(self, char: str) -> bool:
        """Whether the font has a glyph for a character, be it a blank one."""
        return char in self._always or char in self._characters

    def _draws(self, char: str) -> bool:
        if char not in self._drawn:
            self._drawn[char] = (
                char.isprintable()
                and self.has(char)
                and (char in self._always or not self._is_blank(char))
                and (can_reorder() or unicodedata.bidirectional(char) not in RIGHT_TO_LEFT)
            )
        return self._drawn[char]

    def _is_blank(self, char: str) -> bool:
        """Whether nothing is drawn, as by color fonts of a format that Pillow cannot draw."""
        if char == " " or _is_mark(char):
            return False
        try:
            sized = self.at(PROBE_SIZE)
            side = round(4 * PROBE_SIZE / sized.scale)
            probe = Image.new("RGBA", (side, side))
            ImageDraw.Draw(probe).text(
                (side // 2, side // 2), char, font=sized.font, anchor="ls", embedded_color=True
            )
        except OSError:
            return True
        return probe.getbbox() is None

    @cached_property
    def _characters(self) -> frozenset[str]:
        if find_spec("fontTools") is None:
            return frozenset()
        # Imported late, as is matplotlib: most names need neither.
        from fontTools.ttLib import TTFont

        source = io.BytesIO(self.source) if isinstance(self.source, bytes) else self.source
        try:
            with TTFont(source, fontNumber=0, lazy=True) as font:
                return frozenset(map(chr, font.getBestCmap() or ()))
        except Exception:  # a damaged font fails in many ways, and another one may do
            return frozenset()

    def _load(self, size: int) -> SizedFont:
        failure = OSError("no sizes")
        for each in (size, *BITMAP_SIZES):
            source = io.BytesIO(self.source) if isinstance(self.source, bytes) else self.source
            try:
                return SizedFont(ImageFont.truetype(source, each), size / each)
            except OSError as error:
                failure = error
        raise failure


@dataclass(frozen=True)
class TextRun:
    """A part of a text that one font draws."""

    text: str
    face: Face


class FontFinder:
    """Finds the fonts that a text needs.

    Args:
        preferred: A font file that is taken before all others; one that cannot be read is
            reported and ignored.
        candidates: Lists the font files of the machine, best first; called when Pillow's own font
            lacks a character.
    """

    def __init__(self, preferred: str | None = None, candidates: Candidates | None = None) -> None:
        self.default = _default_face()
        self._faces = [self.default]
        if preferred:
            try:
                check_font(preferred)
                self._faces.insert(0, Face(preferred))
            except UserError as error:
                logger.warning("%s; the names are drawn with other fonts", error)
        self._candidates = self._open(candidates or installed_fonts)
        self._found: dict[str, Face | None] = {}
        self._runs: dict[str, list[TextRun]] = {}

    @property
    def missing(self) -> list[str]:
        """The characters that were asked for and that no font has."""
        return [text for text, face in self._found.items() if face is None and len(text) == 1]

    def report_missing(self) -> None:
        """Writes a log line about the characters that were written as escapes, if there are."""
        missing = [char for char in self.missing if char.isprintable() and not _is_mark(char)]
        if missing:
            more = f" and {len(missing) - SHOWN:,} more" if len(missing) > SHOWN else ""
            logger.info(
                "no font here draws %s%s: the contact sheet has escapes such as %s instead; set "
                "report.font to the file of a font that has these characters",
                " ".join(missing[:SHOWN]),
                more,
                escape(missing[0]),
            )

    def runs(self, text: str) -> list[TextRun]:
        """Splits a text into runs of one font, with escapes for what no font has.

        A text, or else a word, has one font wherever a font draws all of it.
        """
        if text not in self._runs:
            self._runs[text] = self._split(text)
        return self._runs[text]

    def _split(self, text: str) -> list[TextRun]:
        pieces = [part for cluster in clusters(text) for part in self._drawable(cluster)]
        if face := self._common_face(pieces):
            return [_run(pieces, face)]
        faces: list[Face | None] = []
        for word in _words(pieces):
            common = self._common_face(word)
            faces += [None if piece == " " else common or self._find(piece) for piece in word]
        runs: list[tuple[list[str], Face]] = []
        for index, piece in enumerate(pieces):
            face = faces[index] or self._space_face(faces, index)
            if runs and runs[-1][1] is face:
                runs[-1][0].append(piece)
            else:
                runs.append(([piece], face))
        return [_run(parts, face) for parts, face in runs]

    def _space_face(self, faces: Sequence[Face | None], index: int) -> Face:
        """The font of the words on both sides, so that a space does not cut their run."""
        left, right = faces[index - 1] if index else None, next(filter(None, faces[index:]), None)
        return left if left is not None and left is right and left.draws(" ") else self.default

    def _drawable(self, cluster: str) -> list[str]:
        """The cluster, or what is drawn in its place."""
        if self._find(cluster):
            return [cluster]
        if len(cluster) > 1:
            single = [char for char in cluster if char not in INVISIBLE]
            return [part for char in single for part in self._drawable(char)]
        return list(escape(cluster))

    def _common_face(self, pieces: Sequence[str]) -> Face | None:
        faces = dict.fromkeys(filter(None, map(self._find, pieces)))
        return next((face for face in faces if all(map(face.draws, pieces))), None)

    def _find(self, cluster: str) -> Face | None:
        """The first font that draws a cluster; fonts are opened until there is one."""
        if cluster not in self._found:
            self._found[cluster] = self._search(cluster)
        return self._found[cluster]

    def _search(self, cluster: str) -> Face | None:
        if not cluster.isprintable() and not set(cluster) & INVISIBLE:
            return None
        for face in self._faces:
            if face.draws(cluster):
                return face
        for face in self._candidates:
            self._faces.append(face)
            if face.draws(cluster):
                return face
        return None

    def _open(self, candidates: Candidates) -> Iterator[Face]:
        yield from map(Face, candidates())


def clusters(text: str) -> list[str]:
    """Splits a text into characters with their marks; all kinds of spaces become plain ones."""
    found: list[str] = []
    for char in unicodedata.normalize("NFC", text):
        joined = _is_mark(char) or char in INVISIBLE
        if found and (joined or found[-1].endswith(ZERO_WIDTH_JOINER)):
            found[-1] += char
        else:
            found.append(" " if unicodedata.category(char) == "Zs" else char)
    return found


def escape(char: str) -> str:
    r"""A character in ASCII, such as ``\u732b``."""
    return char.encode("unicode_escape").decode("ascii")


def can_reorder() -> bool:
    """Whether Pillow's layout draws scripts that run from right to left."""
    return features.check("raqm") is True


def installed_fonts() -> Iterator[str]:
    """The font files of matplotlib and of the system, plain styles before others."""
    if find_spec("matplotlib") is None:
        return
    from matplotlib import get_data_path
    from matplotlib.font_manager import findSystemFonts

    for name in MATPLOTLIB_FONTS:
        path = Path(get_data_path(), "fonts", "ttf", name)
        if path.is_file():
            yield str(path)
    yield from sorted((path for path in findSystemFonts() if not _draws_boxes(path)), key=_rank)


def check_font(path: str) -> None:
    """Checks that a file is a font that can be drawn.

    Raises:
        UserError: If it is not.
    """
    try:
        Face(os.fspath(path)).at(PROBE_SIZE)
    except OSError as error:
        raise UserError(
            f"cannot read {path} as a font ({error}): set report.font to a TrueType "
            "or OpenType file"
        ) from error


def _default_face() -> Face:
    font = ImageFont.load_default(PROBE_SIZE)
    # Without FreeType Pillow has a bitmap font, which has no file.
    source = font.path if isinstance(font, ImageFont.FreeTypeFont) else None
    if not isinstance(source, io.BytesIO):
        raise TypeError(f"Pillow's own font is {source!r} instead of bytes")
    return Face(source.getvalue(), always="".join(map(chr, range(0x20, 0x7F))) + "…")


def _is_mark(char: str) -> bool:
    """Whether a character is drawn over or beside the one before it."""
    return unicodedata.category(char).startswith("M")


def _draws_boxes(path: str) -> bool:
    name = Path(path).stem.lower().replace(" ", "").replace("-", "")
    return any(word in name for word in BOXES)


def _rank(path: str) -> tuple[bool, bool, str]:
    name = Path(path).stem.lower()
    return any(word in name for word in STYLES), "sans" not in name, path


def _words(pieces: Sequence[str]) -> Iterator[list[str]]:
    """Words, and the spaces between them."""
    word: list[str] = []
    for piece in pieces:
        if piece == " ":
            if word:
                yield word
            word = []
            yield [piece]
        else:
            word.append(piece)
    if word:
        yield word


def _run(pieces: Sequence[str], face: Face) -> TextRun:
    # A font without a glyph for a joiner would draw a box in its place.
    chars = (char for piece in pieces for char in piece)
    return TextRun("".join(c for c in chars if c not in INVISIBLE or face.has(c)), face)
