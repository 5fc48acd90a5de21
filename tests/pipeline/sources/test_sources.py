"""Folders, tags.csv and VOC trees, and how a kind of source is found."""

from __future__ import annotations

import os
from pathlib import Path
from typing import ClassVar

import pytest

from tag2mask.pipeline.errors import UserError
from tag2mask.pipeline.sources import SOURCES, TaggedFile, open_source
from tests.pipeline.sources.base_source import FileSourceTests, Tagged, by_name, listed, put


class TestFolders(FileSourceTests):
    kind = "folders"
    images: ClassVar[Tagged] = {"a.jpg": ("cat",), "b.jpg": ("dog",), "c": ("sea lion",)}

    def lay_out(self, folder: str, images: Tagged) -> None:
        for name, tags in images.items():
            put(folder, f"{tags[0]}/{name}", name.encode())

    def test_a_image_beside_the_folders_has_no_tag(self, folder: str) -> None:
        self.lay_out(folder, self.images)
        put(folder, "stray.jpg", b"stray.jpg")
        assert listed(open_source(folder))["stray.jpg"].tags == ()

    @pytest.mark.parametrize(
        ("kind", "tags"),
        [
            (None, ("cat",)),
            ("folders", ("cat",)),
            ("folders-last", ("tabby",)),
            ("folders-all", ("cat", "kittens", "tabby")),
        ],
    )
    def test_folders_are_read_to_any_depth(
        self, folder: str, kind: str | None, tags: tuple[str, ...]
    ) -> None:
        self.lay_out(folder, self.images)
        put(folder, "cat/kittens/tabby/k.jpg", b"k")
        found = listed(open_source(folder, kind))
        assert found["cat/kittens/tabby/k.jpg"].tags == tags
        assert found["cat/a.jpg"].tags == ("cat",)

    def test_masks_in_a_tags_folder_are_named_and_not_read(self, folder: str) -> None:
        self.lay_out(folder, self.images)
        put(folder, "cat/masks/a.png", b"a mask")
        with pytest.raises(UserError, match="a data set with the folders cat/masks/"):
            open_source(folder)
        found = listed(open_source(folder, "folders"))
        assert "masks are never read" in (found["cat/masks"].problem or "")
        assert "cat/masks/a.png" not in found

    def test_files_that_are_no_images_are_skipped_by_name(self, folder: str) -> None:
        self.lay_out(folder, self.images)
        for name in ("notes.txt", "cat/notes.TXT", "dog/list.csv"):
            put(folder, name, b"x")
        found = listed(open_source(folder))
        skipped = {path for path, file in found.items() if file.skipped}
        assert skipped == {"notes.txt", "cat/notes.TXT", "dog/list.csv"}

    def test_a_linked_folder_that_leaves_is_not_listed(self, tmp_path: Path) -> None:
        self.lay_out(str(tmp_path / "source"), self.images)
        (tmp_path / "outside").mkdir()
        (tmp_path / "outside" / "secret.jpg").write_bytes(b"secret")
        (tmp_path / "source" / "fox").symlink_to(tmp_path / "outside")
        (tmp_path / "source" / "cat" / "loop").symlink_to(tmp_path / "source")
        found = listed(open_source(str(tmp_path / "source")))
        assert found["fox"].problem == "a link that leaves the source"
        assert not any("secret" in path for path in found)

    def test_links_that_stay_inside_are_read(self, tmp_path: Path) -> None:
        self.lay_out(str(tmp_path), self.images)
        (tmp_path / "pet").mkdir()
        (tmp_path / "pet" / "p.jpg").symlink_to("../cat/a.jpg")
        source = open_source(str(tmp_path))
        assert listed(source)["pet/p.jpg"].tags == ("pet",)
        assert source.read("pet/p.jpg") == b"a.jpg"

    def test_images_and_masks_without_a_list_are_refused(self, folder: str) -> None:
        put(folder, "JPEGImages/a.jpg", b"a")
        put(folder, "SegmentationClass/a.png", b"a")
        with pytest.raises(UserError, match="looks like a data set with the folders JPEGImages/"):
            open_source(folder)

    def test_the_folder_above_a_source_is_none(self, folder: str) -> None:
        put(folder, "VOCdevkit/VOC2012/JPEGImages/a.jpg", b"a")
        with pytest.raises(UserError, match="the folders VOCdevkit/VOC2012/JPEGImages/"):
            open_source(folder)
        put(folder, "animals/tags.csv", b"file,tags")
        with pytest.raises(UserError, match=r"sources in its folders \(animals\)"):
            open_source(folder)


