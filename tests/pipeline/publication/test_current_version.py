"""The obvious pattern of files, ``data/*.parquet``, finds the current version alone."""

from pathlib import Path

import datasets
import duckdb
import pyarrow.parquet as pq
import pytest

from tag2mask.pipeline.dataset import MaskDataset
from tag2mask.pipeline.publication.verify import verify
from tag2mask.pipeline.tables.storage import Folder
from tag2mask.pipeline.tables.table import Table
from tag2mask.pipeline.tables.versions import prune
from tests.pipeline.published import publish_toys

COUNT = 9
# Any setting of the published files makes another version of the same masks.
LICENSES = ("cc0-1.0", "cc-by-4.0", "mit")


class Killed(BaseException):
    """The process is gone."""


def check_current(dataset: Table, cache: Path) -> None:
    """Every reader finds each image once, and verify finds nothing."""
    glob, expected = f"{dataset.uri}/data/*.parquet", sorted(dataset.ids())
    with duckdb.connect() as database:
        found = database.sql(f"SELECT id FROM '{glob}'").fetchall()
    assert sorted(row_id for (row_id,) in found) == expected
    assert sorted(pq.read_table(f"{dataset.uri}/data")["id"].to_pylist()) == expected
    by_pattern = datasets.load_dataset(
        "parquet", data_files=glob, split="train", cache_dir=str(cache / "pattern")
    )
    by_card = datasets.load_dataset(dataset.uri, split="train", cache_dir=str(cache / "card"))
    assert sorted(by_pattern["id"]) == sorted(by_card["id"]) == expected
    assert list(verify(dataset.uri)) == []


def test_readers_find_each_image_once(tmp_path):
    first = publish_toys(tmp_path / "run", COUNT)
    reader = MaskDataset(first.uri)
    masks = {sample["id"]: sample["mask"] for sample in reader}
    for number, license_name in enumerate(LICENSES, start=2):
        current = publish_toys(tmp_path / "run", COUNT, f"publish.license={license_name}")
        assert current.manifest.revision == number
        check_current(current, tmp_path / f"cache{number}")
    # A reader that has the first version open still reads it.
    assert all((sample["mask"] == masks[sample["id"]]).all() for sample in reader)
    assert prune(first.uri, 2) == [1, 2]
    check_current(Table.open(first.uri), tmp_path / "pruned")
    assert len(Table.open(first.uri, revision=3).ids()) == COUNT


@pytest.mark.parametrize("after", [False, True])
def test_a_kill_at_the_exchange_leaves_a_version_and_its_card(tmp_path, monkeypatch, after):
    publish_toys(tmp_path / "run", COUNT)
    replace = Folder.replace

    def killed(self: Folder, target: Folder) -> None:
        if target.uri.endswith("/dataset"):
            if after:
                replace(self, target)
            raise Killed
        replace(self, target)

    with monkeypatch.context() as patch:
        patch.setattr(Folder, "replace", killed)
        with pytest.raises(Killed):
            publish_toys(tmp_path / "run", COUNT, "publish.license=mit")
    left = Table.open(f"{tmp_path}/run/dataset")
    assert left.manifest.revision == (2 if after else 1)
    check_current(left, tmp_path / "left")
    again = publish_toys(tmp_path / "run", COUNT, "publish.license=mit")
    assert again.manifest.revision == 2
    check_current(again, tmp_path / "again")


def test_a_card_that_was_removed_is_written_again(tmp_path):
    dataset = publish_toys(tmp_path / "run", COUNT)
    card = Path(dataset.uri, "README.md")
    written = card.read_bytes()
    card.unlink()
    publish_toys(tmp_path / "run", COUNT)
    assert card.read_bytes() == written
