"""XML files of annotations."""

from __future__ import annotations

import re
from pathlib import Path
from xml.etree import ElementTree

# Characters that XML 1.0 cannot hold, not even escaped.
_FORBIDDEN = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def add_text(parent: ElementTree.Element, name: str, value: str | int | float) -> None:
    """Append an element that holds a text."""
    ElementTree.SubElement(parent, name).text = plain(str(value))


def plain(text: str) -> str:
    """The text without characters that XML cannot hold."""
    return _FORBIDDEN.sub("", text)


def write_xml(root: ElementTree.Element, path: Path) -> None:
    """Write a document of few elements, indented."""
    ElementTree.indent(root)
    ElementTree.ElementTree(root).write(path, encoding="utf-8")
