"""Files of object stores: the bytes of a file, asked for piece by piece."""

from __future__ import annotations

import os

import numpy as np

from tag2mask.pipeline.tables.remote_file import open_remote

DATA = np.random.default_rng(0).bytes(3_000_000)


def test_it_reads_what_the_file_holds() -> None:
    asked: list[tuple[int, int]] = []

    def fetch(start: int, end: int) -> bytes:
        asked.append((start, end))
        return DATA[start:end]

    with open_remote(fetch, len(DATA)) as file:
        assert file.seek(0, os.SEEK_END) == len(DATA)
        assert asked == []
        file.seek(-8, os.SEEK_END)
        assert file.read() == DATA[-8:]
        file.seek(100)
        assert file.read(50) == DATA[100:150]
        assert file.read(50) == DATA[150:200]
        assert len(asked) == 2, "what lies near comes with the first request"
        file.seek(10)
        assert file.read(2_500_000) == DATA[10:2_500_010]
        file.seek(0)
        assert file.read() == DATA
        file.seek(len(DATA) + 5)
        assert file.read(3) == b""
    assert all(end <= len(DATA) for _, end in asked)


def test_a_small_read_does_not_fetch_the_file() -> None:
    fetched: list[int] = []

    def fetch(start: int, end: int) -> bytes:
        fetched.append(end - start)
        return bytes(end - start)

    with open_remote(fetch, 10**9) as file:
        file.seek(5 * 10**8)
        file.read(10)
    assert sum(fetched) <= 2**20
