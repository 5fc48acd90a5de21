"""Downloads meet a real server: slow, endless, cut, failing, and redirecting where it may not."""

from __future__ import annotations

import pickle
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tag2mask.pipeline.sources import Downloads, DownloadSettings, UnreadableError
from tag2mask.pipeline.sources.addresses import is_public
from tests.pipeline.sources.server import Web, serving


@pytest.fixture
def web() -> Iterator[Web]:
    with serving() as web:
        web.pages = {"/a.jpg": b"an image", "/big.jpg": b"x" * 5000}
        yield web


def downloads(cache: Path | None = None, **settings: Any) -> Downloads:
    allowed: dict[str, Any] = {"hosts": ("127.0.0.1",), "seconds": 60.0, "wait": 0.01, "tries": 2}
    return Downloads(DownloadSettings(**{**allowed, **settings}), str(cache) if cache else None)


def test_reads_and_follows_redirects(web: Web) -> None:
    web.redirects = {"/1": "/2", "/2": f"{web.url}/a.jpg"}
    assert downloads().read(f"{web.url}/a.jpg") == b"an image"
    assert downloads().read(f"{web.url}/1") == b"an image"


@pytest.mark.parametrize(
    ("path", "settings", "cause", "asked"),
    [
        ("/gone.jpg", {}, "the server answers 404", 1),
        ("/status/403", {}, "the server answers 403", 1),
        ("/status/503", {}, "the server answers 503 .*, tried 2 times", 2),
        ("/status/204", {}, "the server answers 204", 1),
        ("/endless", {"max_bytes": 200_000}, "larger than 200000 bytes", 1),
        ("/big.jpg", {"max_bytes": 4999}, "larger than 4999 bytes", 1),
        ("/cut", {}, "the answer was cut short, tried 2 times", 2),
        ("/loop", {}, "more than 5 redirects", 6),
    ],
)
def test_what_goes_wrong_says_why(
    web: Web, path: str, settings: dict[str, Any], cause: str, asked: int
) -> None:
    web.redirects = {"/loop": "/loop"}
    with pytest.raises(UnreadableError, match=cause):
        downloads(**settings).read(f"{web.url}{path}")
    assert web.asked[path] == asked


@pytest.mark.parametrize("path", ["/silent", "/drip"])
def test_an_answer_that_takes_too_long_is_left(web: Web, path: str) -> None:
    # Not what the server counts: a busy machine may use up the limit before it has been asked.
    with pytest.raises(UnreadableError, match=r"no whole answer within 0\.15 s, tried 2 times"):
        downloads(seconds=0.15).read(f"{web.url}{path}")


def test_a_server_that_fails_once_is_asked_again(web: Web) -> None:
    assert downloads().read(f"{web.url}/flaky/a.jpg") == b"an image"
    assert web.asked["/flaky/a.jpg"] == 2


def test_waits_grow(web: Web, monkeypatch: pytest.MonkeyPatch) -> None:
    waits: list[float] = []
    monkeypatch.setattr("tag2mask.pipeline.sources.downloads.time.sleep", waits.append)
    with pytest.raises(UnreadableError, match="tried 4 times"):
        downloads(tries=4, wait=0.5).read(f"{web.url}/status/500")
    assert waits == [0.5, 1.0, 2.0]


def test_nobody_listens() -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with pytest.raises(UnreadableError, match=r"no answer .*, tried 2 times"):
        downloads().read(f"http://127.0.0.1:{port}/a.jpg")


@pytest.mark.parametrize(
    "target",
    [
        "http://localhost:{port}/a.jpg",  # the same machine by another name
        "http://127.1:{port}/a.jpg",
        "http://2130706433:{port}/a.jpg",
        "http://0x7f000001:{port}/a.jpg",
        "http://[::1]:{port}/a.jpg",
        "http://[::ffff:127.0.0.1]:{port}/a.jpg",
        "http://0.0.0.0:{port}/a.jpg",
        "http://10.0.0.1/a.jpg",
        "http://172.16.0.1/a.jpg",
        "http://192.168.1.1/a.jpg",
        "http://169.254.169.254/latest/meta-data/",
        "http://[fd00::1]/a.jpg",
        "http://[fe80::1]/a.jpg",
        "http://user@10.0.0.1/a.jpg",
    ],
)
def test_private_networks_are_not_asked_even_by_a_redirect(web: Web, target: str) -> None:
    url = target.format(port=web.server_port)
    web.redirects = {"/away": url}
    for address in (url, f"{web.url}/away"):
        with pytest.raises(UnreadableError, match=r"is on a private network|no valid URL"):
            downloads().read(address)
    assert web.asked["/a.jpg"] == 0


