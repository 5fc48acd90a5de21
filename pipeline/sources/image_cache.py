"""Downloaded images, kept by their content, so that no URL is asked twice."""

from __future__ import annotations

import hashlib

from tag2mask.pipeline.tables.storage import Folder


class ImageCache:
    """``pictures/<SHA-256 of the bytes>``, and ``links/<SHA-256 of the URL>`` that name them.

    Two URLs of one image share its file. A link is written after its image, and a
    image whose bytes are not those of its name counts as absent: what a killed process or
    a full disk left behind does no harm.

    Args:
        uri: URI of its folder; any number of runs may share one.
    """

    def __init__(self, uri: str) -> None:
        self._folder = Folder(uri)

    def get(self, url: str) -> bytes | None:
        """The bytes behind a URL, None if they are not here."""
        try:
            digest = self._read("links", _digest(url.encode())).decode("ascii", "replace")
            data = self._read("pictures", digest)
        except OSError:
            return None
        return data if _digest(data) == digest else None

    def put(self, url: str, data: bytes) -> None:
        """Keep the bytes behind a URL."""
        digest = _digest(data)
        self._write("pictures", digest, data)
        self._write("links", _digest(url.encode()), digest.encode())

    # Folders of two digits, because file systems are slow with millions of files in one.
    def _read(self, kind: str, name: str) -> bytes:
        return self._folder.read(f"{kind}/{name[:2]}/{name}")

    def _write(self, kind: str, name: str, data: bytes) -> None:
        self._folder.folder(f"{kind}/{name[:2]}").write(name, data)


def _digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()
