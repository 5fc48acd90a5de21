"""Uploads to a Hub on this machine, through huggingface_hub's own client."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import datasets
import fsspec
import pytest

from tag2mask.pipeline.errors import UserError
from tag2mask.pipeline.publication.push_to_hub import push_to_hub
from tag2mask.pipeline.tables.table import Table
from tests.pipeline.publication.hub_server import Hub, running_hub
from tests.pipeline.published import publish_toys


@pytest.fixture(scope="module")
def table(tmp_path_factory: pytest.TempPathFactory) -> Table:
    return publish_toys(tmp_path_factory.mktemp("run"), 6, shards=2)


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch) -> Iterator[Hub]:
    monkeypatch.setenv("HF_TOKEN", "hf_of_a_test")
    with running_hub() as running:
        yield running


def published_files(table: Table) -> dict[str, bytes]:
    names = ["README.md", "croissant.json", "manifest.json"]
    names += [part.path for part in table.manifest.parts]
    return {name: (Path(table.uri) / name).read_bytes() for name in names}


def test_the_dataset_arrives_and_can_be_loaded(hub: Hub, table: Table, tmp_path: Path) -> None:
    done = push_to_hub(table.uri, "user/masks", private=True, endpoint=hub.endpoint)
    expected = published_files(table)
    assert hub.private == {"user/masks"}
    found = hub.repositories["user/masks"]
    assert {path: data for path, data in found.items() if path in expected} == expected
    assert done.files == {path: len(data) for path, data in expected.items()}
    assert done.commit is not None
    assert done.commit in str(done)
    for path, data in found.items():
        (tmp_path / "copy" / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "copy" / path).write_bytes(data)
    loaded = datasets.load_dataset(
        str(tmp_path / "copy"), split="train", cache_dir=str(tmp_path / "cache")
    )
    assert len(loaded) == len(table)
    assert loaded[0]["mask"].mode == "P"


def test_parts_of_earlier_versions_are_deleted(hub: Hub, table: Table) -> None:
    hub.repositories["user/masks"] = {
        "data/train-00000-of-00001-old.parquet": b"old",
        "notes.md": b"mine",
    }
    done = push_to_hub(table.uri, "user/masks", endpoint=hub.endpoint)
    assert done.deleted == ("data/train-00000-of-00001-old.parquet",)
    assert "1 files of earlier versions deleted" in str(done)
    assert {*hub.repositories["user/masks"]} == {*published_files(table), "notes.md"}
    assert hub.commits == 1


def test_a_dataset_on_an_object_store(hub: Hub, table: Table) -> None:
    store = fsspec.filesystem("memory")
    store.put(table.uri, "/bucket/dataset", recursive=True)
    push_to_hub("memory://bucket/dataset", "user/masks", endpoint=hub.endpoint)
    expected = published_files(table)
    found = hub.repositories["user/masks"]
    assert {path: data for path, data in found.items() if path in expected} == expected


def test_a_dry_run_opens_no_connection(table: Table) -> None:
    done = push_to_hub(table.uri, "user/masks", dry_run=True, endpoint="http://127.0.0.1:1")
    assert done.files == {path: len(data) for path, data in published_files(table).items()}
    assert str(done).startswith(f"dry run: {len(done.files)} files")


def test_what_cannot_be_is_one_sentence(hub: Hub, table: Table, tmp_path: Path) -> None:
    for repo, sentence in (
        ("masks", "named user/name"),
        ("forbidden/masks", "refused the dataset"),
    ):
        with pytest.raises(UserError, match=sentence):
            push_to_hub(table.uri, repo, endpoint=hub.endpoint)
    assert not hub.repositories
    with pytest.raises(UserError, match="refused the dataset"):
        push_to_hub(table.uri, "user/masks", endpoint="http://127.0.0.1:1")
    shutil.copytree(table.uri, tmp_path / "dataset")
    (tmp_path / "dataset/README.md").unlink()
    with pytest.raises(UserError, match=r"no README.md"):
        push_to_hub(str(tmp_path / "dataset"), "user/masks", endpoint=hub.endpoint)
