"""The page in a real browser: filters, the close-up, themes and widths."""

import dataclasses
import io
import json

import numpy as np
import pytest
from PIL import Image

from tag2mask.pipeline.records import ClassTable
from tag2mask.pipeline.report.inspection import InspectSettings, inspect_dataset
from tag2mask.pipeline.report.page import inspection_page
from tests.pipeline.report.browser import chromium, executable

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(executable() is None, reason="no Chromium is installed"),
]

SHOWN = """JSON.stringify([...document.querySelectorAll(".card:not([hidden])")]
    .map((card) => card.querySelector(".name").textContent))"""


@pytest.fixture(scope="module")
def browser():
    with chromium(executable() or "") as found:
        yield found


@pytest.fixture
def inspection(toy_run):
    settings = InspectSettings(examples=2, side=48)
    return inspect_dataset(toy_run.dataset, ground_truth=toy_run.ground_truth, settings=settings)


@pytest.fixture
def address(inspection, tmp_path):
    (tmp_path / "a page.html").write_bytes(inspection_page(inspection))
    return (tmp_path / "a page.html").as_uri()


def shown(browser):
    return json.loads(browser.evaluate(SHOWN))


def choose(browser, name, value):
    browser.evaluate(f"""document.querySelector('[name={name}][value="{value}"]').click()""")


def test_filters(browser, address, inspection):
    cards = inspection.cards
    browser.open(address)
    assert shown(browser) == [card.name for card in cards]
    choose(browser, "class", "dog")
    assert shown(browser) == [card.name for card in cards if "dog" in card.tags]
    choose(browser, "show", "worst")
    worst = [card.name for card in cards if ("worst", "dog") in card.picks]
    assert shown(browser) == worst
    assert browser.evaluate("location.hash") == "#class=dog&show=worst"
    choose(browser, "class", "")
    choose(browser, "show", "rejected")
    assert shown(browser) == [card.name for card in cards if card.reason]
    browser.evaluate("document.querySelector('[type=reset]').click()")
    browser.evaluate("new Promise((done) => setTimeout(done, 50))")
    assert len(shown(browser)) == len(cards)


def test_quality_and_order(browser, address, inspection):
    browser.open(f"{address}#confidence-from=800&order=-confidence")
    good = [card for card in inspection.cards if card.confidence[""] >= 0.8]
    assert 0 < len(good) < len(inspection.cards)
    best_first = sorted(good, key=lambda card: -card.confidence[""])
    assert shown(browser) == [card.name for card in best_first]
    assert f"{len(good)} of {len(inspection.cards)} shown" == browser.evaluate(
        "document.getElementById('count').value"
    )
    browser.open(f"{address}#iou-to=500")
    poor = [card.name for card in inspection.cards if card.iou and card.iou[""] <= 0.5]
    assert shown(browser) == poor


def test_views_and_the_close_up(browser, address):
    visible = """getComputedStyle(document.querySelector(".card .layer.%s")).visibility"""
    browser.open(f"{address}#view=overlay")
    assert browser.evaluate(visible % "overlay") == "visible"
    assert browser.evaluate(visible % "outline") == "hidden"
    browser.evaluate("document.querySelector('.card .stack').click()")
    assert browser.evaluate("document.querySelector('dialog').open")
    assert browser.evaluate("document.querySelectorAll('dialog figure').length") == 4
    browser.evaluate("document.querySelector('.close').click()")
    assert not browser.evaluate("document.querySelector('dialog').open")


@pytest.mark.parametrize("dark", [False, True])
@pytest.mark.parametrize("width", [360, 390, 1440])
def test_it_fits_and_follows_the_theme(browser, address, width, dark):
    browser.open(address, width=width, dark=dark)
    assert browser.evaluate("document.documentElement.scrollWidth") == width
    with Image.open(io.BytesIO(browser.screenshot())) as image:
        pixels = np.asarray(image.convert("L"))
    assert pixels.shape[1] == width
    assert (np.median(pixels) < 60) == dark


TABLE = """JSON.stringify((() => {
    const box = document.querySelector("#classes .scroll");
    const name = box.querySelector("tbody th");
    const last = box.querySelector("tbody tr").lastElementChild;
    box.scrollLeft = 10000;
    const inside = last.getBoundingClientRect(), frame = box.getBoundingClientRect();
    const names = name.getBoundingClientRect();
    return {
        page: document.documentElement.scrollWidth, box: box.clientWidth,
        hidden: box.scrollWidth - box.clientWidth, name: name.offsetWidth,
        stays: Math.round(names.left - frame.left),
        reached: inside.right <= frame.right + 1 && inside.left >= names.right,
    };
})())"""


@pytest.mark.parametrize(
    "name", ["{}", "{}, Canis lupus familiaris, golden retriever next door", "{}" + "x" * 60]
)
def test_the_class_table_scrolls_inside_its_box(browser, inspection, tmp_path, name):
    names = {each: name.format(each) for each in inspection.classes.names}
    cards = [
        dataclasses.replace(card, tags=tuple(names[tag] for tag in card.tags))
        for card in inspection.cards
    ]
    page = inspection_page(
        dataclasses.replace(
            inspection, classes=ClassTable(names=tuple(names.values())), cards=cards
        )
    )
    (tmp_path / "long.html").write_bytes(page)
    browser.open((tmp_path / "long.html").as_uri(), width=390)
    found = json.loads(browser.evaluate(TABLE))
    assert found["page"] == 390
    assert found["hidden"] > 0
    assert found["stays"] <= 1, "the names stay in sight"
    assert found["name"] < found["box"] / 2, "and leave room for the figures"
    assert found["reached"], "the last column can be scrolled to"
    overflowing = """[...document.querySelectorAll("#filters label")]
        .filter((each) => each.getBoundingClientRect().right > innerWidth).length"""
    assert browser.evaluate(overflowing) == 0


def test_nothing_is_asked_for_and_nothing_goes_wrong(browser, address):
    browser.requests.clear()
    browser.complaints.clear()
    browser.open(f"{address}#class=cat")
    assert browser.requests == [f"{address}#class=cat".partition("#")[0]]
    assert browser.complaints == []
    assert browser.evaluate("document.images.length") > 0
    assert browser.evaluate("[...document.images].every((image) => image.naturalWidth > 0)")
