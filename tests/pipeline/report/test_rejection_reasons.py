"""The reasons of failed rows and rejected masks."""

import pytest

from tag2mask.pipeline.errors import UserError
from tag2mask.pipeline.report.rejection_reasons import (
    count_reasons,
    list_failures,
    most_frequent,
    require_kept,
)
from tests.pipeline.small_tables import image_rows, images_table, writer


def round_of(tmp_path, decisions, name="seed"):
    """A round with the given (kept, reason, error) of its rows."""
    rounds = writer(tmp_path, name)
    rows = image_rows(len(decisions))
    rounds.stage(
        [
            {"id": row["id"], "kept": kept, "reason": reason, "error": error}
            for row, (kept, reason, error) in zip(rows, decisions, strict=True)
        ]
    )
    return rounds.commit()


SMALL = (False, "area: 3.0% is not between 10% and 80%", None)
ABSENT = (False, "tag not found: cat under 1.0% of the image", None)
BROKEN = (None, None, "ValueError: broken")
KEPT = (True, "", None)


def test_reasons_are_counted_by_their_kind(tmp_path):
    table = round_of(tmp_path, [SMALL, ABSENT, KEPT, ABSENT, BROKEN, ABSENT, SMALL])
    assert list(count_reasons(table).items()) == [
        ("tag not found", 3),
        ("area", 2),
        ("unreadable or failed", 1),
    ]


def test_one_kept_mask_is_enough(tmp_path):
    require_kept(round_of(tmp_path, [SMALL, KEPT]), "initial")


@pytest.mark.parametrize(
    ("decisions", "name", "expected"),
    [
        ([SMALL, ABSENT, ABSENT], "seed", ["'initial'", "'seed'", "of 3", ABSENT[1], "seeds.sel"]),
        ([SMALL, BROKEN, BROKEN], "enhanced", ["'enhanced'", BROKEN[2], "recipe's select"]),
        ([], "seed", ["'initial'", "'seed'", "no image"]),
    ],
)
def test_no_kept_mask_is_one_sentence(tmp_path, decisions, name, expected):
    with pytest.raises(UserError) as caught:
        require_kept(round_of(tmp_path, decisions, name), "initial")
    text = str(caught.value)
    assert "\n" not in text
    for part in expected:
        assert part in text


def test_failures_are_said_without_their_files(tmp_path):
    table = round_of(tmp_path, [KEPT, BROKEN, (None, None, "a.jpg: cut short")])
    assert sorted(list_failures(table)) == ["broken", "cut short"]


def test_a_table_without_failures(tmp_path):
    assert list_failures(images_table(tmp_path, 3)) == []


def test_the_most_frequent_text():
    assert most_frequent(["a", "b", "b", "a", "c", "b"]) == "b"
    assert most_frequent(["x", "y"]) == "x"
