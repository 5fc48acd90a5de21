"""Download of images that a list names by URL: limits, retries and the cache."""

from __future__ import annotations

import time
from functools import cached_property
from typing import ClassVar

from fsspec.asyn import get_loop, sync
from pydantic import Field

from tag2mask.models.settings import Settings
from tag2mask.pipeline.sources.http import PassingError, get
from tag2mask.pipeline.sources.image_cache import ImageCache
from tag2mask.pipeline.sources.sandboxed_folder import SandboxedFolder, UnreadableError


class DownloadSettings(Settings):
    """Limits of downloads, and the places beside the open web that a list may name."""

    old_names: ClassVar[dict[str, str]] = {
        "seconds": "timeout",
        "tries": "retries",
        "wait": "backoff",
        "stores": "allowed_prefixes",
    }

    hosts: tuple[str, ...] = Field(
        (), description="Names or addresses that may be asked although on a private network."
    )
    allowed_prefixes: tuple[str, ...] = Field(
        (), description="Folders whose files may be named, such as s3://bucket or file:///data."
    )
    readers: int = Field(16, ge=1, description="Images that are downloaded at once.")
    timeout: float = Field(20.0, gt=0, description="Seconds for one attempt, redirects included.")
    max_bytes: int = Field(2**25, ge=1, description="Largest image file.")
    retries: int = Field(4, ge=1, description="Attempts to download an image, the first included.")
    backoff: float = Field(
        1.0, ge=0, description="Seconds before the second attempt, doubled for each that follows."
    )
    cache: str | None = Field(
        None, description="Folder of downloaded images; None is downloads/ in the run's."
    )


class Downloads:
    """Reads URLs; pickled, it does so in another process.

    Only ``http`` and ``https`` are asked, and no host on a private network, unless the
    settings allow a host or a folder on another storage by name.

    Args:
        settings: The limits.
        cache: Folder of downloaded images, if the settings name none; None keeps none.
    """

    def __init__(self, settings: DownloadSettings | None = None, cache: str | None = None) -> None:
        self.settings = settings or DownloadSettings()
        place = self.settings.cache or cache
        self._cache = ImageCache(place) if place else None

    def read(self, url: str) -> bytes:
        """The bytes behind a URL, from the cache where they are known already.

        Raises:
            UnreadableError: If it may not be read, or could not be in all tries.
        """
        for store, tree in self._stores.items():
            if url.startswith(store):
                return tree.read(url.removeprefix(store), self.settings.max_bytes)
        if self._cache and (known := self._cache.get(url)) is not None:
            return known
        data = self._download(url)
        if self._cache:
            self._cache.put(url, data)
        return data

    @cached_property
    def _stores(self) -> dict[str, SandboxedFolder]:
        # A tree is not left by what is written behind its name: no link, no "..".
        return {
            f"{store.rstrip('/')}/": SandboxedFolder(store)
            for store in self.settings.allowed_prefixes
        }

    def _download(self, url: str) -> bytes:
        settings = self.settings
        for attempt in range(settings.retries):
            try:
                # In the one thread of fsspec's loop, so that readers wait and do not poll.
                data: bytes = sync(
                    get_loop(),
                    get,
                    url,
                    seconds=settings.timeout,
                    max_bytes=settings.max_bytes,
                    hosts=settings.hosts,
                )
                return data
            except PassingError as error:
                failure = error
            if attempt + 1 < settings.retries:
                time.sleep(settings.backoff * 2**attempt)
        raise UnreadableError(f"{failure}, tried {settings.retries} times")