class TestTagsCsv(FileSourceTests):
    kind = "tags.csv"

    def lay_out(self, folder: str, images: Tagged) -> None:
        lines = ["file,tags,split,has_mask"]
        for name, tags in images.items():
            place = "" if name == "c.jpg" else "JPEGImages/"
            put(folder, f"{place}{name}", name.encode())
            lines.append(f"{name},{'|'.join(tags)},train,1")
        put(folder, "JPEGImages/not-listed.jpg", b"n")
        put(folder, "tags.csv", "\n".join(lines).encode())

    def rows(self, folder: Path, text: str) -> list[TaggedFile]:
        (folder / "tags.csv").write_text(text, encoding="utf-8")
        return list(open_source(str(folder)).images())

    def test_the_file_of_a_spreadsheet_does(self, tmp_path: Path) -> None:
        (tmp_path / "sub").mkdir()
        (tmp_path / "sub" / "a.jpg").write_bytes(b"a")
        text = '\ufeffFile , TAGS,Split,origin\r\n"sub\\a.jpg", cat | dog||cat ,dev,web\r\n\r\n'
        expected = TaggedFile("sub/a.jpg", ("cat", "dog"), "dev", "web")
        assert self.rows(tmp_path, text) == [expected]

    def test_short_rows_have_no_tags(self, tmp_path: Path) -> None:
        (tmp_path / "a.jpg").write_bytes(b"a")
        assert self.rows(tmp_path, "file,tags,split\na.jpg\n") == [TaggedFile("a.jpg")]

    @pytest.mark.parametrize(
        ("path", "cause"),
        [
            ("../outside.jpg", "'..'"),
            ("JPEGImages/../../outside.jpg", "'..'"),
            (r"..\outside.jpg", "'..'"),
            ("/etc/hostname", "absolute"),
            (r"C:\pictures\a.jpg", "absolute"),
            (r"\\server\share\a.jpg", "absolute"),
            ("https://example.com/a.jpg", "URL"),
            ("file:///etc/hostname", "URL"),
            ("memory://other/a.jpg", "URL"),
            ("link.jpg", "leaves the source"),
            ("linked/outside.jpg", "leaves the source"),
            ("pipe.jpg", "not a file"),
            ("JPEGImages", "not a file"),
            (".", "not a file"),
            ("gone.jpg", "no such file"),
            ("*.jpg", "no such file"),
            ("a.jpg::memory", "no such file"),
        ],
    )
    def test_what_is_elsewhere_is_reported_not_read(
        self, tmp_path: Path, path: str, cause: str
    ) -> None:
        (tmp_path / "outside.jpg").write_bytes(b"secret")
        folder = tmp_path / "source"
        (folder / "JPEGImages").mkdir(parents=True)
        (folder / "JPEGImages" / "a.jpg").write_bytes(b"a")
        (folder / "link.jpg").symlink_to(tmp_path / "outside.jpg")
        (folder / "linked").symlink_to(tmp_path)
        os.mkfifo(folder / "pipe.jpg")
        [file] = self.rows(folder, f"file,tags\n{path},cat\n")
        assert cause in (file.problem or "")
        assert file.tags == ("cat",)

    def test_linked_images_folder_that_leaves_says_so(self, tmp_path: Path) -> None:
        (tmp_path / "outside").mkdir()
        (tmp_path / "outside" / "a.jpg").write_bytes(b"a")
        (tmp_path / "source").mkdir()
        (tmp_path / "source" / "JPEGImages").symlink_to(tmp_path / "outside")
        [file] = self.rows(tmp_path / "source", "file,tags\na.jpg,cat\n")
        assert file.problem == "a link that leaves the source"

    @pytest.mark.parametrize(
        ("text", "sentence"),
        [
            ("file,labels\na.jpg,cat\n", "no column 'tags', only file, labels"),
            ("a.jpg,cat\n", "no column 'file', only a.jpg, cat"),
            ("file;tags\na.jpg;cat\n", "no column 'file', only file;tags"),
            ("", "no column 'file', only none"),
            ("file,tags\na.jpg,cat,dog\n", "line 2 .* has 3 cells for 2 columns"),
            ("file,tags\n,cat\n", "line 2 .* names no file"),
            ("file,tags\na.jpg," + "x" * 200_000, "line 2 .* is no CSV"),
        ],
    )
    def test_a_list_that_is_wrong_says_where(
        self, tmp_path: Path, text: str, sentence: str
    ) -> None:
        with pytest.raises(UserError, match=sentence):
            self.rows(tmp_path, text)

    def test_another_encoding_is_refused(self, tmp_path: Path) -> None:
        (tmp_path / "tags.csv").write_bytes("file,tags\nküche.jpg,cat\n".encode("latin-1"))
        with pytest.raises(UserError, match="not UTF-8"):
            list(open_source(str(tmp_path)).images())


def annotation(*tags: str) -> bytes:
    objects = "".join(
        f"<object><name>{tag}</name><difficult>{n}</difficult>"
        "<part><name>head</name></part></object>"
        for n, tag in enumerate(tags)
    )
    return f"<annotation><filename>../x.jpg</filename>{objects}</annotation>".encode()


