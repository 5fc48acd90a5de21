"""Choice of the columns of a table that hold images and tags, and the forms of their tags."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import pyarrow as pa

from tag2mask.pipeline.records.name_lists import SEPARATOR
from tag2mask.pipeline.sources.base import unique
from tag2mask.pipeline.sources.tag_cells import split_cell

IMAGES = ("image", "img", "picture", "jpg", "png", "url", "uri", "path", "file")
TAGS = ("tags", "labels", "label", "classes", "class")
SPLIT = "split"
ORIGIN = "origin"


class ColumnsError(Exception):
    """A table has no images or no tags; the text lists its columns."""


@dataclass(frozen=True)
class Columns:
    """The columns of a table of images.

    Args:
        image: Name of the column of images.
        embedded: Whether that column holds their bytes; otherwise it holds their places.
        tags: Name of the column of tags.
        names: Class names by number, if the tags are numbers; empty if the table has none.
        others: The columns ``split`` and ``origin``, as far as the table has them.
    """

    image: str
    embedded: bool
    tags: str
    names: tuple[str, ...]
    others: tuple[str, ...]

    @property
    def narrow(self) -> list[str]:
        """Names of the columns that are read for the list, without the bytes of images."""
        inner = [] if self.embedded else [self.image]
        return [*inner, self.tags, *self.others]

    def tags_of(self, value: object, separator: str = SEPARATOR) -> tuple[str, ...]:
        """The tags in a cell: a text with a separator between them, a number, or a list of such."""
        if value is None:
            return ()
        if isinstance(value, str):
            return unique(split_cell(value, separator))
        if isinstance(value, Sequence):
            return unique(self._name(one) for one in value if one is not None)
        return unique([self._name(value)])

    def _name(self, value: object) -> str:
        if isinstance(value, str):
            return value
        number = int(str(value))
        if number < 0:  # "no label" in data sets of class numbers
            return ""
        return self.names[number] if number < len(self.names) else str(number)


def choose_columns(schema: pa.Schema) -> Columns:
    """The columns to read, the first of each list of names that has the right type.

    Names are chosen, not types: a table may hold masks, which are images too.

    Raises:
        ColumnsError: If there are no images or no tags.
    """
    image = _first(schema, IMAGES, _is_image, "bytes, a struct of bytes and path, or URLs")
    tags = _first(schema, TAGS, _is_tags, "texts or class numbers, or lists of them")
    others = tuple(
        name
        for name in (SPLIT, ORIGIN)
        if name in schema.names and is_text(schema.field(name).type)
    )
    return Columns(image, _is_bytes(schema, image), tags, _class_names(schema, tags), others)


def _first(
    schema: pa.Schema, names: Sequence[str], fits: Callable[[pa.Schema, str], bool], what: str
) -> str:
    for name in names:
        if name in schema.names and fits(schema, name):
            return name
    raise ColumnsError(
        f"no column {' or '.join(names)} of {what}, only "
        f"{', '.join(f'{field.name} ({field.type})' for field in schema) or 'nothing at all'}"
    )


def is_text(kind: pa.DataType) -> bool:
    """Whether a column holds texts, also as a dictionary of them."""
    if pa.types.is_dictionary(kind):
        kind = kind.value_type
    return pa.types.is_string(kind) or pa.types.is_large_string(kind)


def _is_binary(kind: pa.DataType) -> bool:
    return pa.types.is_binary(kind) or pa.types.is_large_binary(kind)


def _is_bytes(schema: pa.Schema, name: str) -> bool:
    kind = schema.field(name).type
    if pa.types.is_struct(kind):
        return any(field.name == "bytes" and _is_binary(field.type) for field in kind)
    return _is_binary(kind)


def _is_image(schema: pa.Schema, name: str) -> bool:
    return _is_bytes(schema, name) or is_text(schema.field(name).type)


def _is_tags(schema: pa.Schema, name: str) -> bool:
    kind = schema.field(name).type
    if pa.types.is_list(kind) or pa.types.is_large_list(kind):
        kind = kind.value_type
    return is_text(kind) or pa.types.is_integer(kind)


def _class_names(schema: pa.Schema, column: str) -> tuple[str, ...]:
    """The names of a Hugging Face ClassLabel, alone or in a list of any spelling."""
    try:
        metadata = json.loads((schema.metadata or {})[b"huggingface"])
        feature = metadata["info"]["features"][column]
        while isinstance(feature, list) or "feature" in feature:
            feature = feature[0] if isinstance(feature, list) else feature["feature"]
        return tuple(map(str, feature["names"]))
    except (KeyError, TypeError, ValueError, IndexError):
        return ()
