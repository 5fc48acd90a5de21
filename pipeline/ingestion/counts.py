"""Counts of a source's images by the result of their ingestion."""

from __future__ import annotations

from typing import ClassVar

from tag2mask.models.settings import Settings


class IngestCounts(Settings):
    """Counts of a source's images by the result of their ingestion.

    ``images`` is the sum of ``other_split``, ``other_tags``, ``duplicates``, ``dropped``,
    ``errors`` and ``kept``. Counts from :func:`tag2mask.pipeline.ingestion.ingest.ingest` are
    taken before the images are decoded, see :meth:`after_decoding`.

    Args:
        images: Files that the source lists.
        other_split: Files of another split, which are not read.
        other_tags: Files without a tag, or without a requested tag.
        tags_dropped: Tags that were not requested, counted once for each file.
        duplicates: Files with the same bytes as another file.
        near_duplicates: Rows whose image looks like another one.
        dropped: Near-duplicates that are skipped; their rows name the other image.
        errors: Rows whose image cannot be read.
        kept: Rows with an image and a tag.
        negatives: Rows without tags, from skipped files.
        notes: Sentences about the reading of the source: merged spellings and skipped files.
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
    notes: tuple[str, ...] = ()

    def after_decoding(self, errors: int) -> IngestCounts:
        """The same counts after decoding.

        Args:
            errors: Final number of rows with an error, including the dropped near-duplicates.
        """
        errors -= self.dropped
        return self.model_copy(update={"errors": errors, "kept": self.kept + self.errors - errors})

    def sentence(self, *, before_decoding: bool = False) -> str:
        """The counts in one line for people; zeros are not mentioned.

        Args:
            before_decoding: Whether the images are still to be decoded, so that some of those
                that are kept may turn out unreadable.
        """
        shown = f" ({self.negatives:,} of them used as background)" if self.negatives else ""
        parts = (
            (self.other_split, "of another split"),
            (self.other_tags, f"skipped without a wanted tag{shown}"),
            (self.duplicates, "the same as another"),
            (self.dropped, "skipped as near-duplicates"),
            (self.errors, "unreadable"),
        )
        alike = self.near_duplicates - self.dropped
        said = [
            f"{self.images:,} images: {self.kept:,} {'to decode' if before_decoding else 'kept'}"
            + (f" ({alike:,} near-duplicates of others)" if alike else "")
        ]
        said += [f"{count:,} {what}" for count, what in parts if count]
        if self.tags_dropped:
            said.append(f"and {self.tags_dropped:,} tags dropped")
        return ", ".join(said)