class TestVoc(FileSourceTests):
    kind = "voc"

    def lay_out(self, folder: str, images: Tagged) -> None:
        for name, tags in images.items():
            put(folder, f"JPEGImages/{name}", name.encode())
            put(folder, f"Annotations/{name.removesuffix('.jpg')}.xml", annotation(*tags))
        put(folder, "SegmentationClass/a.png", b"a mask")
        put(folder, "ImageSets/Main/train.txt", b"a\nb\n")
        put(folder, "ImageSets/Main/val.txt", b"b\nc\n")

    def test_splits_come_from_the_lists_and_never_overlap(self, folder: str) -> None:
        self.lay_out(folder, self.images)
        splits = [file.split for file in open_source(folder).images()]
        assert splits == ["train", "train", "val"]

    def test_a_image_without_annotation_has_no_tags(self, folder: str) -> None:
        self.lay_out(folder, self.images)
        put(folder, "JPEGImages/d.jpg", b"d.jpg")
        assert by_name(open_source(folder)) == self.images | {"d.jpg": ()}

    def test_an_annotation_without_a_picture_is_a_problem(self, folder: str) -> None:
        self.lay_out(folder, self.images)
        put(folder, "Annotations/gone.xml", annotation("cat"))
        found = listed(open_source(folder))["JPEGImages/gone"]
        assert found.problem == "no such file, although Annotations/gone.xml describes it"
        assert found.tags == ("cat",)

    def test_class_lists_do_without_annotations(self, folder: str) -> None:
        for name in ("a.jpg", "b.jpg", "c.jpg"):
            put(folder, f"JPEGImages/{name}", name.encode())
        put(folder, "ImageSets/Main/traffic_light_train.txt", b"a  1\nb -1\n")
        put(folder, "ImageSets/Main/traffic_light_val.txt", b"c  0\n")
        put(folder, "ImageSets/Main/dog_train.txt", b"a  1\nb  1\n")
        put(folder, "ImageSets/Main/train.txt", b"a\nb\n")
        assert by_name(open_source(folder)) == {
            "a.jpg": ("dog", "traffic_light"),
            "b.jpg": ("dog",),
            "c.jpg": ("traffic_light",),
        }

    @pytest.mark.parametrize(
        "xml",
        [
            b"<annotation><object>",
            b"",
            b"<!DOCTYPE a [<!ENTITY e 'cat'>]><annotation><object><name>&e;</name></object>"
            b"</annotation>",
            b"<!DOCTYPE a [<!ENTITY e SYSTEM 'file:///etc/hostname'>]><annotation><object>"
            b"<name>&e;</name></object></annotation>",
            b"<?xml version='1.0' encoding='no-such'?><annotation/>",
        ],
        ids=["torn", "empty", "entity", "external entity", "encoding"],
    )
    def test_a_bad_annotation_is_a_problem_of_its_image(self, folder: str, xml: bytes) -> None:
        self.lay_out(folder, self.images)
        put(folder, "Annotations/a.xml", xml)
        found = listed(open_source(folder))
        assert "Annotations/a.xml is no plain XML" in (found["JPEGImages/a.jpg"].problem or "")
        assert found["JPEGImages/a.jpg"].tags == ()
        assert found["JPEGImages/b.jpg"].tags == ("dog", "person")

    def test_lists_that_are_wrong_say_where(self, folder: str) -> None:
        put(folder, "JPEGImages/a.jpg", b"a")
        put(folder, "ImageSets/Main/dog_train.txt", b"a yes\n")
        with pytest.raises(UserError, match=r"dog_train\.txt .* 'a yes'"):
            list(open_source(folder).images())

    def test_a_tree_without_tags_is_refused(self, folder: str) -> None:
        put(folder, "JPEGImages/a.jpg", b"a")
        put(folder, "ImageSets/Main/train.txt", b"a\n")
        with pytest.raises(UserError, match="names no object"):
            list(open_source(folder).images())


def test_the_list_of_tags_wins_over_the_tree(tmp_path: Path) -> None:
    TestVoc().lay_out(str(tmp_path), TestVoc.images)
    (tmp_path / "tags.csv").write_text("file,tags\na.jpg,horse\n")
    assert by_name(open_source(str(tmp_path))) == {"a.jpg": ("horse",)}
    assert by_name(open_source(str(tmp_path), "voc")) == TestVoc.images


def test_what_is_no_source_says_what_was_looked_for(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"looked for a tags\.csv .*; a VOC tree .*; folders"):
        open_source(str(tmp_path))
    with pytest.raises(UserError, match="looked for a VOC tree"):
        open_source(str(tmp_path), "voc")
    with pytest.raises(UserError, match="does not exist"):
        open_source(str(tmp_path / "gone"))
    (tmp_path / "file").touch()
    with pytest.raises(UserError, match="file holds no tagged images: looked for"):
        open_source(str(tmp_path / "file"))
    with pytest.raises(UserError, match="cannot reach the source nowhere://x"):
        open_source("nowhere://x")
    with pytest.raises(UserError, match=r"unknown kind of source 'tar': choose from tags\.csv"):
        open_source(str(tmp_path), "tar")


def test_kinds_are_named_as_they_are_listed() -> None:
    assert {name: source.kind for name, source in SOURCES.items()} == {k: k for k in SOURCES}
