"""Versions of a table: older manifests that stay readable until they are pruned.

The folder ``versions/`` of a table holds a copy of every manifest by its number, as
``versions/000002.json``; ``manifest.json`` is the current one. Parts are shared: a version
that adds rows names the parts of the one before, and a part goes when no version names it.
"""

from __future__ import annotations

from tag2mask.pipeline.errors import UserError
from tag2mask.pipeline.tables.manifest import MANIFEST, Manifest, read_manifest
from tag2mask.pipeline.tables.storage import Folder

VERSIONS = "versions"


def version_name(number: int) -> str:
    """The name of a version's manifest inside the table's folder."""
    return f"{VERSIONS}/{number:06d}.json"


def version_numbers(folder: Folder) -> list[int]:
    """The versions of a table that can be read, the oldest first.

    Raises:
        UserError: If there is no table.
    """
    current = read_manifest(folder).revision
    return sorted({*_filed(folder), current})


def read_version(folder: Folder, number: int) -> Manifest:
    """The manifest of a version.

    Raises:
        UserError: If the table has no such version.
    """
    current = read_manifest(folder)
    if number == current.revision:
        return current
    known = version_numbers(folder)
    if number not in known:
        raise UserError(
            f"the table {folder.uri} has no version {number}: it has "
            f"{', '.join(map(str, known))}; older ones were pruned"
        )
    return read_manifest(folder, version_name(number))


def next_version(folder: Folder) -> int:
    """The number of the version that will follow; 1 where there is no table yet."""
    return read_manifest(folder).revision + 1 if MANIFEST in folder.sizes() else 1


def file_version(folder: Folder) -> None:
    """Keep the current manifest, where there is one, beyond the next that replaces it."""
    if MANIFEST in folder.sizes():
        manifest = read_manifest(folder)
        if manifest.revision not in _filed(folder):
            name = version_name(manifest.revision).removeprefix(f"{VERSIONS}/")
            folder.folder(VERSIONS).write(name, manifest.to_bytes())


def retained_parts(folder: Folder) -> set[str]:
    """The paths of all parts that a version names."""
    manifests = [read_manifest(folder)]
    manifests += [read_manifest(folder, version_name(number)) for number in _filed(folder)]
    return {part.path for manifest in manifests for part in manifest.parts}


def prune(uri: str, keep: int) -> list[int]:
    """Remove all versions but the newest, and the parts that only they name.

    Parts that no version names are left alone: a run may be about to name them.

    Args:
        uri: The table.
        keep: How many versions stay, the current one among them.

    Returns:
        The numbers of the versions that were removed.

    Raises:
        UserError: If there is no table, or no version is to stay.
    """
    if keep < 1:
        raise UserError(
            f"cannot keep {keep} versions: the current one always stays, keep 1 or more"
        )
    folder = Folder(uri)
    removed = version_numbers(folder)[:-keep]
    parts = {part.path for number in removed for part in read_version(folder, number).parts}
    # Manifests first: what a kill leaves behind is unnamed, and goes with the next commit.
    folder.remove(version_name(number) for number in removed)
    folder.remove(sorted(parts - retained_parts(folder)))
    return removed


def _filed(folder: Folder) -> list[int]:
    names = folder.folder(VERSIONS).sizes()
    return sorted(int(name.removesuffix(".json")) for name in names)
