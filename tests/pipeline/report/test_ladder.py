"""The ladder's tables, read back cell by cell, and its file."""

import pytest
from pydantic import ValidationError

from tag2mask.pipeline.errors import UserError
from tag2mask.pipeline.report.ladder import (
    LadderRow,
    ladder_markdown,
    ladder_text,
    load_ladder,
    save_ladder,
)
from tag2mask.pipeline.tables.storage import Folder

ROWS = [
    LadderRow(name="dcsm + crf", pseudo_label_miou_seeded=0.40649, seconds=12.34),
    LadderRow(name="powerful", pseudo_label_miou_seeded=1, miou_dev=0.5, note="a | b"),
]


def test_text_table():
    head, rule, first, second = ladder_text(ROWS).splitlines()
    assert head.split("  ")[0] == "step"
    assert set(rule) == {"-", " "}
    assert first.split() == ["dcsm", "+", "crf", "40.6", "–", "12.3"]
    assert second.split() == ["powerful", "100.0", "50.0", "–", "a", "|", "b"]
    assert "all train images" not in head  # no row has a figure there
    # Figures of one column end at the same place.
    assert first.index("40.6") + 4 == second.index("100.0") + 5


def test_markdown_table():
    lines = ladder_markdown(ROWS).splitlines()
    assert lines[1] == "| --- | ---: | ---: | ---: | ---: | --- |"
    assert lines[2] == "| dcsm + crf | 40.6 | – | – | 12.3 |  |"
    assert lines[3] == "| powerful | 100.0 | – | 50.0 | – | a \\| b |"


def test_tables_without_rows():
    assert len(ladder_text([]).splitlines()) == 2
    assert len(ladder_markdown([]).splitlines()) == 2


@pytest.mark.parametrize("protocol", ["", "memory://ladder"])
def test_file(tmp_path, protocol: str):
    folder = Folder(f"{protocol}{tmp_path}")
    assert load_ladder(folder, "ladder.json") == []
    save_ladder(folder, "ladder.json", ROWS)
    assert load_ladder(folder, "ladder.json") == ROWS


def test_file_that_is_no_ladder(tmp_path):
    folder = Folder(str(tmp_path))
    folder.write("ladder.json", b'[{"name": "x", "miou": 3}]')
    with pytest.raises(UserError, match=r"ladder\.json is not a ladder"):
        load_ladder(folder, "ladder.json")


def test_percentages_are_refused():
    with pytest.raises(ValidationError):
        LadderRow(name="x", miou_dev=51.2)
