"""The page: one file, nothing from elsewhere, and data that stays data."""

import dataclasses
from html.parser import HTMLParser

import pytest

from tag2mask.pipeline.records import ClassTable
from tag2mask.pipeline.report.inspection import InspectSettings, inspect_dataset
from tag2mask.pipeline.report.page import inspection_page
from tag2mask.pipeline.report.survey import Survey
from tests.pipeline.report.conftest import REASON

ATTACK = "\"'><script>alert(1)</script><img src=x onerror=alert(2)>{{ 7 * 7 }}"


class Elements(HTMLParser):
    """Counts elements and collects what they point to."""

    def __init__(self, page: bytes) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.addresses: list[str] = []
        self.handlers: list[str] = []
        self.feed(page.decode())

    def handle_starttag(self, tag, attributes):
        self.tags.append(tag)
        for name, value in attributes:
            if name in ("src", "href", "srcset", "action", "data"):
                self.addresses.append(value)
            if name.startswith("on"):
                self.handlers.append(value)


@pytest.fixture
def inspection(toy_run):
    settings = InspectSettings(examples=2, side=48)
    return inspect_dataset(toy_run.dataset, ground_truth=toy_run.ground_truth, settings=settings)


def test_one_file(inspection):
    page = inspection_page(inspection)
    found = Elements(page)
    assert found.tags.count("img") >= 3 * len(inspection.cards)
    assert all(address.startswith(("data:image/", "#")) for address in found.addresses)
    assert b"http:" not in page
    assert b"https:" not in page
    assert "link" not in found.tags
    assert len(page) < 200_000


def test_what_it_says(inspection):
    page = inspection_page(inspection).decode()
    scores = inspection.assessment.scores
    assert f"{100 * scores.mean_iou:.1f}" in page
    assert "powerful" in page
    assert "the confidence of one of the classes is low" in page, "flags are explained"
    assert REASON.replace("<", "&lt;").replace(">", "&gt;") in page


def test_data_cannot_become_markup(inspection):
    harmless = Elements(inspection_page(inspection))
    card = inspection.cards[0]
    hostile = dataclasses.replace(
        card, name=ATTACK, tags=(ATTACK,), reason=ATTACK, flags=(ATTACK,), source=ATTACK,
        confidence={ATTACK: 0.5, "": 0.5}, iou={ATTACK: 0.5, "": 0.5}, picks=(("best", ATTACK),),
    )  # fmt: skip
    names = (ATTACK, *inspection.classes.names[1:])
    page = inspection_page(
        dataclasses.replace(
            inspection,
            uri=f"/{ATTACK}",
            recipe={ATTACK: ATTACK},
            classes=ClassTable(names=names),
            cards=[hostile, *[_renamed(each, "cat") for each in inspection.cards[1:]]],
        )
    )
    found = Elements(page)
    assert found.tags.count("script") == harmless.tags.count("script") == 1
    assert "x" not in found.addresses
    assert found.handlers == []
    assert b"<script>alert" not in page
    assert b"{{ 7 * 7 }}" in page


def _renamed(card, name):
    """A card whose tags the attacked class table still knows."""
    return dataclasses.replace(card, tags=tuple(tag for tag in card.tags if tag != name))


def test_a_dataset_without_anything(inspection):
    classes = ClassTable(names=("cat",))
    empty = dataclasses.replace(
        inspection, classes=classes, survey=Survey(classes, 2), assessment=None, ladder=[],
        rounds=[], cards=[], recipe={},
    )  # fmt: skip
    found = Elements(inspection_page(empty))
    assert "figure" in found.tags
    assert "img" not in found.tags
