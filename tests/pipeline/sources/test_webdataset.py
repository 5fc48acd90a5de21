"""Webdataset shards: samples by key, images by their place, nothing unpacked or followed."""

from __future__ import annotations

import gzip
import io
import json
import tarfile
from pathlib import Path

import pytest

from tag2mask.pipeline.ingestion.ingest import ingest
from tag2mask.pipeline.sources import UnreadableError, open_source
from tests.pipeline.ingestion.test_ingest import jpeg
from tests.pipeline.sources.base_source import TableSourceTests, Tagged, by_name, listed, put

Members = list[tuple[str, bytes]]


def shard(members: Members) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        for name, data in members:
            info = tarfile.TarInfo(name)
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
    return buffer.getvalue()


class TestWebdataset(TableSourceTests):
    kind = "webdataset"

    def holder(self, path: str) -> str:
        return "train-000.tar"

    def lay_out(self, folder: str, images: Tagged) -> None:
        members: Members = []
        for name, tags in images.items():
            key = name.removesuffix(".jpg")
            members += [(f"{key}.json", json.dumps({"tags": tags}).encode())]
            members += [(name, name.encode()), (f"{key}.seg.png", b"a mask")]
        put(folder, "train-000.tar", shard(members))

    def test_lists_what_webdataset_lists(self, tmp_path: Path) -> None:
        self.lay_out(str(tmp_path), self.images)
        webdataset = pytest.importorskip("webdataset")
        samples = webdataset.WebDataset(str(tmp_path / "train-000.tar"), shardshuffle=False)
        expected = {
            f"{sample['__key__']}.jpg": tuple(json.loads(sample["json"])["tags"])
            for sample in samples
        }
        assert by_name(open_source(str(tmp_path))) == expected

    def test_a_single_shard_is_a_source(self, tmp_path: Path) -> None:
        self.lay_out(str(tmp_path), self.images)
        (tmp_path / "tags.csv").write_text("file,tags\n")
        source = open_source(str(tmp_path / "train-000.tar"))
        assert by_name(source) == self.images
        assert {file.split for file in source.images()} == {"train"}

    def test_tags_in_all_spellings(self, folder: str) -> None:
        members = [
            ("a.jpg", b"a"),
            ("a.txt", b"cat| sea lion\ndog \n"),
            ("dir.v1/b.jpg", b"b"),
            ("dir.v1/b.cls", b"1\n"),
            ("c.cls", b"0"),
            ("c.json", b'["cat"]'),
            ("c.jpg", b"c"),
            ("c.png", b"a mask"),
            ("d.JPG", b"d"),
            ("d.json", b'{"tags": "cat|dog", "caption": "x"}'),
            ("only.json", b"{}"),
            ("e.png", b"e"),
        ]
        put(folder, "s.tar", shard(members))
        put(folder, "classes.txt", "käse\nfish\n".encode())
        assert {path: file.tags for path, file in listed(open_source(folder)).items()} == {
            "s.tar/a.jpg": ("cat", "sea lion", "dog"),
            "s.tar/dir.v1/b.jpg": ("fish",),
            "s.tar/c.jpg": ("cat", "käse"),
            "s.tar/d.JPG": ("cat", "dog"),
            "s.tar/e.png": (),
        }

    @pytest.mark.parametrize(
        ("name", "data"),
        [("a.json", b"{"), ("a.json", b'{"tags": [1]}'), ("a.txt", b"\xff\xfe"), ("a.cls", b"7")],
    )
    def test_tags_that_cannot_be_read_are_a_problem(
        self, folder: str, name: str, data: bytes
    ) -> None:
        put(folder, "s.tar", shard([("a.jpg", b"a"), (name, data)]))
        put(folder, "classes.txt", b"cat\n")
        [file] = open_source(folder).images()
        assert f"its tags {name} cannot be read" in (file.problem or "")

    def test_links_and_names_that_leave_are_problems(self, tmp_path: Path) -> None:
        secret = tmp_path / "secret.jpg"
        secret.write_bytes(b"secret")
        (tmp_path / "source").mkdir()
        with tarfile.open(tmp_path / "source" / "s.tar", "w") as archive:
            for kind in (tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.FIFOTYPE):
                info = tarfile.TarInfo(f"{kind.decode()}.jpg")
                info.type, info.linkname = kind, str(secret)
                archive.addfile(info)
            for name in ("../up.jpg", "/root.jpg", "a/../../b.jpg"):
                archive.addfile(tarfile.TarInfo(name))
        files = list(open_source(str(tmp_path / "source")).images())
        assert [bool(file.problem) for file in files] == [True] * 6

    def test_a_cut_archive_keeps_what_is_whole_and_says_so(self, folder: str) -> None:
        data = shard([("a.jpg", b"a" * 600), ("b.jpg", b"b" * 5000)])
        put(folder, "cut.tar", data[:3000])
        put(folder, "no.tar", b"<html>404</html>")
        found = listed(open_source(folder))
        assert "cannot be read to its end" in (found["cut.tar"].problem or "")
        assert "cannot be read to its end" in (found["no.tar"].problem or "")
        source = open_source(folder)
        assert source.read(found["cut.tar/a.jpg"].address) == b"a" * 600
        with pytest.raises(UnreadableError, match="cut short"):
            source.read("cut.tar:2048:5000")

    @pytest.mark.parametrize(
        "names",
        [
            ("a.jpg", "b.jpg", "c.jpg", "a.json", "b.json", "c.json"),
            ("a.json", "b.jpg", "a.jpg", "c.json", "c.jpg", "b.json"),
        ],
        ids=["images first", "partly unsorted"],
    )
    def test_members_in_any_order(self, folder: str, names: tuple[str, ...]) -> None:
        data = {
            f"{stem}.{suffix}": b"x" if suffix == "jpg" else json.dumps([f"tag {stem}"]).encode()
            for stem in "abc"
            for suffix in ("jpg", "json")
        }
        put(folder, "s.tar", shard([(name, data[name]) for name in names]))
        expected = {f"s.tar/{stem}.jpg": (f"tag {stem}",) for stem in "abc"}
        assert {path: file.tags for path, file in listed(open_source(folder)).items()} == expected

    def test_keys_with_dots_are_samples(self, folder: str) -> None:
        members = [
            ("img.v2.jpg", b"2"),
            ("img.v2.json", b'["cat"]'),
            ("img.v3.json", b'["dog"]'),
            ("img.v3.jpg", b"3"),
            ("img.jpg", b"1"),
            ("img.json", b'["fox"]'),
            ("img.seg.png", b"a mask"),
            ("lone.v1.jpg", b"l"),
        ]
        put(folder, "s.tar", shard(members))
        assert {path: file.tags for path, file in listed(open_source(folder)).items()} == {
            "s.tar/img.v2.jpg": ("cat",),
            "s.tar/img.v3.jpg": ("dog",),
            "s.tar/img.jpg": ("fox",),
            "s.tar/lone.v1.jpg": (),
        }

    def test_a_key_that_comes_again_is_another_sample(self, folder: str) -> None:
        members = [("a.jpg", b"1"), ("a.txt", b"cat"), ("a.jpg", b"2"), ("a.txt", b"dog")]
        put(folder, "s.tar", shard(members))
        assert [file.tags for file in open_source(folder).images()] == [("cat",), ("dog",)]

    def test_tags_without_an_image_are_a_problem(self, folder: str) -> None:
        members = [("a.heic", b"x"), ("a.json", b'["cat"]'), ("b.json", b"{}")]
        put(folder, "s.tar", shard(members))
        [file] = open_source(folder).images()
        assert file.path == "s.tar/a"
        assert "no image beside its tags, only a.heic" in (file.problem or "")

    @pytest.mark.parametrize("name", ["train-000.tar", "val-000.tar"])
    # Named, because pytest makes names from bytes, and gzip's hold the time.
    @pytest.mark.parametrize(
        "data", [b"", shard([]), gzip.compress(b"x" * 2000)], ids=["empty", "no-member", "gzip"]
    )
    def test_an_archive_without_samples_is_a_problem_of_its_split(
        self, folder: str, name: str, data: bytes
    ) -> None:
        put(folder, name, data)
        [file] = open_source(folder).images()
        assert (file.path, file.split) == (name, name.partition("-")[0])
        assert file.problem

    def test_rows_from_archives(self, tmp_path: Path) -> None:
        members = [(f"{n}.jpg", jpeg(n)) for n in range(3)]
        members += [("again.jpg", jpeg(0)), ("again.txt", b"dog")]
        tagged = [m for n in range(3) for m in (members[n], (f"{n}.txt", b"cat"))]
        (tmp_path / "s.tar").write_bytes(shard([*tagged, *members[3:]]))
        found = ingest(open_source(str(tmp_path)))
        rows = {row["image"]["path"]: row for row in found.rows()}
        assert set(rows) == {"s.tar/0.jpg", "s.tar/1.jpg", "s.tar/2.jpg"}
        assert rows["s.tar/0.jpg"]["tags"] == [1, 2]
        assert rows["s.tar/2.jpg"]["image"]["bytes"] == jpeg(2)
        assert found.counts.duplicates == 1