@pytest.mark.parametrize(
    "url", ["file:///etc/hostname", "ftp://127.0.0.1/x", "s3://bucket/x", "x:"]
)
def test_other_kinds_of_url_are_not_read_even_by_a_redirect(web: Web, url: str) -> None:
    web.redirects = {"/away": url}
    for address in (url, f"{web.url}/away"):
        with pytest.raises(UnreadableError, match="not http or https"):
            downloads().read(address)


@pytest.mark.parametrize(
    "url", ["http://", "http://[::1", "http://a:b:c/", "http://127.0.0.1:99999/"]
)
def test_broken_urls_are_no_crash(url: str) -> None:
    with pytest.raises(UnreadableError):
        downloads().read(url)


@pytest.mark.parametrize("addresses", [["127.0.0.1"], ["93.184.216.34", "127.0.0.1"]])
def test_names_are_judged_by_all_their_addresses(
    web: Web, monkeypatch: pytest.MonkeyPatch, addresses: list[str]
) -> None:
    resolve = socket.getaddrinfo

    def resolved(host: str | bytes | None, *rest: Any, **more: Any) -> list[Any]:
        names = addresses if host == "name.example" else [host]
        return [answer for name in names for answer in resolve(name, *rest, **more)]

    monkeypatch.setattr("socket.getaddrinfo", resolved)
    url = f"http://name.example:{web.server_port}/a.jpg"
    with pytest.raises(UnreadableError, match=r"name\.example is on a private network"):
        downloads().read(url)
    if len(addresses) == 1:
        assert downloads(hosts=("name.example",)).read(url) == b"an image"


def test_stores_are_read_where_they_are_allowed(tmp_path: Path) -> None:
    (tmp_path / "open").mkdir()
    (tmp_path / "open" / "a.jpg").write_bytes(b"a")
    (tmp_path / "secret.jpg").write_bytes(b"secret")
    (tmp_path / "open" / "link.jpg").symlink_to(tmp_path / "secret.jpg")
    allowed = downloads(stores=(f"file://{tmp_path}/open",))
    assert allowed.read(f"file://{tmp_path}/open/a.jpg") == b"a"
    for url, cause in (
        (f"file://{tmp_path}/open/../secret.jpg", r"'\.\.'"),
        (f"file://{tmp_path}/open/link.jpg", "leaves the source"),
        (f"file://{tmp_path}/opened.jpg", "not http or https"),
        (f"file://{tmp_path}/secret.jpg", "not http or https"),
    ):
        with pytest.raises(UnreadableError, match=cause):
            allowed.read(url)


def test_the_cache_spares_the_server_and_another_process(web: Web, tmp_path: Path) -> None:
    first = downloads(tmp_path / "cache")
    web.pages["/same.jpg"] = b"an image"
    for _ in range(2):
        for path in ("/a.jpg", "/same.jpg"):
            assert first.read(f"{web.url}{path}") == b"an image"
    web.pages.clear()
    again: Downloads = pickle.loads(pickle.dumps(first))
    assert again.read(f"{web.url}/a.jpg") == b"an image"
    assert web.asked == {"/a.jpg": 1, "/same.jpg": 1}
    assert len(list((tmp_path / "cache" / "pictures").rglob("*/*"))) == 1  # the bytes once


def test_a_damaged_image_in_the_cache_is_asked_for_again(web: Web, tmp_path: Path) -> None:
    downloads(tmp_path).read(f"{web.url}/a.jpg")
    for image in (tmp_path / "pictures").rglob("*/*"):
        image.write_bytes(b"a pict")
    assert downloads(tmp_path).read(f"{web.url}/a.jpg") == b"an image"
    assert web.asked["/a.jpg"] == 2


@pytest.mark.parametrize(
    ("address", "public"),
    [
        ("8.8.8.8", True),
        ("2606:4700::1111", True),
        ("172.15.255.255", True),
        ("172.16.0.0", False),
        ("172.31.255.255", False),
        ("127.255.0.1", False),
        ("100.64.0.1", False),
        ("224.0.0.1", False),
        ("0.0.0.0", False),
        ("::", False),
        ("::1", False),
        ("fc00::1", False),
        ("fe80::1%eth0", False),
        ("ff02::1", False),
        ("::ffff:10.0.0.1", False),
        ("::ffff:8.8.8.8", True),
        ("2002:0a00:0001::1", False),
        ("64:ff9b::7f00:1", False),
    ],
)
def test_which_addresses_are_public(address: str, public: bool) -> None:
    assert is_public(address) is public
