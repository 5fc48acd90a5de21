"""The choice of a run's classes from the source's tags and the requested names."""

from __future__ import annotations

import difflib
from collections.abc import Collection, Sequence

from pydantic import ValidationError

from tag2mask.pipeline.errors import UserError
from tag2mask.pipeline.records import ClassTable


def choose_classes(
    where: str, found: Collection[str], classes: Sequence[str] | ClassTable | None
) -> ClassTable:
    """Choose the class table of a run.

    Args:
        where: Name of the source in messages.
        found: The tags of its images.
        classes: See :func:`tag2mask.pipeline.ingestion.ingest.ingest`.

    Raises:
        UserError: If there is no tag, no image has a requested class as tag, a name is
            reserved, or there are too many classes.
    """
    if isinstance(classes, ClassTable):
        return classes
    tags = sorted(found)
    if not tags:
        raise UserError(f"no image of {where} has a tag: there is nothing to label")
    for name in classes or ():
        if name not in tags:
            near = difflib.get_close_matches(name, tags, n=1)
            advice = f"did you mean {near[0]!r}?" if near else f"the tags are {_some(tags)}"
            if any(name in tag.split(",")[0] and "," in tag for tag in tags):
                advice += " (name a tag with a comma by --class)"
            raise UserError(f"no image of {where} has the tag {name!r}: {advice}")
    names = tuple(tags if classes is None else classes)
    if reserved := {"background", "ignore"} & set(names):
        raise UserError(
            f"the tag {min(reserved)!r} of {where} is a reserved name for pixels without a "
            "class: rename it, or name the other classes to keep"
        )
    try:
        return ClassTable(names=names)
    except ValidationError as error:
        reason = error.errors()[0]["msg"].removeprefix("Value error, ")
        raise UserError(f"{reason}; choose the classes of {where} by name") from error


def _some(tags: list[str]) -> str:
    return ", ".join(tags[:20]) + (f" and {len(tags) - 20} more" if len(tags) > 20 else "")
