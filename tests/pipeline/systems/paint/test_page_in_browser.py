"""Painting in a real browser: strokes, undo, erasing, a loaded image, themes and widths."""

import base64
import io
import json
import time
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from tag2mask.pipeline.records import ClassTable
from tests.pipeline.report.browser import chromium, executable

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(executable() is None, reason="no Chromium is installed"),
]

BOX = """JSON.stringify((({left, top, width, height}) => [left, top, width, height])(
    document.getElementById("canvas").getBoundingClientRect()))"""
PIXELS = """JSON.stringify((() => {
    const canvas = document.getElementById("canvas");
    return [canvas.width, canvas.height,
        ...canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height).data];
})())"""
PHOTO = """(() => {
    const photo = document.getElementById("photo"), canvas = document.createElement("canvas");
    canvas.width = photo.naturalWidth; canvas.height = photo.naturalHeight;
    canvas.getContext("2d").drawImage(photo, 0, 0);
    return canvas.toDataURL();
})()"""
READY = """document.getElementById("photo").complete && !document.getElementById("photo").hidden
    && !document.querySelector(".busy")"""
LOAD = """((text) => {
    const bytes = Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
    const files = new DataTransfer();
    files.items.add(new File([bytes], "a.png", {type: "image/png"}));
    const input = document.getElementById("load");
    input.files = files.files;
    input.dispatchEvent(new Event("change"));
})"""


@pytest.fixture(scope="module")
def browser():
    with chromium(executable() or "") as found:
        yield found


def move(browser, *places):
    """A stroke of the mouse from place to place, as shares of the canvas's sides."""
    left, top, width, height = json.loads(browser.evaluate(BOX))
    browser.drag(*((left + x * width, top + y * height) for x, y in places))


def stroke(browser, *places):
    move(browser, *places)
    wait(browser, READY)


def wait(browser, condition):
    deadline = time.monotonic() + 60
    while not browser.evaluate(condition):
        assert time.monotonic() < deadline, condition
        time.sleep(0.02)


def drawn(browser):
    """The pixels of the canvas, (H, W, 4)."""
    width, height, *values = json.loads(browser.evaluate(PIXELS))
    return np.array(values, np.uint8).reshape(height, width, 4)


def photo(browser):
    """The pixels of the page's photo, (H, W, 3)."""
    data = browser.evaluate(PHOTO).split(",")[1]
    return np.asarray(Image.open(io.BytesIO(base64.b64decode(data))).convert("RGB"))


def press(browser, name):
    browser.evaluate(f"document.getElementById('{name}').click()")


def choose(browser, label):
    browser.evaluate(f"""document.querySelector('[name=label][value="{label}"]').click()""")


def made(model, mask, *image, seed=0):
    body = mask.tobytes() + b"".join(part.tobytes() for part in image)
    return np.asarray(Image.open(io.BytesIO(model.image(body, *mask.shape, seed))))


def labels(browser):
    """The labels on the canvas, by the colors of the palette that are pure in one channel."""
    colors = {(0, 0, 0): 0, (128, 0, 0): 1, (0, 128, 0): 2, (128, 128, 0): 3}
    return np.array(
        [[colors[tuple(pixel)] for pixel in row] for row in drawn(browser)[..., :3].tolist()],
        np.uint8,
    )


