"""The contact sheet: what stands where, looked up in its pixels."""

import logging

import numpy as np
import pytest
from PIL import Image

from tag2mask.pipeline.records import VOC_CLASSES, ClassTable, palette
from tag2mask.pipeline.report import contact_sheet
from tag2mask.pipeline.report.contact_sheet import (
    CELL,
    GAP,
    MARGIN,
    SheetRow,
    draw_contact_sheet,
    overlay,
)
from tag2mask.pipeline.report.text_drawing import text_width
from tests.pipeline.report.tiny_fonts import write_font

VOC = ClassTable(names=VOC_CLASSES)
COLUMNS = ("seed", "powerful", "ground truth")


def row(height: int, width: int, **masks: np.ndarray | None) -> SheetRow:
    image = np.full((height, width, 3), (200, 100, 50), np.uint8)
    return SheetRow("a", image, (8,), masks)


def cell(sheet: Image.Image, column: int) -> np.ndarray:
    """The lower part of the first row's cell, below all headings: (CELL // 2, CELL, 3)."""
    left = MARGIN + column * (CELL + GAP)
    top = MARGIN + 64 + CELL // 2
    return np.asarray(sheet)[top : top + CELL // 4, left : left + CELL]


def test_layout():
    half = np.zeros((90, 90), np.uint8)
    half[:, 45:] = 8
    sheet = draw_contact_sheet(
        [row(90, 90, **{"seed": half, "ground truth": half, "powerful": None})], COLUMNS, VOC
    )
    assert sheet.mode == "RGB"
    assert sheet.width == 4 * (CELL + GAP) - GAP + 2 * MARGIN
    np.testing.assert_array_equal(cell(sheet, 0)[0, 10], (200, 100, 50))
    np.testing.assert_array_equal(cell(sheet, 1), cell(sheet, 3))
    assert len(np.unique(cell(sheet, 2).reshape(-1, 3), axis=0)) == 1  # blank
    background, cat = cell(sheet, 1)[0, 10], cell(sheet, 1)[0, CELL - 10]
    assert (background > (200, 100, 50)).all()  # faded towards white
    expected = 0.4 * np.array((200, 100, 50)) + 0.6 * np.array(list(palette()[24:27]))
    np.testing.assert_allclose(cat, expected, atol=1)


def test_rows_of_different_shapes_stack():
    heights = [draw_contact_sheet([row(*s)], COLUMNS, VOC).height for s in ((50, 100), (100, 50))]
    both = draw_contact_sheet([row(50, 100), row(100, 50)], COLUMNS, VOC)
    assert heights[1] - heights[0] == CELL // 2
    assert heights[1] < both.height < sum(heights)


@pytest.mark.parametrize(("height", "width"), [(1, 1), (1, 500), (700, 2), (333, 500)])
def test_odd_images(height: int, width: int):
    mask = np.full((height, width), 255, np.uint8)
    sheet = draw_contact_sheet([row(height, width, seed=mask)], COLUMNS, VOC)
    assert sheet.width == 4 * (CELL + GAP) - GAP + 2 * MARGIN


def test_a_mask_of_another_size_is_stretched():
    small = np.array([[0, 8], [0, 8]], np.uint8)
    large = small.repeat(45, axis=0).repeat(45, axis=1)
    sheet = draw_contact_sheet(
        [row(90, 90, **{"seed": small, "ground truth": large})], COLUMNS, VOC
    )
    np.testing.assert_array_equal(cell(sheet, 1), cell(sheet, 3))


def test_legend_names_only_what_is_shown():
    plain = draw_contact_sheet([row(50, 50)], COLUMNS, VOC)  # the tag, cat, alone
    every = np.arange(21, dtype=np.uint8).repeat(30).reshape(21, 30)
    full = draw_contact_sheet([row(50, 50, seed=every)], COLUMNS, VOC)
    legend = np.asarray(full)[plain.height - MARGIN - 30 :].reshape(-1, 3)
    for index in range(1, 21):
        color = list(palette()[3 * index : 3 * index + 3])
        assert (legend == color).all(axis=1).any(), VOC.name(index)
    below = np.asarray(plain)[-60:].reshape(-1, 3)
    assert (below == list(palette()[24:27])).all(axis=1).any()
    assert not (below == list(palette()[36:39])).all(axis=1).any()


def test_long_captions_stay_inside():
    names = ClassTable(names=tuple(f"a rather long class name {i}" for i in range(40)))
    long = SheetRow("x" * 300, np.zeros((20, 20, 3), np.uint8), tuple(range(1, 41)))
    sheet = np.asarray(draw_contact_sheet([long], (), names))
    assert (sheet[:, -MARGIN:] == 255).all()


@pytest.fixture
def written(monkeypatch):
    """Every line that is drawn: its text, and whether it ends inside of its canvas."""
    lines: list[tuple[str, bool]] = []
    draw = contact_sheet.draw_text

    def record(canvas, corner, text, size, fonts, color):
        inside = corner[0] + text_width(text, size, fonts) <= canvas.width
        lines.append((text, inside and corner[1] + size <= canvas.height))
        draw(canvas, corner, text, size, fonts, color)

    monkeypatch.setattr(contact_sheet, "draw_text", record)
    return lines


@pytest.mark.parametrize("columns", [(), ("seed",), COLUMNS])
@pytest.mark.parametrize("count", [1, 4, 60])
@pytest.mark.parametrize(
    "name", ["c{}", "Canis lupus familiaris, breed number {}, of a long name", "x" * 60]
)
def test_the_legend_is_whole(written, columns, count, name):
    classes = ClassTable(names=tuple(f"{name.format(i)}{i}"[-60:] for i in range(count)))
    every = np.arange(1, count + 1, dtype=np.uint8).repeat(30).reshape(count, 30)
    every[:, :2] = 255
    shown = SheetRow(
        "image", np.zeros((count, 30, 3), np.uint8), (1,), dict.fromkeys(columns, every)
    )
    draw_contact_sheet([shown], columns, classes)
    assert all(inside for _, inside in written)
    text = "".join(line for line, _ in written).replace(" ", "")
    names = classes.names if columns else classes.names[:1]
    assert all(each.replace(" ", "") in text for each in names)
    assert ("ignore(hatched)" in text) == bool(columns)


def test_one_long_name_leaves_the_other_columns_narrow():
    short = [f"c{i}" for i in range(20)]
    every = np.arange(1, 21, dtype=np.uint8).repeat(30).reshape(20, 30)
    sheets = [
        draw_contact_sheet([row(50, 50, seed=every)], COLUMNS, ClassTable(names=tuple(names)))
        for names in (short, [*short[:-1], "x" * 60])
    ]
    assert sheets[1].height - sheets[0].height <= 6 * contact_sheet.LINE


def test_headings_are_whole(written):
    heading = "affinity of the enhanced round, walked"
    plain = draw_contact_sheet([row(50, 50)], ("seed",), VOC)
    before = len(written)
    long = draw_contact_sheet([row(50, 50)], (heading,), VOC)
    assert long.height == plain.height + contact_sheet.LINE
    assert all(inside for _, inside in written)
    assert heading in " ".join(line for line, _ in written[before:])


def test_names_in_other_scripts(tmp_path, monkeypatch, caplog):
    monkeypatch.setattr("tag2mask.pipeline.report.fonts.installed_fonts", lambda: ())
    names = ClassTable(names=("猫",))
    image = SheetRow("a", np.zeros((50, 50, 3), np.uint8), (1,))
    with caplog.at_level(logging.INFO, "tag2mask"):
        escaped = draw_contact_sheet([image], (), names)
    assert len(caplog.messages) == 1
    assert "report.font" in caplog.text
    caplog.clear()
    plain = draw_contact_sheet([image], (), ClassTable(names=(r"\u732b",)))
    assert escaped.tobytes() == plain.tobytes()
    drawn = draw_contact_sheet([image], (), names, write_font(tmp_path / "cjk.ttf", "猫"))
    assert caplog.messages == []
    assert drawn.size == escaped.size
    assert drawn.tobytes() != escaped.tobytes()


def test_overlay_hatches_ignored_pixels_and_keeps_its_input():
    image = np.full((20, 20, 3), 90, np.uint8)
    mask = np.full((20, 20), 255, np.uint8)
    shown = overlay(image, mask)
    assert shown.dtype == np.uint8
    assert shown.shape == image.shape
    assert len(np.unique(shown.reshape(-1, 3), axis=0)) == 2
    assert (image == 90).all()
    assert len(np.unique(overlay(image, mask * 0).reshape(-1, 3), axis=0)) == 1


def test_refusals():
    with pytest.raises(ValueError, match="at least one"):
        draw_contact_sheet([], COLUMNS, VOC)
    with pytest.raises(ValueError, match="sead"):
        draw_contact_sheet([row(5, 5, sead=None)], COLUMNS, VOC)
