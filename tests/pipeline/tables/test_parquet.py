"""Parquet files are read by the thread that asks for them."""

import io
import threading

from tag2mask.pipeline.tables.parquet import parquet_file, read_group
from tests.pipeline.small_tables import images_table


class Reported(io.BytesIO):
    """Records the threads that read it."""

    def __init__(self, data: bytes) -> None:
        super().__init__(data)
        self.readers: set[int] = set()

    def read(self, size: int | None = -1) -> bytes:
        self.readers.add(threading.get_ident())
        return super().read(size)


def test_no_thread_of_arrow_s_holds_what_python_owns(tmp_path):
    images = images_table(tmp_path, 200)
    part = tmp_path / "images" / images.part_names(0)[0]
    file = Reported(part.read_bytes())
    with parquet_file(file) as parquet:
        rows = sum(read_group(parquet, g).num_rows for g in range(parquet.num_row_groups))
        assert rows == parquet.metadata.num_rows > 1
    assert file.readers == {threading.get_ident()}
