"""Versions of a table: older manifests, readable until they are pruned.

The folder ``versions/`` of a table holds a copy of every manifest by its number, such as
``versions/000002.json``; ``manifest.json`` is the current one. Versions share parts: one that
adds rows also names the parts of the version before. Parts that only older versions name lie
under ``versions/``, too, see :mod:`tag2mask.pipeline.tables.part_files`. A part is removed when no
version names it.
"""

from __future__ import annotations

from dataclasses import dataclass

from tag2mask.pipeline.errors import UserError
from tag2mask.pipeline.tables.manifest import MANIFEST, Manifest, read_manifest
from tag2mask.pipeline.tables.part_files import VERSIONS, older_path
from tag2mask.pipeline.tables.storage import Folder


def version_name(number: int) -> str:
    """The name of a version's manifest inside the table's folder."""
    return f"{VERSIONS}/{number:06d}.json"


def version_numbers(folder: Folder) -> list[int]:
    """List the numbers of a table's readable versions, the oldest first.

    Raises:
        UserError: If there is no table.
    """
    current = read_manifest(folder).revision
    return sorted({*_filed(folder), current})


def read_version(folder: Folder, number: int) -> Manifest:
    """Read the manifest of a version.

    Args:
        folder: Folder of the table.
        number: Number of the version, counted from 1.

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
            f"{', '.join(map(str, known))}; older versions were pruned"
        )
    return read_manifest(folder, version_name(number))


def next_version(folder: Folder) -> int:
    """The number of the next version; 1 if there is no table yet."""
    return read_manifest(folder).revision + 1 if MANIFEST in folder.sizes() else 1


def file_version(folder: Folder) -> None:
    """Copy the current manifest, if any, into ``versions/``, before the next one replaces it."""
    if MANIFEST in folder.sizes():
        manifest = read_manifest(folder)
        if manifest.revision not in _filed(folder):
            name = version_name(manifest.revision).removeprefix(f"{VERSIONS}/")
            folder.folder(VERSIONS).write(name, manifest.to_bytes())


def retained_parts(folder: Folder) -> set[str]:
    """The paths of all parts that any version names."""
    manifests = [read_manifest(folder)]
    manifests += [read_manifest(folder, version_name(number)) for number in _filed(folder)]
    return {part.path for manifest in manifests for part in manifest.parts}


def set_older_parts_aside(folder: Folder) -> None:
    """Move the parts that the current version does not name below ``versions/``.

    Parts that no version names stay. Readers find a part before, during and after its move. A
    folder of an earlier release, which kept the parts of all versions together, is put in order.
    """
    current = {part.path for part in read_manifest(folder).parts}
    retained = retained_parts(folder)
    for inside in sorted({path.rpartition("/")[0] for path in retained}):
        present = {f"{inside}/{name}" for name in folder.folder(inside).sizes()}
        for path in sorted(present & retained - current):
            folder.move(path, older_path(path))
        # A version that equals an older one has the same parts.
        again = (f"{inside}/{name}" for name in folder.folder(older_path(inside)).sizes())
        folder.remove(older_path(path) for path in again if path in current & present)


@dataclass(frozen=True)
class OldVersions:
    """The versions that a pruning removes, and the files that only they use.

    Attributes:
        rows: Number of rows of each version by its number, the oldest first.
        stays: Numbers of the versions that stay.
        parts: Paths of the files, sorted.
        bytes: Size of these files together.
    """

    rows: dict[int, int]
    stays: tuple[int, ...]
    parts: tuple[str, ...]
    bytes: int


def find_old_versions(uri: str, keep: int) -> OldVersions:
    """The versions that :func:`prune` would remove; nothing is changed.

    Args:
        uri: URI of the table.
        keep: Number of versions that stay, including the current one.

    Raises:
        UserError: If there is no table, or ``keep`` is below 1.
    """
    if keep < 1:
        raise UserError(
            f"cannot keep {keep} versions: the current version always stays, so keep 1 or more"
        )
    folder = Folder(uri)
    numbers = version_numbers(folder)
    old = {number: read_version(folder, number) for number in numbers[:-keep]}
    stays = tuple(numbers[-keep:])
    used = {part.path for number in stays for part in read_version(folder, number).parts}
    sizes = {part.path: part.bytes for version in old.values() for part in version.parts}
    unused = sorted(sizes.keys() - used)
    rows = {number: version.rows for number, version in old.items()}
    return OldVersions(rows, stays, tuple(unused), sum(sizes[path] for path in unused))


def prune(uri: str, keep: int) -> list[int]:
    """Remove all versions except the newest, and the parts that only the removed ones name.

    Parts that no version names stay: a running command may be about to name them.

    Args:
        uri: URI of the table.
        keep: Number of versions that stay, including the current one.

    Returns:
        The numbers of the removed versions.

    Raises:
        UserError: If there is no table, or ``keep`` is below 1.
    """
    folder, old = Folder(uri), find_old_versions(uri, keep)
    # Manifests first: after a kill, the remaining parts have no name, and the next commit
    # removes them.
    folder.remove(map(version_name, old.rows))
    folder.remove([*old.parts, *map(older_path, old.parts)])
    set_older_parts_aside(folder)
    return list(old.rows)


def _filed(folder: Folder) -> list[int]:
    names = folder.folder(VERSIONS).sizes()
    return sorted(int(name.removesuffix(".json")) for name in names)
