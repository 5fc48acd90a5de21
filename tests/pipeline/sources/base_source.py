"""What every kind of source must do: the base test of the family."""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import ClassVar

import fsspec
import pytest

from tag2mask.pipeline.errors import UserError
from tag2mask.pipeline.sources import Source, TaggedFile, UnreadableError, open_source

Tagged = dict[str, tuple[str, ...]]


def put(folder: str, path: str, data: bytes) -> None:
    """Write a file below a folder on any storage."""
    fs, root = fsspec.core.url_to_fs(folder)
    target = f"{root}/{path}"
    fs.makedirs(target.rpartition("/")[0], exist_ok=True)
    fs.pipe_file(target, data)


def listed(source: Source) -> dict[str, TaggedFile]:
    return {file.path: file for file in source.images()}


def by_name(source: Source) -> Tagged:
    return {file.path.rpartition("/")[2]: file.tags for file in source.images()}


class SourceTests:
    """The base test: a kind says how it is laid out, and passes all of these."""

    kind: ClassVar[str]
    images: ClassVar[Tagged] = {"a.jpg": ("cat",), "b.jpg": ("dog", "person"), "c.jpg": ("dog",)}

    def lay_out(self, folder: str, images: Tagged) -> None:
        raise NotImplementedError

    def open(self, folder: str, kind: str | None = None) -> Source:
        return open_source(folder, kind)

    def holder(self, path: str) -> str:
        """The file on disk that holds an image."""
        return path

    @pytest.fixture(params=["local", "memory"])
    def folder(self, request: pytest.FixtureRequest, tmp_path: Path) -> str:
        if request.param == "local":
            return str(tmp_path)
        return f"memory://{tmp_path.name}-{self.kind}"

    def test_is_found_and_lists_every_image_with_its_tags(self, folder: str) -> None:
        self.lay_out(folder, self.images)
        source = self.open(folder)
        assert source.kind == self.kind
        assert by_name(source) == self.images
        assert all(file.problem is None for file in source.images())

    def test_reads_what_it_lists(self, folder: str) -> None:
        self.lay_out(folder, self.images)
        source = self.open(folder, self.kind)
        for path, file in listed(source).items():
            assert source.read(file.address) == path.rpartition("/")[2].encode()

    def test_lists_the_same_twice_and_after_pickling(self, folder: str) -> None:
        self.lay_out(folder, self.images)
        source = self.open(folder)
        again: Source = pickle.loads(pickle.dumps(source))
        assert list(source.images()) == list(source.images()) == list(again.images())
        assert again.read(next(source.images()).address)

    def test_hidden_files_are_no_images(self, folder: str) -> None:
        self.lay_out(folder, self.images)
        for path in list(listed(self.open(folder))):
            place, _, _ = self.holder(path).rpartition("/")
            put(folder, f"{place}/.DS_Store", b"x")
        assert by_name(self.open(folder)) == self.images

    def test_relative_paths_do(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.lay_out(str(tmp_path / "here"), self.images)
        monkeypatch.chdir(tmp_path)
        source = self.open("here")
        monkeypatch.chdir("/")
        assert by_name(source) == self.images

    @pytest.mark.parametrize("path", ["../x.jpg", "/etc/hostname", "a/../../x", "file:///etc/x"])
    def test_paths_that_leave_are_never_read(self, folder: str, path: str) -> None:
        self.lay_out(folder, self.images)
        with pytest.raises(UnreadableError):
            self.open(folder).read(path)


class FileSourceTests(SourceTests):
    """For kinds with one file for each image."""

    def test_a_link_that_leaves_is_never_read(self, tmp_path: Path) -> None:
        secret = tmp_path / "secret.jpg"
        secret.write_bytes(b"secret")
        folder = tmp_path / "source"
        self.lay_out(str(folder), self.images)
        victim = next(path for path in listed(self.open(str(folder))) if path.endswith("a.jpg"))
        (folder / victim).unlink()
        (folder / victim).symlink_to(secret)
        source = self.open(str(folder))
        with pytest.raises(UnreadableError, match="a link that leaves the source"):
            source.read(victim)
        paths = {file.path.rpartition("/")[2] for file in source.images()}
        assert "a.jpg" in paths  # it is reported, not passed over


class TableSourceTests(SourceTests):
    """For kinds whose files hold many images."""

    def test_a_link_that_leaves_is_never_read(self, tmp_path: Path) -> None:
        folder = tmp_path / "source"
        self.lay_out(str(folder), self.images)
        source = self.open(str(folder))
        file = next(source.images())
        holder = folder / self.holder(file.path)
        holder.rename(tmp_path / "outside")
        holder.symlink_to(tmp_path / "outside")
        with pytest.raises(UnreadableError, match="a link that leaves the source"):
            pickle.loads(pickle.dumps(source)).read(file.address)
        try:
            said = [found.problem or "" for found in self.open(str(folder)).images()]
        except UserError as error:
            said = [str(error)]
        assert "a link that leaves the source" in said[0]  # it is reported, not passed over

    @pytest.mark.parametrize("file", ["../outside", "/etc/hostname", "gone"])
    def test_places_outside_are_never_read(self, folder: str, file: str) -> None:
        self.lay_out(folder, self.images)
        for place in (f"{file}:0:1", f"{file}:x", f"{self.holder('')}:99999999:5"):
            with pytest.raises(UnreadableError):
                self.open(folder).read(place)
