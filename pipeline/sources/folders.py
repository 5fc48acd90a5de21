"""A folder of folders: the name of a folder is the tag of the images in it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import ClassVar

from tag2mask.pipeline.sources.base import TaggedFile, TreeSource
from tag2mask.pipeline.sources.sandboxed_folder import SandboxedFolder
from tag2mask.pipeline.sources.tags_csv import TABLE


class FolderSource(TreeSource):
    """Images at ``<tag>/<file>``.

    Every file counts as an image, whatever its name, since web images come with any
    suffix or none: a text file among them becomes a row with an error. An image beside
    the folders has no tag.
    """

    kind: ClassVar[str] = "folders"
    looked_for: ClassVar[str] = "folders of images, one for each tag"

    @classmethod
    def accepts(cls, tree: SandboxedFolder) -> bool:
        """Whether there are folders with files in them, and none of them is a source itself.

        JPEGImages beside SegmentationClass is a dataset without its list of tags: taken
        for a folder of folders, its masks would be read as images. And a folder with a
        tags.csv in it is a source, whose name is no tag.
        """
        folders = tree.folders()
        return "JPEGImages" not in folders and any(
            files and TABLE not in files for files in map(tree.files, folders)
        )

    def images(self) -> Iterator[TaggedFile]:
        """Every file of every folder, with the folder's name as its tag."""
        for name in self.tree.files():
            yield TaggedFile(name, problem=self.tree.problem(name))
        for tag in self.tree.folders():
            for name in self.tree.files(tag):
                yield TaggedFile(f"{tag}/{name}", (tag.strip(),))
            for name in self.tree.folders(tag):
                problem = "a folder inside a tag's folder; images stand directly in the tag's"
                yield TaggedFile(f"{tag}/{name}", (tag.strip(),), problem=problem)
