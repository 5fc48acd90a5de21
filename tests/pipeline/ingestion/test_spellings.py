"""Spellings of tags: case and Unicode form make no classes of their own, and are said."""

from __future__ import annotations

import pytest

from tag2mask.pipeline.errors import UserError
from tag2mask.pipeline.ingestion.ingest import ingest
from tag2mask.pipeline.records import ClassTable
from tests.pipeline.ingestion.test_ingest import rows, source

COMPOSED, DECOMPOSED = "caf\u00e9", "cafe\u0301"


def test_the_usual_spelling_stays_and_the_others_are_said() -> None:
    found = ingest(source(a="cat", b="Cat", c="cat|CAT", d="dog"))
    assert found.classes.names == ("cat", "dog")
    assert rows(found)["b"]["tags"] == rows(found)["c"]["tags"] == [1]
    (note,) = found.notes
    assert note.startswith("merged 2 spellings of tags: 'CAT' (1 images) into 'cat', 'Cat' (1")
    assert found.counts.tags_dropped == 0


def test_forms_of_unicode_are_one_name() -> None:
    found = ingest(source(a=COMPOSED, b=DECOMPOSED, c=DECOMPOSED))
    assert found.classes.names == (COMPOSED,)
    assert found.notes == (
        "merged 1 spellings of tags: 'cafe\\u0301' (2 images) into 'caf\u00e9'; to keep them "
        "apart, name each with --class",
    )


def test_a_name_that_was_chosen_keeps_its_spelling() -> None:
    assert ingest(source(a="cat", b="cat", c="Cat"), ["Cat"]).classes.names == ("Cat",)
    found = ingest(source(a="cat", b="cat", c="Cat"), ["cat", "Cat"])
    assert rows(found)["c"]["tags"] == [2]
    assert found.notes == ()
    earlier = ClassTable(names=("Cat", "dog"))
    assert rows(ingest(source(a="cat", b="dog"), earlier))["a"]["tags"] == [1]


def test_tags_of_one_spelling_are_left_alone() -> None:
    found = ingest(source(a="Cat", b="dog"))
    assert found.classes.names == ("Cat", "dog")
    assert found.notes == ()


def test_an_unknown_name_is_still_unknown() -> None:
    with pytest.raises(UserError, match="has the tag 'cta': did you mean 'cat'"):
        ingest(source(a="cat"), ["cta"])


def test_the_opening_says_kind_classes_and_counts() -> None:
    first, *notes = ingest(source(a="cat", b="cat|dog", c="dog", d="cat")).opening()
    assert first == (
        "listed:// is a source of the kind listed, with 2 classes and the number of their images: "
        "cat (3), dog (2)"
    )
    assert notes == []


def test_a_part_of_a_name_with_a_comma_says_how_to_choose_it() -> None:
    listed = source(a="horse, brown", b="cat")
    assert ingest(listed, ["horse, brown"]).classes.names == ("horse, brown",)
    with pytest.raises(UserError, match=r"'horse'.*name a tag with a comma by --class"):
        ingest(listed, ["horse", "brown"])
