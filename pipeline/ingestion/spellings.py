"""One spelling for tags that differ only in case or in their Unicode form."""

from __future__ import annotations

import unicodedata
from collections import Counter, defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace

from tag2mask.pipeline.sources import TaggedFile

_SHOWN = 5


def merge_spellings(
    files: Sequence[TaggedFile], given: Collection[str]
) -> tuple[list[TaggedFile], list[str]]:
    """Merge the spellings of each tag.

    Tags are the same if they differ only in case or Unicode form, such as ``Cat`` and ``cat``, or
    ``é`` as one character or two. The most frequent spelling stays, in composed form (NFC).

    Args:
        files: Files with tags as the source spells them.
        given: Names that keep their spelling, because a user or an earlier version chose them.
            Two of them stay two classes even if they differ only in case.

    Returns:
        The files with one spelling for each tag, and a sentence about merged spellings, if any.
    """
    counts = Counter(tag for file in files for tag in file.tags)
    spelled = _spellings(counts, given)
    changed = {tag: name for tag, name in spelled.items() if tag != name}
    if not changed:
        return list(files), []
    merged = [
        replace(file, tags=tuple(dict.fromkeys(spelled[tag] for tag in file.tags)))
        if any(tag in changed for tag in file.tags)
        else file
        for file in files
    ]
    return merged, [_sentence(changed, counts)]


def _spellings(counts: Mapping[str, int], given: Collection[str]) -> dict[str, str]:
    """The spelling of each tag."""
    by_key = defaultdict(list)
    for tag in sorted(counts):
        by_key[_key(tag)].append(tag)
    chosen: dict[str, str] = {}
    for key, tags in by_key.items():
        names = [name for name in given if _key(name) == key]
        totals: Counter[str] = Counter()
        for tag in tags:
            totals[_composed(tag)] += counts[tag]
        # Of equally frequent spellings, the one in lower case.
        usual = min(totals, key=lambda name: (-totals[name], name != name.lower(), name))
        for tag in tags:
            chosen[tag] = tag if tag in names else (names or [usual])[0]
    return chosen


def _sentence(changed: Mapping[str, str], counts: Mapping[str, int]) -> str:
    shown = [
        f"{_shown(tag, name)} ({counts[tag]:,} images) into {name!r}"
        for tag, name in sorted(changed.items())[:_SHOWN]
    ]
    more = f" and {len(changed) - _SHOWN} more" if len(changed) > _SHOWN else ""
    return (
        f"merged {len(changed):,} spellings of tags: {', '.join(shown)}{more}; to keep them "
        "apart, name each with --class"
    )


def _shown(tag: str, name: str) -> str:
    """A tag for a message, with escapes if it would look the same as the other spelling."""
    return ascii(tag) if _composed(tag) == name else repr(tag)


def _composed(tag: str) -> str:
    return unicodedata.normalize("NFC", tag)


def _key(tag: str) -> str:
    return _composed(_composed(tag).casefold())
