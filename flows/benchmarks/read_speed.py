"""Reading speed of a dataset, against a folder of files and against Hugging Face's library."""

from __future__ import annotations

import importlib.util
import os
import statistics
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, NamedTuple

from torch.utils.data import DataLoader, Dataset

from tag2mask.pipeline.dataset import MaskDataset, MaskLoader, MaskStream
from tag2mask.pipeline.dataset.sample import Pair, decode_pair
from tag2mask.pipeline.errors import UserError
from tag2mask.pipeline.tables.storage import Folder
from tag2mask.pipeline.tables.table import Table
from tag2mask.pipeline.text_tables import markdown_table

BATCH = 16
REPEATS = 5

# Yields the number of images of each batch. The images themselves stay with the worker
# that decoded them: handing over tensors costs more than reading them, the same for all.
Read = Callable[[], Iterable[int]]


class FolderPairs(Dataset[Pair]):
    """The usual layout: a JPEG and a PNG file for each image.

    Args:
        folder: A folder with ``JPEGImages/`` and ``SegmentationClass/``.
    """

    def __init__(self, folder: Path) -> None:
        self.images = sorted((folder / "JPEGImages").iterdir())
        self.masks = [folder / "SegmentationClass" / f"{path.stem}.png" for path in self.images]

    def __len__(self) -> int:
        """The number of images."""
        return len(self.images)

    def __getitem__(self, index: int) -> Pair:
        """An image and its mask, decoded as the dataset decodes them."""
        return decode_pair(self.images[index].read_bytes(), self.masks[index].read_bytes())


class Rate(NamedTuple):
    """Images and masks per second, decoded, of one reader.

    Attributes:
        reader: Its name.
        order: ``shuffled`` or ``streamed``.
        disk: Median rate when no file is in the system's memory.
        memory: Median rate when all files are.
    """

    reader: str
    order: str
    disk: float
    memory: float


def reading(data: str, out: str, workers: int = 2) -> str:
    """Measures the readers in turn, several times, so that the machine's load is alike for all.

    Args:
        data: A published dataset on a local disk.
        out: Folder for the files and the cache of ``datasets``.
        workers: Processes that read, the same number for every reader.

    Returns:
        A Markdown table.

    Raises:
        UserError: If the dataset is not on a local disk.
    """
    table, folder = Table.open(data), Folder(data)
    if not folder.local:
        raise UserError(f"{data} is not on a local disk: copy it there, folders are read there")
    work = Path(out).resolve()
    files = write_files(table, work / "files")
    parts = [Path(folder.uri) / part.path for part in table.manifest.parts]
    readers = {**_folder(work / "files", workers), **_own(data, workers)}
    sources = {name: files if name[0] == "folder" else parts for name in readers}
    if importlib.util.find_spec("datasets"):
        known, cached = _hugging_face(folder.uri, work / "cache", workers)
        readers |= known
        sources |= {name: cached if name[1] == "shuffled" else parts for name in known}
    rates = measure(readers, sources, len(table))
    return rates_markdown(rates, len(table), workers)


def write_files(table: Table, folder: Path) -> list[Path]:
    """The dataset as plain files, the bytes of images and masks unchanged."""
    written = []
    for name in ("JPEGImages", "SegmentationClass"):
        (folder / name).mkdir(parents=True, exist_ok=True)
    for row in table.rows(["id", "image", "mask"]):
        image = folder / "JPEGImages" / f"{row['id']}.jpg"
        mask = folder / "SegmentationClass" / f"{row['id']}.png"
        image.write_bytes(row["image"]["bytes"])
        mask.write_bytes(row["mask"]["bytes"])
        written += [image, mask]
    return written