class TestMask:
    def test_strokes_become_a_mask_and_its_photo(self, browser, serve, painter):
        browser.open(serve(painter).address)
        choose(browser, 2)
        stroke(browser, (0.25, 0.5), (0.75, 0.5))
        first = labels(browser)
        assert (first[15:17, 8:24] == 2).all()
        assert 0.05 < (first > 0).mean() < 0.2
        np.testing.assert_array_equal(photo(browser), made(painter, first))

        choose(browser, 3)
        stroke(browser, (0.5, 0.2), (0.5, 0.8))
        second = labels(browser)
        assert {*np.unique(second)} == {0, 2, 3}
        np.testing.assert_array_equal(photo(browser), made(painter, second))

        choose(browser, 0)
        stroke(browser, (0.5, 0.5), (0.5, 0.5))
        erased = labels(browser)
        assert erased[16, 16] == 0
        assert (erased > 0).sum() < (second > 0).sum()

        press(browser, "undo")
        wait(browser, READY)
        np.testing.assert_array_equal(labels(browser), second)
        press(browser, "undo")
        wait(browser, READY)
        np.testing.assert_array_equal(labels(browser), first)
        np.testing.assert_array_equal(photo(browser), made(painter, first))

        press(browser, "vary")
        wait(browser, READY)
        np.testing.assert_array_equal(photo(browser), made(painter, first, seed=1))
        press(browser, "clear")
        wait(browser, READY)
        assert not labels(browser).any()
        assert browser.evaluate("document.getElementById('clear').disabled")
        assert browser.complaints == []

    def test_a_missing_server_is_reported(self, browser, serve, painter):
        browser.open(serve(painter).address)
        # As the browser fails; a socket that it has opened ahead would still be answered.
        browser.evaluate("void (window.fetch = () => Promise.reject(new TypeError('gone')))")
        move(browser, (0.2, 0.2), (0.3, 0.3))
        wait(browser, "document.getElementById('status').classList.contains('wrong')")
        assert "still running" in browser.evaluate("document.getElementById('status').value")

    @pytest.mark.parametrize(("width", "height"), [(360, 740), (1280, 800), (1920, 1000)])
    @pytest.mark.parametrize("classes", [3, 20])
    def test_both_images_fit_into_the_window(self, browser, serve, painter, width, height, classes):
        names = tuple(f"class {number}" for number in range(classes))
        painter = replace(painter, classes=ClassTable(names=names))
        browser.open(serve(painter).address, width, height)
        found = json.loads(
            browser.evaluate(
                """JSON.stringify([document.documentElement.scrollWidth,
                Math.max(...[...document.querySelectorAll(".frame")].map(
                    (frame) => frame.getBoundingClientRect().bottom))])"""
            )
        )
        assert found[0] <= width
        assert found[1] <= height

    def test_themes(self, browser, serve, painter):
        shades = []
        for dark in (False, True):
            browser.open(serve(painter).address, dark=dark)
            pixels = np.asarray(Image.open(io.BytesIO(browser.screenshot())).convert("L"))
            shades.append(pixels[2, 2])
        assert shades[0] > 200
        assert shades[1] < 60


def test_an_object_is_erased_from_a_loaded_image(browser, serve, remover):
    pixels = np.zeros((48, 96, 3), np.uint8)
    pixels[:, :48] = (200, 40, 40)
    pixels[:, 48:] = (40, 40, 200)
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "PNG")
    browser.open(serve(remover).address)
    move(browser, (0.2, 0.2), (0.3, 0.3))  # without an image: nothing
    browser.evaluate(f"{LOAD}({json.dumps(base64.b64encode(file.getvalue()).decode())})")
    wait(browser, READY)
    loaded = drawn(browser)[..., :3]
    assert loaded.shape == (16, 32, 3)
    np.testing.assert_array_equal(photo(browser), loaded)

    stroke(browser, (0.7, 0.5), (0.8, 0.5))
    hole = (drawn(browser)[..., :3] != loaded).any(axis=2)
    assert 0.02 < hole.mean() < 0.4
    assert not hole[:, :16].any()
    expected = made(remover, hole.astype(np.uint8), loaded)
    np.testing.assert_array_equal(photo(browser), expected)

    press(browser, "go-on")
    wait(browser, READY + " && document.getElementById('go-on').hidden")
    assert np.abs(drawn(browser)[..., :3].astype(int) - expected).max() <= 1
    assert browser.complaints == []


def test_a_file_that_is_no_image(browser, serve, remover):
    browser.open(serve(remover).address)
    browser.evaluate(f"{LOAD}('bm8gcGljdHVyZQ==')")
    wait(browser, "document.getElementById('status').classList.contains('wrong')")
    assert "no image" in browser.evaluate("document.getElementById('status').value")
