"""One image over HTTP: limits on time, size and redirects, and no private networks."""

from __future__ import annotations

import asyncio
from collections.abc import Collection

import aiohttp
from yarl import URL

from tag2mask.pipeline.sources.addresses import PublicResolver, check_literal
from tag2mask.pipeline.sources.sandboxed_folder import UnreadableError

_MAX_REDIRECTS = 5
_CHUNK = 2**16
_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_PASSING = frozenset({408, 425, 429, 500, 502, 503, 504})
_HEADERS = {"User-Agent": "tag2mask", "Accept": "image/*,*/*;q=0.5", "Accept-Encoding": "identity"}


class PassingError(UnreadableError):
    """A failure that another try may fix: a timeout, a server that is busy."""


async def get(url: str, *, seconds: float, max_bytes: int, hosts: Collection[str]) -> bytes:
    """The body behind an ``http`` or ``https`` URL, after at most five redirects.

    Args:
        url: The URL.
        seconds: Limit for all of it, from the name's resolution to the last byte.
        max_bytes: Limit of the body.
        hosts: Names and addresses that may be asked although they are on a private network.

    Raises:
        PassingError: If another try may help.
        UnreadableError: If the answer is no image file or may not be asked for.
    """
    # A connection for each image: images come from anywhere, and what is kept open in
    # one process neither travels to another nor is closed when it dies.
    connector = aiohttp.TCPConnector(resolver=PublicResolver(hosts), force_close=True)
    try:
        async with (
            asyncio.timeout(seconds),
            aiohttp.ClientSession(
                connector=connector,
                timeout=aiohttp.ClientTimeout(total=None),
                cookie_jar=aiohttp.DummyCookieJar(),
                auto_decompress=False,  # a small answer may unpack to a giant
                headers=_HEADERS,
            ) as session,
        ):
            return await _follow(session, url, max_bytes, hosts)
    except TimeoutError:
        raise PassingError(f"no whole answer within {seconds:g} s") from None
    except aiohttp.InvalidURL:
        raise UnreadableError("no valid URL") from None
    except aiohttp.ClientPayloadError:
        raise PassingError("the answer was cut short") from None
    except (aiohttp.ClientError, OSError) as error:
        raise PassingError(f"no answer ({_short(error)})") from None


async def _follow(
    session: aiohttp.ClientSession, url: str, max_bytes: int, hosts: Collection[str]
) -> bytes:
    for _ in range(_MAX_REDIRECTS + 1):
        _check(url, hosts)
        async with session.get(url, allow_redirects=False) as answer:
            if answer.status not in _REDIRECTS:
                return await _body(answer, max_bytes)
            url = str(answer.url.join(URL(answer.headers.get("Location", ""))))
    raise UnreadableError(f"more than {_MAX_REDIRECTS} redirects")


def _check(url: str, hosts: Collection[str]) -> None:
    try:
        parsed = URL(url)
    except ValueError:
        raise UnreadableError("no valid URL") from None
    if parsed.scheme not in ("http", "https") or not parsed.host:
        raise UnreadableError(f"a URL of the kind {parsed.scheme!r}, not http or https")
    check_literal(parsed.host, hosts)


async def _body(answer: aiohttp.ClientResponse, max_bytes: int) -> bytes:
    if answer.status != 200:
        failure = PassingError if answer.status in _PASSING else UnreadableError
        raise failure(f"the server answers {answer.status} {answer.reason or ''}".rstrip())
    data = bytearray()
    async for chunk in answer.content.iter_chunked(_CHUNK):
        data += chunk
        if len(data) > max_bytes:
            raise UnreadableError(f"larger than {max_bytes} bytes")
    return bytes(data)


def _short(error: Exception) -> str:
    return " ".join(str(error).split())[:120] or type(error).__name__
