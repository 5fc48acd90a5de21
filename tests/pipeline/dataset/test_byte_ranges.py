"""Ranges of files: the same bytes from any thread, process and storage."""

import os
import pickle
from concurrent.futures import ThreadPoolExecutor

import fsspec
import numpy as np
import pytest

from tag2mask.pipeline.dataset import byte_ranges as ranges
from tag2mask.pipeline.dataset.byte_ranges import Ranges
from tag2mask.pipeline.errors import UserError
from tag2mask.pipeline.tables.storage import Folder

NAMES = [f"part-{number}" for number in range(5)]
DATA = {name: np.random.default_rng(number).bytes(5000) for number, name in enumerate(NAMES)}


@pytest.fixture(params=["local", "memory"])
def uri(request, tmp_path):
    uri = str(tmp_path) if request.param == "local" else f"memory://{tmp_path.name}"
    storage, root = fsspec.core.url_to_fs(uri)
    for name, data in DATA.items():
        storage.pipe_file(f"{root}/{name}", data)
    yield uri
    fsspec.filesystem("memory").store.clear()


def test_threads_share_files_even_when_there_are_too_many(uri, monkeypatch):
    monkeypatch.setattr(ranges, "_OPEN_FILES", 2)
    source = Ranges(uri)
    random = np.random.default_rng(0)
    wanted = [
        (NAMES[random.integers(5)], int(start), int(start) + 300)
        for start in random.integers(0, 4700, 2000)
    ]
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(lambda piece: source.read(*piece), wanted))
    assert found == [DATA[name][start:stop] for name, start, stop in wanted]


def test_it_travels(uri):
    source = Ranges(uri)
    assert source.read("part-1", 10, 20) == DATA["part-1"][10:20]
    assert pickle.loads(pickle.dumps(source)).read("part-1", 10, 20) == DATA["part-1"][10:20]


def test_both_sides_of_a_fork_read(tmp_path):
    (tmp_path / "file").write_bytes(DATA["part-0"])
    source = Ranges(str(tmp_path))
    source.read("file", 0, 10)
    read, write = os.pipe()
    child = os.fork()
    if child == 0:
        found = all(source.read("file", n, n + 9) == DATA["part-0"][n : n + 9] for n in range(500))
        os.write(write, b"y" if found else b"n")
        os._exit(0)
    assert all(source.read("file", n, n + 9) == DATA["part-0"][n : n + 9] for n in range(500))
    assert os.read(read, 1) == b"y"
    os.waitpid(child, 0)


def test_missing_files_are_said(uri):
    with pytest.raises(UserError, match=r"absent is no longer in .*: its version was pruned"):
        Ranges(uri).read("absent", 0, 10)


def test_a_part_is_followed_to_the_older_versions(uri):
    source, folder = Ranges(uri), Folder(uri)
    folder.move("part-2", "versions/part-2")
    assert source.read("part-2", 10, 20) == DATA["part-2"][10:20]
