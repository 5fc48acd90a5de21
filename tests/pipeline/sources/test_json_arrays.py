"""Arrays of a JSON file, element by element, as json.loads reads them."""

from __future__ import annotations

import io
import json

import pytest

from tag2mask.pipeline.sources import json_arrays
from tag2mask.pipeline.sources.json_arrays import array_elements

DOCUMENT = {
    "info": {"a": [1, {"b": None}], "c": '}]\\"'},
    "empty": [],
    "numbers": [1, -2.5, 30_000, True, None],
    "long": [{"text": "x" * 5000, "list": list(range(500))}, "ä☃"],
    "last": 12345,
}


@pytest.mark.parametrize("chunk", [1, 7, 1000, 2**20])
@pytest.mark.parametrize("indent", [None, 2])
def test_is_what_json_reads(monkeypatch: pytest.MonkeyPatch, chunk: int, indent: int) -> None:
    monkeypatch.setattr(json_arrays, "_CHUNK", chunk)
    text = io.StringIO(json.dumps(DOCUMENT, indent=indent, ensure_ascii=False))
    expected = [
        (name, element)
        for name, value in DOCUMENT.items()
        if isinstance(value, list)
        for element in value
    ]
    assert list(array_elements(text)) == expected


def test_holds_one_element_not_the_file() -> None:
    class Counting(io.StringIO):
        taken = 0

        def read(self, size: int | None = -1) -> str:
            text = super().read(size)
            self.taken += len(text)
            return text

    file = Counting(json.dumps({"a": ["x" * 1000] * 4000}))
    elements = array_elements(file)
    next(elements)
    assert file.taken <= 2**20
    assert sum(1 for _ in elements) == 3999


@pytest.mark.parametrize(
    "text", ["", "[1]", '{"a": [1', '{"a": [1 2]}', '{"a" [1]}', '{"a": [1]', '{"a": 1 "b": 2}']
)
def test_broken_text_is_a_value_error(text: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        list(array_elements(io.StringIO(text)))


def test_a_value_without_end_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(json_arrays, "_MAX_VALUE", 100)
    monkeypatch.setattr(json_arrays, "_CHUNK", 10)
    with pytest.raises(ValueError, match="longer than 100"):
        list(array_elements(io.StringIO('{"a": ["' + "x" * 1000)))
