"""Croissant description of a dataset for search engines and loaders (MLCommons, version 1.0)."""

from __future__ import annotations

import json
from typing import Any

import pyarrow as pa

from tag2mask.pipeline.publication.publish import license_of
from tag2mask.pipeline.records import IMAGE
from tag2mask.pipeline.tables.table import Table

CROISSANT = "croissant.json"
_FILES = "parquet-files"

# The context that the specification prescribes word for word (section "Appendix 1").
_CONTEXT = {
    "@language": "en",
    "@vocab": "https://schema.org/",
    "citeAs": "cr:citeAs",
    "column": "cr:column",
    "conformsTo": "dct:conformsTo",
    "cr": "http://mlcommons.org/croissant/",
    "data": {"@id": "cr:data", "@type": "@json"},
    "dataType": {"@id": "cr:dataType", "@type": "@vocab"},
    "dct": "http://purl.org/dc/terms/",
    "equivalentProperty": "cr:equivalentProperty",
    "examples": {"@id": "cr:examples", "@type": "@json"},
    "extract": "cr:extract",
    "field": "cr:field",
    "fileObject": "cr:fileObject",
    "fileProperty": "cr:fileProperty",
    "fileSet": "cr:fileSet",
    "format": "cr:format",
    "includes": "cr:includes",
    "isLiveDataset": "cr:isLiveDataset",
    "jsonPath": "cr:jsonPath",
    "key": "cr:key",
    "md5": "cr:md5",
    "parentField": "cr:parentField",
    "path": "cr:path",
    "rai": "http://mlcommons.org/croissant/RAI/",
    "recordSet": "cr:recordSet",
    "references": "cr:references",
    "regex": "cr:regex",
    "repeated": "cr:repeated",
    "replace": "cr:replace",
    "samplingRate": "cr:samplingRate",
    "sc": "https://schema.org/",
    "separator": "cr:separator",
    "source": "cr:source",
    "subField": "cr:subField",
    "transform": "cr:transform",
}


def render_croissant(dataset: Table, descriptions: dict[str, str]) -> bytes:
    """Render the description as JSON-LD.

    Args:
        dataset: A published dataset.
        descriptions: Description of each column by name.
    """
    metadata = dataset.metadata
    described = {
        "@context": _CONTEXT,
        "@type": "sc:Dataset",
        "conformsTo": "http://mlcommons.org/croissant/1.0",
        "name": f"tag2mask-{dataset.fingerprint[:12]}",
        "version": f"{dataset.manifest.revision}.0.0",
        "description": f"{len(dataset):,} images with pixel masks made from image tags.",
        "license": license_of(metadata),
        "keywords": ["image segmentation", *metadata["classes"]],
        "distribution": _distribution(dataset),
        "recordSet": [
            {
                "@type": "cr:RecordSet",
                "@id": metadata["split"],
                "name": metadata["split"],
                "field": [
                    _field(metadata["split"], column, descriptions[column.name])
                    for column in dataset.schema
                ],
            }
        ],
    }
    return (json.dumps(described, indent=1) + "\n").encode()


def _distribution(dataset: Table) -> list[dict[str, Any]]:
    files = [
        {
            "@type": "cr:FileObject",
            "@id": part.path,
            "name": part.path,
            "contentUrl": part.path,
            "contentSize": f"{part.bytes} B",
            "encodingFormat": "application/x-parquet",
            "sha256": part.sha256,
        }
        for part in dataset.manifest.parts
    ]
    together = {
        "@type": "cr:FileSet",
        "@id": _FILES,
        "name": _FILES,
        "encodingFormat": "application/x-parquet",
        # By name, so that a reader notices a missing file.
        "includes": [part.path for part in dataset.manifest.parts],
    }
    return [*files, together]


def _field(split: str, column: pa.Field, description: str) -> dict[str, Any]:
    source: dict[str, Any] = {"fileSet": {"@id": _FILES}, "extract": {"column": column.name}}
    if column.type == IMAGE:
        source["transform"] = {"jsonPath": "bytes"}
    described = {
        "@type": "cr:Field",
        "@id": f"{split}/{column.name}",
        "name": f"{split}/{column.name}",
        "description": description,
        "dataType": _data_type(column.type),
        "source": source,
    }
    return {**described, "repeated": True} if pa.types.is_list(column.type) else described


def _data_type(kind: pa.DataType) -> str:
    if kind == IMAGE:
        return "sc:ImageObject"
    if pa.types.is_list(kind):
        kind = kind.value_type
    if pa.types.is_string(kind):
        return "sc:Text"
    return "sc:Integer" if pa.types.is_integer(kind) else "sc:Float"
