"""Tables of strings, by hand."""

import pytest

from tag2mask.pipeline.text_tables import markdown_row, markdown_table, text_table

HEADINGS = ("step", "mIoU %", "note")
ROWS = [("dcsm + crf", "40.6", ""), ("powerful", "100.0", "last")]


def test_a_markdown_table():
    assert markdown_table(HEADINGS, ROWS, "lrl").splitlines() == [
        "| step | mIoU % | note |",
        "| --- | ---: | --- |",
        "| dcsm + crf | 40.6 |  |",
        "| powerful | 100.0 | last |",
    ]


def test_columns_are_aligned_to_the_left_by_default():
    assert markdown_table(("a", "b"), []).splitlines()[1] == "| --- | --- |"
    assert text_table((), [("a", "b"), ("ccc", "d")]) == "a    b\nccc  d"


def test_a_cell_ends_neither_its_row_nor_its_column():
    assert markdown_row(["a|b", "two\nlines"]) == "| a\\|b | two lines |"


def test_a_text_table_has_a_rule_and_no_space_at_the_ends_of_lines():
    assert text_table(HEADINGS, ROWS, "lrl").splitlines() == [
        "step        mIoU %  note",
        "----------  ------  ----",
        "dcsm + crf    40.6",
        "powerful     100.0  last",
    ]


def test_a_text_table_without_headings_has_no_rule():
    assert text_table((), ROWS, "lrl").splitlines() == [
        "dcsm + crf   40.6",
        "powerful    100.0  last",
    ]


def test_tables_without_rows():
    assert text_table(HEADINGS, [], "lrl").splitlines() == [
        "step  mIoU %  note",
        "----  ------  ----",
    ]
    assert text_table((), []) == ""
    assert len(markdown_table(HEADINGS, iter(()), "lrl").splitlines()) == 2


@pytest.mark.parametrize("make", [markdown_table, text_table])
@pytest.mark.parametrize(
    ("headings", "rows", "align"),
    [
        (("a", "b"), [("1",)], None),
        (("a", "b"), [("1", "2", "3")], "lr"),
        (("a", "b"), [("1", "2")], "l"),
        (("a",), [("1",)], "c"),
    ],
)
def test_columns_that_do_not_fit_are_refused(make, headings, rows, align):
    with pytest.raises(ValueError, match="do not fit"):
        make(headings, rows, align)
