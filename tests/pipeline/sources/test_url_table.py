"""A table of URLs is a source like any other, with a web server behind it."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tag2mask.pipeline.errors import UserError
from tag2mask.pipeline.ingestion.ingest import ingest
from tag2mask.pipeline.sources import (
    Downloads,
    DownloadSettings,
    Source,
    UnreadableError,
    open_source,
)
from tests.pipeline.ingestion.test_ingest import jpeg
from tests.pipeline.sources.base_source import SourceTests, Tagged, listed, put
from tests.pipeline.sources.server import Web, serving

SETTINGS = DownloadSettings(hosts=("127.0.0.1",), retries=1, timeout=60, readers=4)


@pytest.fixture(scope="module")
def web() -> Iterator[Web]:
    with serving() as web:
        yield web


class TestUrlTable(SourceTests):
    kind = "urls"

    @pytest.fixture(autouse=True)
    def _web(self, web: Web) -> None:
        self.web = web

    def holder(self, path: str) -> str:
        return "urls.csv"

    def open(self, folder: str, kind: str | None = None) -> Source:
        return open_source(folder, kind, Downloads(SETTINGS))

    def lay_out(self, folder: str, images: Tagged) -> None:
        lines = ["url,tags,split"]
        for name, tags in images.items():
            self.web.pages[f"/{name}"] = name.encode()
            lines.append(f"{self.web.url}/{name}?size=1,{'|'.join(tags)},train")
            self.web.pages[f"/{name}?size=1"] = name.encode()
        put(folder, "urls.csv", "\n".join(lines).encode())

    def test_what_is_no_url_is_a_problem(self, folder: str) -> None:
        put(folder, "urls.csv", b"url,tags\n/etc/hostname,cat\n../x.jpg,cat\n")
        for file in self.open(folder).images():
            assert "no URL" in (file.problem or "")

    def test_any_csv_by_its_name(self, tmp_path: Path) -> None:
        self.lay_out(str(tmp_path), self.images)
        (tmp_path / "urls.csv").rename(tmp_path / "mine.csv")
        assert len(listed(self.open(str(tmp_path / "mine.csv")))) == 3

    @pytest.mark.parametrize(
        ("text", "sentence"),
        [
            ("link,tags\n", "no column 'url', only link, tags"),
            ("url,tags\n,cat\n", "line 2 .* names no url"),
            ("url,tags\nhttp://a/b,cat,dog\n", "line 2 .* put | between tags"),
        ],
    )
    def test_a_table_at_fault_is_one_sentence(self, folder: str, text: str, sentence: str) -> None:
        put(folder, "urls.csv", text.encode())
        with pytest.raises(UserError, match=sentence):
            list(self.open(folder).images())

    def test_nothing_on_this_machine_is_read_unless_allowed(self, tmp_path: Path) -> None:
        (tmp_path / "secret.jpg").write_bytes(b"secret")
        rows = [f"file://{tmp_path}/secret.jpg,cat", f"{self.web.url}/a.jpg,cat"]
        put(str(tmp_path), "urls.csv", "\n".join(["url,tags", *rows]).encode())
        source = open_source(str(tmp_path))
        for file in source.images():
            with pytest.raises(UnreadableError, match=r"not http|private network"):
                source.read(file.address)


def test_rows_from_urls(web: Web, tmp_path: Path) -> None:
    web.pages |= {f"/{n}.jpg": jpeg(n) for n in range(12)}
    urls = [f"{web.url}/busy/{n}.jpg" for n in range(12)] + [f"{web.url}/status/404"]
    table = pa.table({"url": urls, "tags": [["cat"]] * 13})
    pq.write_table(table, tmp_path / "urls.parquet")
    text = "url,tags\n" + "".join(f"{url},cat\n" for url in urls)
    put(str(tmp_path / "list"), "urls.csv", text.encode())
    by_place = {}
    for place in ("urls.parquet", "list"):
        web.asked.clear()
        downloads = Downloads(SETTINGS, str(tmp_path / f"cache-{place}"))
        found = ingest(open_source(str(tmp_path / place), downloads=downloads))
        assert (found.counts.kept, found.counts.errors) == (12, 1)
        by_place[place] = [row["image"] and row["image"]["bytes"] for row in found.rows()]
        assert set(web.asked.values()) == {1}  # the second pass reads the cache
    assert set(by_place["list"]) == set(by_place["urls.parquet"]) == {None, *map(jpeg, range(12))}
    assert 1 < web.most_at_once <= SETTINGS.readers
    assert threading.active_count() < 20
