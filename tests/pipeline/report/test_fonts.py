"""Which font draws which characters, with fonts that the tests make."""

import logging
from pathlib import Path

import pytest
from matplotlib import font_manager, get_data_path

from tag2mask.pipeline.errors import UserError
from tag2mask.pipeline.report import fonts
from tag2mask.pipeline.report.fonts import FontFinder, TextRun, check_font, installed_fonts
from tests.pipeline.report.tiny_fonts import write_color_font, write_font

DEJAVU = f"{get_data_path()}/fonts/ttf/DejaVuSans.ttf"
WORKING = "\U0001f469\u200d\U0001f4bb"  # woman, joiner, laptop: one emoji


def finder(*paths: str, preferred: str | None = None) -> FontFinder:
    return FontFinder(preferred, lambda: paths)


def parts(found: FontFinder, text: str) -> list[tuple[str, str]]:
    """The runs of a text and the names of their fonts."""
    return [(run.text, name(run)) for run in found.runs(text)]


def name(run: TextRun) -> str:
    return Path(run.face.source).stem if isinstance(run.face.source, str) else "own"


def test_plain_names_need_no_other_font():
    def nobody():
        raise AssertionError("fonts were looked for")

    assert parts(FontFinder(None, nobody), "cat~dog…") == [("cat~dog…", "own")]


def test_the_first_font_that_has_the_characters(tmp_path):
    latin = write_font(tmp_path / "latin.ttf", "é")
    first = write_font(tmp_path / "first.ttf", "猫")
    second = write_font(tmp_path / "second.ttf", "猫犬")
    found = finder(latin, first, second)
    assert parts(found, "a 猫") == [("a ", "own"), ("猫", "first")]
    assert parts(found, "猫犬") == [("猫犬", "second")], "a word has one font"
    assert found.missing == []


def test_a_text_has_one_font_if_a_font_has_all_of_it():
    found = finder(DEJAVU)
    assert parts(found, "Café noir") == [("Café noir", "DejaVuSans")]
    assert parts(found, "Cafe\u0301") == [("Café", "DejaVuSans")], "as macOS names files"
    assert parts(found, "قطة منزلية") == [("قطة منزلية", "DejaVuSans")]


def test_a_space_does_not_cut_a_phrase(tmp_path):
    cjk = write_font(tmp_path / "cjk.ttf", "猫")
    assert parts(finder(DEJAVU, cjk), "قطة منزلية 猫") == [
        ("قطة منزلية", "DejaVuSans"),
        (" ", "own"),
        ("猫", "cjk"),
    ]


def test_the_users_font_comes_first(tmp_path):
    mine = write_font(tmp_path / "mine.ttf", "a猫")
    other = write_font(tmp_path / "other.ttf", "猫")
    assert parts(finder(other, preferred=mine), "a 猫 b") == [
        ("a", "mine"),
        (" ", "own"),
        ("猫", "mine"),
        (" b", "own"),
    ]


def test_a_users_font_that_cannot_be_read(tmp_path, caplog):
    broken = tmp_path / "broken.ttf"
    broken.write_text("no font")
    with caplog.at_level(logging.WARNING, "tag2mask"):
        assert parts(finder(preferred=str(broken)), "cat") == [("cat", "own")]
    assert f"cannot read {broken} as a font" in caplog.text
    for path in (broken, tmp_path / "nowhere.ttf"):
        with pytest.raises(UserError, match=r"set report\.font to a TrueType"):
            check_font(str(path))
    check_font(DEJAVU)


def test_what_no_font_has_is_escaped(tmp_path, caplog):
    found = finder(write_font(tmp_path / "cjk.ttf", "猫"))
    assert parts(found, "猫犬 \U0001f408") == [("猫", "cjk"), (r"\u72ac \U0001f408", "own")]
    assert found.missing == ["犬", "\U0001f408"]
    with caplog.at_level(logging.INFO, "tag2mask"):
        found.report_missing()
    (line,) = caplog.messages
    assert "犬 \U0001f408" in line
    assert r"\u72ac" in line
    assert "report.font" in line


def test_nothing_missing_nothing_said(caplog):
    found = finder()
    found.runs("plain\n")
    with caplog.at_level(logging.INFO, "tag2mask"):
        found.report_missing()
    assert caplog.messages == []


@pytest.mark.parametrize(
    ("text", "drawn"),
    [
        ("a\nb\t", r"a\nb\t"),
        ("a\udc80", r"a\udc80"),  # a byte of a file name that is no UTF-8
        ("a\u202eb", r"a\u202eb"),  # would turn the rest around
        ("a\xa0b\u3000c", "a b c"),
    ],
)
def test_characters_that_cannot_be_seen(text, drawn):
    assert parts(finder(), text) == [(drawn, "own")]


def test_glyphs_that_draw_nothing_do_not_count(tmp_path):
    blank = write_font(tmp_path / "blank.ttf", "猫", blank=True)
    solid = write_font(tmp_path / "solid.ttf", "猫")
    assert parts(finder(blank, solid), "猫") == [("猫", "solid")]


def test_color_fonts_of_one_size_are_used(tmp_path):
    color = write_color_font(tmp_path / "color.ttf", "\U0001f431")
    assert parts(finder(color), "\U0001f431") == [("\U0001f431", "color")]


def test_joiners_without_a_glyph_are_left_out(tmp_path):
    without = write_font(tmp_path / "without.ttf", "\U0001f469\U0001f4bb")
    assert parts(finder(without), WORKING) == [("\U0001f469\U0001f4bb", "without")]
    joined = write_font(tmp_path / "joined.ttf", WORKING)
    assert parts(finder(joined), WORKING) == [(WORKING, "joined")]
    assert parts(finder(), WORKING) == [(r"\U0001f469\U0001f4bb", "own")]


def test_without_reordering_words_from_the_right_are_escaped(monkeypatch):
    monkeypatch.setattr(fonts, "can_reorder", lambda: False)
    assert parts(finder(DEJAVU), "قط é") == [(r"\u0642\u0637 é", "DejaVuSans")]


def test_damaged_fonts_are_passed_over(tmp_path):
    broken = tmp_path / "broken.ttf"
    broken.write_bytes(b"\0\1\0\0" + bytes(40))
    good = write_font(tmp_path / "good.ttf", "猫")
    assert parts(finder(str(broken), str(tmp_path / "none.ttf"), good), "猫") == [("猫", "good")]


def test_the_order_of_the_machines_fonts(monkeypatch):
    files = ["/f/Noto-Bold.ttf", "/f/LastResort.otf", "/f/Serif.ttf", "/f/NotoSansCJK-Regular.ttc"]
    monkeypatch.setattr(font_manager, "findSystemFonts", lambda: files)
    paths = list(installed_fonts())
    assert paths[0] == str(Path(DEJAVU))
    assert paths[2:] == ["/f/NotoSansCJK-Regular.ttc", "/f/Serif.ttf", "/f/Noto-Bold.ttf"]
    assert not any("LastResort" in path for path in paths), "it draws a box for everything"


def test_without_fonttools_only_ascii_is_drawn(monkeypatch):
    monkeypatch.setattr(fonts, "find_spec", lambda name: None)
    assert parts(FontFinder(), "é cat") == [(r"\xe9 cat", "own")]
