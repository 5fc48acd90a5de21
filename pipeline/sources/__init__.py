"""Where tagged pictures come from: one file for each kind of source."""

from __future__ import annotations

from pipeline.errors import UserError
from pipeline.sources.base import Source, TaggedFile
from pipeline.sources.folders import FolderSource
from pipeline.sources.tags_csv import TagsCsvSource
from pipeline.sources.tree import UnreadableError
from pipeline.sources.voc import VocSource

# In the order in which a URI is tried: a list of tags says most, bare folders least.
SOURCES: dict[str, type[Source]] = {
    source.kind: source for source in (TagsCsvSource, VocSource, FolderSource)
}


def open_source(uri: str, kind: str | None = None) -> Source:
    """The source at a local path or fsspec URI (``memory://``, ``s3://``).

    Args:
        uri: Where it is.
        kind: A name of :data:`SOURCES`; None takes the first kind that fits.

    Raises:
        UserError: If nothing is there or it is no source of that kind, or the kind is
            unknown; the sentence says what was looked for.
    """
    if kind is not None and kind not in SOURCES:
        raise UserError(f"unknown kind of source {kind!r}: choose from {', '.join(SOURCES)}")
    candidates = list(SOURCES.values()) if kind is None else [SOURCES[kind]]
    for candidate in candidates:
        source = candidate.open(uri)
        if source is not None:
            return source
    looked_for = "; ".join(candidate.looked_for for candidate in candidates)
    raise UserError(f"{uri} holds no tagged pictures: looked for {looked_for}")


__all__ = ["SOURCES", "Source", "TaggedFile", "UnreadableError", "open_source"]
