"""Search for files whose list does not name their folder."""

from __future__ import annotations

from collections.abc import Sequence

from tag2mask.pipeline.sources.sandboxed_folder import SandboxedFolder


class FileFinder:
    """Finds files of a tree in one of several folders.

    Each folder is listed once: an object store is not asked for every file.

    Args:
        tree: The tree.
    """

    def __init__(self, tree: SandboxedFolder) -> None:
        self._tree = tree
        self._listed: dict[str, frozenset[str]] = {}

    def locate(self, file: str, folders: Sequence[str]) -> tuple[str, str | None]:
        """The path of a file and what forbids reading it, None if nothing does.

        Args:
            file: Relative to one of the folders, with ``/`` between folders.
            folders: In the order in which they are looked into; ``""`` is the tree's root.

        Returns:
            The file as given, and the cause, where it is in none of them.
        """
        file = file.replace("\\", "/").removeprefix("./")
        paths = [f"{folder}/{file}" if folder else file for folder in folders]
        for path in paths:
            if problem := self._tree.problem(path):
                return file, problem
        for path in paths:
            folder, _, name = path.rpartition("/")
            if folder not in self._listed:
                self._listed[folder] = frozenset(self._tree.files(folder))
            if name in self._listed[folder]:
                return path, None
        places = ", ".join(f"{folder}/" if folder else "the source's folder" for folder in folders)
        return file, f"no such file (looked in {places})"
