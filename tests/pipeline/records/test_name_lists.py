"""Lists of names in text: any names are read exactly as written."""

from __future__ import annotations

from itertools import product

import pytest

from tag2mask.pipeline.records.name_lists import join_tags, name_lines, split_tags

PIECES = ("a", "|", "\\", "|b", "\\\\", "x\u2028c")
NAMES = ["".join(parts) for parts in product(PIECES, repeat=2)]


@pytest.mark.parametrize("name", NAMES)
def test_names_of_any_kind_are_read_as_written(name: str) -> None:
    for names in ([name], [name, "cat"], ["cat", name], [name, name[::-1], "dog"]):
        assert split_tags(join_tags(names)) == names


@pytest.mark.parametrize(
    ("cell", "tags"),
    [
        (" cat | dog||cat ", ["cat", "dog", "cat"]),
        ("", []),
        (r"C:\cats|dogs", [r"C:\cats", "dogs"]),
        (r"cat\|dog", ["cat|dog"]),
        ("cat;dog", ["cat;dog"]),
    ],
)
def test_cells_that_people_write(cell: str, tags: list[str]) -> None:
    assert split_tags(cell) == tags


def test_another_separator() -> None:
    assert split_tags("cat; dog;", ";") == ["cat", "dog"]


def test_names_one_a_line() -> None:
    assert name_lines("\ufeffcat\r\n\n big dog \na\u2028b\n") == ["cat", "big dog", "a\u2028b"]
