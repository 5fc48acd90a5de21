"""Where tagged images come from: one file for each kind of source."""

from __future__ import annotations

from tag2mask.pipeline.errors import UserError
from tag2mask.pipeline.sources.base import Source, TaggedFile
from tag2mask.pipeline.sources.coco import CocoSource
from tag2mask.pipeline.sources.downloads import Downloads, DownloadSettings
from tag2mask.pipeline.sources.fiftyone import FiftyOneSource
from tag2mask.pipeline.sources.folders import (
    AllFoldersSource,
    FolderSource,
    LastFolderSource,
    check_layout,
)
from tag2mask.pipeline.sources.huggingface import HuggingFaceSource
from tag2mask.pipeline.sources.image_folder import ImageFolderSource
from tag2mask.pipeline.sources.parquet_table import ParquetSource
from tag2mask.pipeline.sources.sandboxed_folder import SandboxedFolder, UnreadableError
from tag2mask.pipeline.sources.tags_csv import TagsCsvSource
from tag2mask.pipeline.sources.url_table import UrlTableSource
from tag2mask.pipeline.sources.voc import VocSource
from tag2mask.pipeline.sources.webdataset import WebdatasetSource
from tag2mask.pipeline.sources.yolo import YoloSource

# In the order in which a URI is tried: a list of tags says most, bare folders least.
_GUESSED: tuple[type[Source], ...] = (
    TagsCsvSource,
    UrlTableSource,
    CocoSource,
    FiftyOneSource,
    ImageFolderSource,
    VocSource,
    YoloSource,
    HuggingFaceSource,
    ParquetSource,
    WebdatasetSource,
    FolderSource,
)
_CHOSEN: tuple[type[Source], ...] = (LastFolderSource, AllFoldersSource)
SOURCES: dict[str, type[Source]] = {source.kind: source for source in (*_GUESSED, *_CHOSEN)}


def open_source(uri: str, kind: str | None = None, downloads: Downloads | None = None) -> Source:
    """The source at a local path or fsspec URI (``memory://``, ``s3://``).

    Args:
        uri: Local path or URI of the source.
        kind: A name of :data:`SOURCES`; None takes the first kind that fits. Folders that are
            named as parts of a data set are tags only if a kind is given.
        downloads: Reader of the URLs that it may hold; None keeps no images and allows the open
            web alone.

    Raises:
        UserError: If nothing is there or it is no source of that kind, or the kind is
            unknown; the sentence says what was looked for.
    """
    if kind is not None and kind not in SOURCES:
        raise UserError(f"unknown kind of source {kind!r}: choose from {', '.join(SOURCES)}")
    candidates = _GUESSED if kind is None else (SOURCES[kind],)
    for candidate in candidates:
        if kind is None and candidate is FolderSource:
            check_layout(SandboxedFolder(uri))
        source = candidate.open(uri, downloads or Downloads())
        if source is not None:
            return source
    looked_for = "; ".join(candidate.looked_for for candidate in candidates)
    raise UserError(f"{uri} holds no tagged images: looked for {looked_for}")


__all__ = [
    "SOURCES",
    "DownloadSettings",
    "Downloads",
    "Source",
    "TaggedFile",
    "UnreadableError",
    "open_source",
]
