"""A damaged part is found, named, and made again; the sound ones are not made again."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import fsspec
import pytest

from tag2mask.pipeline.engine.base import StageSpec, build_table
from tag2mask.pipeline.engine.local import LocalEngine
from tag2mask.pipeline.errors import UserError
from tag2mask.pipeline.records import Row
from tag2mask.pipeline.tables.manifest import read_manifest
from tag2mask.pipeline.tables.scan import Scan
from tag2mask.pipeline.tables.storage import Folder
from tag2mask.pipeline.tables.table import Table
from tests.pipeline.engine import toys
from tests.pipeline.small_tables import expected_fingerprint, image_rows, images_table, writer

COUNT = 60
MASKS = {row["id"]: toys.mask_of(row["image"]["bytes"]) for row in image_rows(COUNT)}


def lose(folder: Folder, part: str) -> None:
    folder.remove([part])


def cut(folder: Folder, part: str) -> None:
    folder.write(part, folder.read(part)[:-100])


def flip(folder: Folder, part: str) -> None:
    data = bytearray(folder.read(part))
    data[len(data) // 3] ^= 1
    folder.write(part, bytes(data))


class Counting(toys.Reverse):
    """Counts the rows that it makes."""

    made: list[str]

    def __init__(self, made: list[str]) -> None:
        super().__init__()
        self.made = made

    def __call__(self, rows: list[Row]) -> list[Row]:
        self.made += [row["id"] for row in rows]
        return super().__call__(rows)


def run(root: str) -> list[str]:
    """Makes the table ``seed`` if it is not done; the ids that were made."""
    made: list[str] = []
    stages = [StageSpec(Counting, {"made": made})]
    images = Scan(Table.open(f"{root}/images"))
    build_table(LocalEngine(1), images, stages, writer(root, "seed"), lambda count: None)
    return made


@pytest.fixture(params=["local", "memory"])
def root(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    uri = str(tmp_path) if request.param == "local" else f"memory://{tmp_path.name}"
    images_table(uri, COUNT)
    run(uri)
    yield uri
    fsspec.filesystem("memory").store.clear()


@pytest.mark.parametrize(
    ("damage", "state"),
    [(lose, "is missing"), (cut, "is cut short"), (flip, "has changed since it was written")],
)
def test_what_is_damaged_is_made_again(
    root: str, damage: Callable[[Folder, str], None], state: str
) -> None:
    if damage is flip and root.startswith("memory"):
        pytest.skip("object stores check what they keep")
    folder = Folder(f"{root}/seed")
    part = Table.open(folder.uri).manifest.parts[1]
    lost = list(Table.open(folder.uri).rows(["id"], shards=[part.shard]))
    damage(folder, part.path)
    with pytest.raises(UserError, match=f"{part.path} {state}; run the command again"):
        Table.open(folder.uri).verify()

    assert writer(root, "seed").salvage() == {part.path: state}
    assert not Table.exists(folder.uri, "key-of-seed")
    assert sorted(run(root)) == sorted(row["id"] for row in lost)
    table = Table.open(folder.uri)
    table.verify()
    assert sorted(table.ids()) == sorted(MASKS)
    assert table.fingerprint == expected_fingerprint(MASKS)
    assert writer(root, "seed").salvage() == {}


def test_a_kill_while_a_table_is_taken_apart(root: str, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = Folder(f"{root}/seed")
    for part in read_manifest(folder).parts[:2]:
        lose(folder, part.path)

    class KilledError(BaseException):
        pass

    def killed(self: Folder, names: object) -> None:
        raise KilledError

    with monkeypatch.context() as patch:
        patch.setattr(Folder, "remove", killed)
        with pytest.raises(KilledError):
            writer(root, "seed").salvage()
    assert len(writer(root, "seed").salvage()) == 2
    run(root)
    assert sorted(Table.open(folder.uri).ids()) == sorted(MASKS)
    assert Table.open(folder.uri).fingerprint == expected_fingerprint(MASKS)


def test_a_table_of_another_key_is_left_alone(root: str) -> None:
    folder = Folder(f"{root}/seed")
    lose(folder, read_manifest(folder).parts[0].path)
    assert writer(root, "seed", key="another").salvage() == {}
    assert writer(root, "nowhere").salvage() == {}


def test_bytes_that_changed_are_found_where_they_are_read(tmp_path: Path) -> None:
    images = images_table(tmp_path, COUNT)
    flip(Folder(images.uri), images.manifest.parts[0].path)
    unit = Scan(images).units()[0]
    with pytest.raises(UserError, match=rf"{images.manifest.parts[0].path} is damaged \(.*remove"):
        unit.read()
