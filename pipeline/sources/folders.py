"""A folder of folders: the name of a folder is the tag of the images in it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import ClassVar

from tag2mask.pipeline.errors import UserError
from tag2mask.pipeline.sources.base import TaggedFile, TreeSource, unique
from tag2mask.pipeline.sources.folder_layout import (
    is_no_image,
    masks_beside,
    part_of,
    recognized,
    split_folders,
    split_word,
)
from tag2mask.pipeline.sources.sandboxed_folder import SandboxedFolder
from tag2mask.pipeline.sources.tags_csv import TABLE

# Files and folders of a labeling run, which is no part of a source.
_RUN_FILES = frozenset({"run.json"})
_MAX_DEPTH = 32


class FolderSource(TreeSource):
    """Images at ``<tag>/<file>`` or deeper, or at ``<split>/<tag>/<file>``.

    The first folder is the tag; folders in it are read to any depth. Every file counts as an
    image, since web images have any suffix or none. Files with a suffix of other data, and files
    named as the mask of another one, are skipped and named. An image beside the folders has no
    tag.
    """

    kind: ClassVar[str] = "folders"
    looked_for: ClassVar[str] = "folders of images, one for each tag"

    @classmethod
    def accepts(cls, tree: SandboxedFolder) -> bool:
        """Whether there are folders with files in them, and none of them is a source itself.

        A folder with a tags.csv in it is a source, whose name is no tag.
        """
        return any(_has_images(tree, folder, 1) for folder in tree.folders())

    @classmethod
    def tags_of(cls, folders: tuple[str, ...]) -> tuple[str, ...]:
        """The tags of an image in nested folders, of which there is at least one."""
        return folders[:1]

    def images(self) -> Iterator[TaggedFile]:
        """Every file, with its folder's name as its tag."""
        self.notes = []
        splits = split_folders(self.tree)
        yield from self._files("", (), None)
        if not splits:
            yield from self._tags("", None)
        for folder in splits:
            split = split_word(folder)
            yield from self._files(folder, (), split)
            yield from self._tags(folder, split)

    def _tags(self, place: str, split: str | None) -> Iterator[TaggedFile]:
        for tag in self.tree.folders(place):
            yield from self._below(_join(place, tag), (tag,), split)

    def _below(
        self, place: str, folders: tuple[str, ...], split: str | None
    ) -> Iterator[TaggedFile]:
        if _RUN_FILES & {*self.tree.files(place)}:
            self.notes.append(f"{place}/ is the folder of a labeling run: it is not read")
            return
        yield from self._files(place, folders, split)
        for name in self.tree.folders(place):
            path = _join(place, name)
            tags = unique(self.tags_of(folders))
            if part_of(name) == "masks":
                problem = "a folder of masks inside a tag's folder: masks are never read as images"
                yield TaggedFile(path, tags, split, problem=problem)
            elif self.tree.is_around(path) or len(folders) > _MAX_DEPTH:
                problem = "a link to a folder that holds it"
                yield TaggedFile(path, tags, split, problem=problem)
            else:
                yield from self._below(path, (*folders, name), split)

    def _files(
        self, place: str, folders: tuple[str, ...], split: str | None
    ) -> Iterator[TaggedFile]:
        tags = unique(self.tags_of(folders)) if folders else ()
        names = self.tree.files(place)
        masks = masks_beside(names)
        for name in names:
            path = _join(place, name)
            problem = None if folders else self.tree.problem(path)
            skipped = is_no_image(name) or name in masks
            yield TaggedFile(path, tags, split, problem=problem, skipped=skipped)


class LastFolderSource(FolderSource):
    """Images in nested folders, whose innermost folder is the tag."""

    kind: ClassVar[str] = "folders-last"
    looked_for: ClassVar[str] = "nested folders of images, the innermost ones named by tags"

    @classmethod
    def tags_of(cls, folders: tuple[str, ...]) -> tuple[str, ...]:
        """The innermost folder."""
        return folders[-1:]


class AllFoldersSource(FolderSource):
    """Images in nested folders, each of which is a tag."""

    kind: ClassVar[str] = "folders-all"
    looked_for: ClassVar[str] = "nested folders of images, all named by tags"

    @classmethod
    def tags_of(cls, folders: tuple[str, ...]) -> tuple[str, ...]:
        """Every folder."""
        return folders


def check_layout(tree: SandboxedFolder) -> None:
    """Refuse folders that are no tags.

    Raises:
        UserError: If some are parts of a data set; the sentence says which.
    """
    folders = tree.folders()
    inside = [name for name in folders if TABLE in tree.files(name)]
    if inside:
        raise UserError(
            f"{tree.uri} holds sources in its folders ({', '.join(inside[:5])}), each with a "
            f"{TABLE}: give one of them, such as {tree.uri}/{inside[0]}"
        )
    layout = recognized(tree)
    if layout is None:
        return
    inner = f" or give {tree.uri}/{folders[0]};" if len(folders) == 1 else ""
    raise UserError(
        f"{tree.uri} looks like {layout}, and no file says tags: put the images into one folder "
        f"for each tag, or list file and tags in a tags.csv beside them;{inner} if all its "
        "folders are tags, add --source-kind folders"
    )


def _has_images(tree: SandboxedFolder, folder: str, depth: int) -> bool:
    files = tree.files(folder)
    if TABLE in files or _RUN_FILES & {*files}:
        return False
    if any(not is_no_image(name) for name in files):
        return True
    return depth < _MAX_DEPTH and any(
        _has_images(tree, f"{folder}/{name}", depth + 1)
        for name in tree.folders(folder)
        if not tree.is_around(f"{folder}/{name}")
    )


def _join(place: str, name: str) -> str:
    return f"{place}/{name}" if place else name
