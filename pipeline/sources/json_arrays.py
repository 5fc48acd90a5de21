"""Large JSON files of a few long arrays, read one element at a time."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import IO, Any

_CHUNK = 2**20
_MAX_VALUE = 2**26
_DELIMITERS = frozenset(" \t\r\n,:]}")


def array_elements(file: IO[str]) -> Iterator[tuple[str, Any]]:
    """The elements of the arrays in a JSON object, with the array's name, in their order.

    Members that are no arrays are passed over. Memory holds one element, not the file.

    Raises:
        ValueError: If the text is no JSON object, or an element is longer than 64 Mi
            characters.
    """
    text = _Text(file)
    text.expect("{")
    separator = text.next() if text.peek() == "}" else ","
    while separator == ",":
        name = text.value()
        text.expect(":")
        if text.peek() == "[":
            yield from ((name, element) for element in _elements(text))
        else:
            text.value()
        separator = text.next()
    if separator != "}":
        raise ValueError(f"{separator!r} where a member ends")


def _elements(text: _Text) -> Iterator[Any]:
    text.expect("[")
    separator = text.next() if text.peek() == "]" else ","
    while separator == ",":
        yield text.value()
        separator = text.next()
    if separator != "]":
        raise ValueError(f"{separator!r} where an element ends")


class _Text:
    """A window that slides over a text file."""

    def __init__(self, file: IO[str]) -> None:
        self._file = file
        self._decoder = json.JSONDecoder()
        self._window = ""
        self._position = 0

    def peek(self) -> str:
        """The next character that is no space."""
        while True:
            while self._position < len(self._window):
                if not self._window[self._position].isspace():
                    return self._window[self._position]
                self._position += 1
            if not self._more():
                raise ValueError("the file ends too early")

    def next(self) -> str:
        """The next character that is no space; it is taken."""
        character = self.peek()
        self._position += 1
        return character

    def expect(self, wanted: str) -> None:
        """Take a character that must be the next."""
        if (found := self.next()) != wanted:
            raise ValueError(f"{found!r} instead of {wanted!r}")

    def value(self) -> Any:  # noqa: ANN401 (JSON is anything)
        """The next value; it is taken."""
        self.peek()
        while True:
            try:
                value, end = self._decoder.raw_decode(self._window, self._position)
            except json.JSONDecodeError:
                # The window may end inside the value.
                if not self._more():
                    raise
                continue
            # A number that the window cuts is a number too: what follows tells.
            if self._window[end : end + 1] in _DELIMITERS or not self._more():
                self._position = end
                return value

    def _more(self) -> bool:
        """Read on, each time twice as far: a long value is not decoded too many times."""
        self._window = self._window[self._position :]
        self._position = 0
        if len(self._window) > _MAX_VALUE:
            raise ValueError(f"a value longer than {_MAX_VALUE} characters, or broken JSON")
        chunk = self._file.read(max(_CHUNK, len(self._window)))
        self._window += chunk
        return bool(chunk)
