"""Text in images, looked up in their pixels."""

import numpy as np
import pytest
from matplotlib import get_data_path
from PIL import Image

from tag2mask.pipeline.report.fonts import FontFinder, can_reorder
from tag2mask.pipeline.report.text_drawing import draw_text, text_width, wrap_text
from tests.pipeline.report.tiny_fonts import write_color_font, write_font

INK = (32, 32, 32)
SIZE = 20


def drawn(text: str, fonts: FontFinder, width: int = 200) -> np.ndarray:
    """The pixels of a text on white: (30, W, 3)."""
    canvas = Image.new("RGB", (width, 30), (255, 255, 255))
    draw_text(canvas, (2, 2), text, SIZE, fonts, INK)
    return np.asarray(canvas)


def box(pixels: np.ndarray) -> tuple[int, int, int, int]:
    """Left, top, right and bottom of what is not white."""
    rows, columns = np.nonzero((pixels < 200).any(axis=2))
    return columns.min(), rows.min(), columns.max() + 1, rows.max() + 1


def test_runs_stand_side_by_side_on_one_line(tmp_path):
    fonts = FontFinder(None, lambda: [write_font(tmp_path / "square.ttf", "猫")])
    left, _, right, bottom = box(drawn("猫", fonts))
    assert right - left == SIZE
    assert text_width("猫", SIZE, fonts) == SIZE
    assert abs(bottom - box(drawn("H", fonts))[3]) <= 1, "both stand on the baseline"
    both = drawn("H猫", fonts)
    assert abs(box(both)[2] - (2 + text_width("H猫", SIZE, fonts))) <= 1
    np.testing.assert_array_equal(both[:, :10], drawn("H", fonts)[:, :10])


def test_a_missing_character_is_no_box():
    fonts = FontFinder(None, lambda: ())
    np.testing.assert_array_equal(drawn("猫", fonts), drawn(r"\u732b", fonts))


def test_a_color_font_is_scaled_to_the_line(tmp_path):
    fonts = FontFinder(None, lambda: [write_color_font(tmp_path / "color.ttf", "\U0001f431")])
    pixels = drawn("\U0001f431", fonts)
    left, top, right, bottom = box(pixels)
    assert SIZE - 1 <= right - left <= SIZE + 1
    assert SIZE - 1 <= bottom - top <= SIZE + 1
    np.testing.assert_array_equal(pixels[(top + bottom) // 2, (left + right) // 2], (255, 0, 0))
    assert text_width("\U0001f431", SIZE, fonts) == pytest.approx(SIZE, abs=1)


@pytest.mark.skipif(not can_reorder(), reason="Pillow has no raqm here")
def test_arabic_letters_are_joined_and_run_from_the_right():
    fonts = FontFinder(None, lambda: [f"{get_data_path()}/fonts/ttf/DejaVuSans.ttf"])
    letters = "قطة"
    alone = sum(text_width(letter, SIZE, fonts) for letter in letters)
    assert text_width(letters, SIZE, fonts) < 0.9 * alone
    # Two letters that never join: the first one, tall, stands at the right of the low one.
    middle = 2 + text_width("\u062f", SIZE, fonts)
    pixels = drawn("\u0627\u062f", fonts)
    assert box(pixels[:, middle:])[1] < box(pixels[:, :middle])[1] - 2


def test_lines_break_between_words_or_inside_a_long_one():
    fonts = FontFinder(None, lambda: ())
    width = text_width("golden retriever", SIZE, fonts)
    assert wrap_text("golden retriever puppy", width, SIZE, fonts) == ["golden retriever", "puppy"]
    assert wrap_text("golden_retriever_puppy", width, SIZE, fonts)[0] == "golden_"
    lines = wrap_text("x" * 100, width, SIZE, fonts)
    assert "".join(lines) == "x" * 100
    assert all(text_width(line, SIZE, fonts) <= width for line in lines)
    assert wrap_text("", width, SIZE, fonts) == [""]
    assert wrap_text("x" * 3, 1, SIZE, fonts) == ["x", "x", "x"]


def test_what_is_over_becomes_an_ellipsis():
    fonts = FontFinder(None, lambda: ())
    width = text_width("golden retriever", SIZE, fonts)
    lines = wrap_text("golden retriever puppy of the neighbors next door", width, SIZE, fonts, 2)
    assert len(lines) == 2
    assert lines[1].startswith("puppy")
    assert lines[1].endswith("…")
    assert text_width(lines[1], SIZE, fonts) <= width
    assert wrap_text("golden retriever", width, SIZE, fonts, 1) == ["golden retriever"]
