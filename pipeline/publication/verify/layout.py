"""Checks of a Parquet file's layout, on which readers and random access rely."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence

import pyarrow as pa
import pyarrow.parquet as pq

from tag2mask.pipeline.publication.publish import ADDED_COLUMNS, DATASET_SCHEMA, features
from tag2mask.pipeline.records import IMAGE
from tag2mask.pipeline.tables.parquet import ROW_GROUP
from tag2mask.pipeline.tables.table_writer import SCHEMA_METADATA

_IMAGES = {f"{field.name}.bytes" for field in DATASET_SCHEMA if field.type == IMAGE}
_SCALARS = {field.name for field in DATASET_SCHEMA if not pa.types.is_nested(field.type)}


def layout_issues(parquet: pq.ParquetFile, classes: Sequence[str]) -> Iterator[str]:
    """Find the problems of a file's columns, metadata and row groups.

    Args:
        parquet: The open file.
        classes: Foreground class names of the manifest.

    Yields:
        One message for each problem.
    """
    schema = parquet.schema_arrow
    wrong = [
        field.name
        for field in DATASET_SCHEMA
        if (field.name not in schema.names and field.name not in ADDED_COLUMNS)
        or (field.name in schema.names and not schema.field(field.name).equals(field))
    ]
    if wrong:
        yield f"the columns {', '.join(wrong)} are missing or of another type"
    yield from _metadata_issues(schema.metadata or {}, classes)
    groups = [parquet.metadata.row_group(index) for index in range(parquet.num_row_groups)]
    for index, group in enumerate(groups):
        small = group.num_rows < ROW_GROUP and len(groups) > 1
        if small or group.num_rows > 2 * ROW_GROUP:
            yield f"row group {index} has {group.num_rows} rows, not {ROW_GROUP} to {2 * ROW_GROUP}"
        for number in range(group.num_columns):
            column = group.column(number)
            for issue in _column_issues(column):
                yield f"row group {index}, column {column.path_in_schema}: {issue}"


def _metadata_issues(metadata: dict[bytes, bytes], classes: Sequence[str]) -> Iterator[str]:
    try:
        named = json.loads(metadata[b"huggingface"])["info"]["features"]
    except (KeyError, ValueError):
        yield "Hugging Face's features are missing from the schema metadata"
    else:
        if named != features(classes):
            yield "Hugging Face's features in the schema metadata are not those of the columns"
    try:
        own = json.loads(metadata[SCHEMA_METADATA])
    except (KeyError, ValueError):
        yield "the schema metadata does not describe the dataset"
    else:
        if own.get("classes") != list(classes):
            yield "the classes in the schema metadata are not those of the manifest"


def _column_issues(column: pq.ColumnChunkMetaData) -> Iterator[str]:
    name = column.path_in_schema
    if not column.has_offset_index:
        yield "no page index"
    if name in _IMAGES:
        if column.compression != "UNCOMPRESSED":
            yield f"compressed with {column.compression}"
        if not set(column.encodings) <= {"PLAIN", "RLE"}:  # RLE encodes the levels
            yield f"encoded as {', '.join(column.encodings)}, not PLAIN"
    if column.is_stats_set != (name in _SCALARS):
        yield "no statistics" if name in _SCALARS else "statistics, which repeat whole values"
