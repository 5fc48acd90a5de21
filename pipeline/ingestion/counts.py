"""What became of the images of a source, in numbers."""

from __future__ import annotations

from typing import ClassVar

from tag2mask.models.settings import Settings


class IngestCounts(Settings):
    """What became of the images of a source.

    ``images`` is the sum of ``other_split``, ``other_tags``, ``duplicates``, ``dropped``,
    ``errors`` and ``kept``. Decoding has not begun where these come from
    :func:`tag2mask.pipeline.ingestion.ingest.ingest`: see :meth:`after_decoding`.

    Args:
        images: Files that the source lists.
        other_split: Files of another split, not looked at.
        other_tags: Files without a tag, or without one that was asked for.
        tags_dropped: Tags that were not asked for, counted once for each file.
        duplicates: Files with the same bytes as another one.
        near_duplicates: Rows that look like another one.
        dropped: Those of them that are left out; their rows name the other one.
        errors: Rows whose image cannot be read.
        kept: Rows with an image and a tag.
        negatives: Rows without tags, of files that are left out.
    """

    # A run.json that was written before these names has the old ones.
    old_names: ClassVar[dict[str, str]] = {"pictures": "images", "left_out": "other_tags"}

    images: int
    other_split: int
    other_tags: int
    tags_dropped: int
    duplicates: int
    near_duplicates: int = 0
    dropped: int = 0
    errors: int
    kept: int
    negatives: int = 0

    def after_decoding(self, errors: int) -> IngestCounts:
        """The same with the number of rows that have an error in the end, dropped ones included."""
        errors -= self.dropped
        return self.model_copy(update={"errors": errors, "kept": self.kept + self.errors - errors})

    def sentence(self) -> str:
        """The counts in one line for people; what is zero is not mentioned."""
        shown = f" ({self.negatives:,} of them seen as background)" if self.negatives else ""
        parts = (
            (self.other_split, "of another split"),
            (self.other_tags, f"left out without a wanted tag{shown}"),
            (self.duplicates, "the same as another"),
            (self.dropped, "left out as near-duplicates"),
            (self.errors, "unreadable"),
        )
        alike = self.near_duplicates - self.dropped
        said = [
            f"{self.images:,} images: {self.kept:,} kept"
            + (f" ({alike:,} near-duplicates of others)" if alike else "")
        ]
        said += [f"{count:,} {what}" for count, what in parts if count]
        if self.tags_dropped:
            said.append(f"and {self.tags_dropped:,} tags dropped")
        return ", ".join(said)