def measure(
    readers: dict[tuple[str, str], Read],
    sources: dict[tuple[str, str], list[Path]],
    rows: int,
) -> list[Rate]:
    """Runs every reader over the whole dataset several times, from the disk and from memory.

    Args:
        readers: The readers by name and order.
        sources: The files that each reads, which are removed from the system's page cache.
        rows: Number of rows of the dataset, which every reader must yield.

    Returns:
        The medians.

    Raises:
        ValueError: If a reader misses rows.
    """
    seconds: dict[tuple[str, str], tuple[list[float], list[float]]] = {}
    for _ in range(REPEATS):
        for name, read in readers.items():
            disk, memory = seconds.setdefault(name, ([], []))
            forget(sources[name])
            for found in (disk, memory):
                started = time.perf_counter()
                seen = sum(read())
                found.append(time.perf_counter() - started)
                if seen != rows:
                    raise ValueError(f"the reader {' '.join(name)} found {seen} of {rows} rows")
    return [
        Rate(*name, *(rows / statistics.median(found) for found in both))
        for name, both in seconds.items()
    ]


def forget(files: Iterable[Path]) -> None:
    """Takes files out of the system's page cache, so that they are read from the disk."""
    for file in files:
        descriptor = os.open(file, os.O_RDONLY)
        try:
            os.fsync(descriptor)  # pages that are not written yet cannot be dropped
            os.posix_fadvise(descriptor, 0, 0, os.POSIX_FADV_DONTNEED)
        finally:
            os.close(descriptor)


def rates_markdown(rates: Iterable[Rate], rows: int, workers: int) -> str:
    """The rates as a table, with the ratio to the folder of the same order."""
    rates = list(rates)
    folder = {rate.order: rate for rate in rates if rate.reader == "folder"}
    title = (
        f"{rows:,} images and masks, {workers} workers, images per second "
        "(× the folder in the same order)"
    )
    lines = []
    for order, base in folder.items():
        for rate in rates:
            if rate.order == order:
                disk = f"{rate.disk:,.0f} ({rate.disk / base.disk:.2f} ×)"
                memory = f"{rate.memory:,.0f} ({rate.memory / base.memory:.2f} ×)"
                lines.append((order, rate.reader, disk, memory))
    headings = ("order", "reader", "from the disk", "from memory")
    return f"{title}\n\n{markdown_table(headings, lines, 'llrr')}"


def _batches(pairs: Any, workers: int, shuffle: bool | None) -> DataLoader[Any]:  # noqa: ANN401
    return DataLoader(pairs, BATCH, shuffle=shuffle, num_workers=workers, collate_fn=len)


def _folder(files: Path, workers: int) -> dict[tuple[str, str], Read]:
    pairs = FolderPairs(files)
    return {
        ("folder", "shuffled"): lambda: _batches(pairs, workers, True),
        ("folder", "streamed"): lambda: _batches(pairs, workers, False),
    }


def _own(data: str, workers: int) -> dict[tuple[str, str], Read]:
    pairs = MaskDataset(data)
    streams = {shuffle: MaskStream(data, shuffle=shuffle, batch=BATCH) for shuffle in (True, False)}
    return {
        ("MaskDataset", "shuffled"): lambda: _batches(pairs, workers, True),
        ("MaskStream", "shuffled"): lambda: MaskLoader(streams[True], workers, len),
        ("MaskStream", "streamed"): lambda: MaskLoader(streams[False], workers, len),
    }


def _hugging_face(
    data: str, cache: Path, workers: int
) -> tuple[dict[tuple[str, str], Read], list[Path]]:
    """The readers of ``datasets``, and the files of its cache, which it reads when shuffled."""
    import datasets

    columns = ["image", "mask"]
    loaded = datasets.load_dataset(data, split="train", cache_dir=str(cache))
    pairs = loaded.select_columns(columns).with_format("torch")
    stream = datasets.load_dataset(data, split="train", streaming=True)
    stream = stream.select_columns(columns).with_format("torch")
    readers: dict[tuple[str, str], Read] = {
        ("datasets", "shuffled"): lambda: _batches(pairs, workers, True),
        ("datasets", "streamed"): lambda: _batches(stream, workers, None),
    }
    return readers, [Path(file["filename"]) for file in loaded.cache_files]
