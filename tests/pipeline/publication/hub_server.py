"""A small Hub on this machine: what huggingface_hub's client asks of it while it uploads."""

from __future__ import annotations

import base64
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import urlsplit


class Hub(ThreadingHTTPServer):
    """The repositories: for each name, its files.

    Attributes:
        repositories: Bytes by path, by the repository's name.
        private: Names of those that were made private.
        commits: Number of commits that it took.
    """

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Answers)
        self.repositories: dict[str, dict[str, bytes]] = {}
        self.private: set[str] = set()
        self.commits = 0

    @property
    def endpoint(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"


class _Answers(BaseHTTPRequestHandler):
    server: Hub

    def do_GET(self) -> None:
        self._answer(b"")

    def do_POST(self) -> None:
        self._answer(self.rfile.read(int(self.headers.get("Content-Length", 0))))

    def log_message(self, *arguments: Any) -> None:
        pass

    def _answer(self, body: bytes) -> None:
        status, value = self._found(urlsplit(self.path).path, body)
        data = json.dumps(value).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def _found(self, path: str, body: bytes) -> tuple[int, Any]:
        if path == "/api/repos/create":
            return self._create(json.loads(body))
        if path == "/api/validate-yaml":
            assert json.loads(body)["repoType"] == "dataset"
            return 200, {"errors": [], "warnings": []}
        _, _, kind, user, name, *rest = path.split("/")
        repo = f"{user}/{name}"
        if kind != "datasets" or repo not in self.server.repositories:
            return 404, {"error": "not found"}
        files = self.server.repositories[repo]
        action = rest[0] if rest else "info"
        if action == "preupload":
            wanted = json.loads(body)["files"]
            modes = [{"path": file["path"], "uploadMode": "regular"} for file in wanted]
            return 200, {"files": [{**mode, "shouldIgnore": False} for mode in modes]}
        if action == "commit":
            return self._commit(files, repo, body)
        if action == "tree":
            found = [
                {"type": "file", "path": path, "size": len(data), "oid": "0" * 40}
                for path, data in files.items()
            ]
            return 200, found
        siblings = [{"rfilename": path} for path in files]
        return 200, {"id": repo, "sha": "0" * 40, "siblings": siblings}

    def _create(self, wanted: dict[str, Any]) -> tuple[int, Any]:
        repo = f"{wanted.get('organization') or 'me'}/{wanted['name']}"
        if repo.startswith("forbidden/"):
            return 403, {"error": "You have no rights here."}
        url = f"{self.server.endpoint}/datasets/{repo}"
        if repo in self.server.repositories:
            return 409, {"error": "it exists", "url": url}
        assert wanted["type"] == "dataset"
        self.server.repositories[repo] = {".gitattributes": b""}
        if wanted.get("private") or wanted.get("visibility") == "private":
            self.server.private.add(repo)
        return 200, {"url": url, "id": repo, "name": repo}

    def _commit(self, files: dict[str, bytes], repo: str, body: bytes) -> tuple[int, Any]:
        for line in body.splitlines():
            entry = json.loads(line)
            value = entry["value"]
            if entry["key"] == "file":
                assert value["encoding"] == "base64"
                files[value["path"]] = base64.b64decode(value["content"])
            elif entry["key"] == "deletedFile":
                del files[value["path"]]
            else:
                assert entry["key"] == "header"
        self.server.commits += 1
        url = f"{self.server.endpoint}/datasets/{repo}/commit/{'1' * 40}"
        return 200, {"commitUrl": url, "commitOid": "1" * 40, "success": True}


@contextmanager
def running_hub() -> Iterator[Hub]:
    """A Hub that answers while the block runs."""
    hub = Hub()
    thread = threading.Thread(target=hub.serve_forever, daemon=True)
    thread.start()
    try:
        yield hub
    finally:
        hub.shutdown()
        hub.server_close()
        thread.join()
