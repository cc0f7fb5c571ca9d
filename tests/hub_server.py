"""A hub on a loopback address: what downloads need of the Hugging Face hub's interface, and ways to fail.

Repositories are files in memory. What a client asked is in `requests`. Names choose the failure: see FAULTS.
"""

from __future__ import annotations

import hashlib
import json
import threading
import time
import urllib.parse
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

FAULTS = {  # the owner in a repository's name -> what happens
    "gated": (HTTPStatus.UNAUTHORIZED, "GatedRepo"),
    "private": (HTTPStatus.UNAUTHORIZED, "RepoNotFound"),
    "forbidden": (HTTPStatus.FORBIDDEN, ""),
    "broken": (HTTPStatus.SERVICE_UNAVAILABLE, ""),
}
CUT = "cut"  # an owner whose large files end half-way
SLOW = "slow"  # an owner whose requests are not answered for HANG seconds
HANG = 30.0


@dataclass(frozen=True)
class Repo:
    """One repository of one commit."""

    kind: str  # model | dataset
    name: str
    files: dict[str, bytes]

    @property
    def commit(self) -> str:
        """40 hex digits of its content."""
        state = hashlib.sha1(self.name.encode())
        for path in sorted(self.files):
            state.update(path.encode() + b"\0" + self.files[path])
        return state.hexdigest()


@dataclass
class Hub:
    """A running server: its address and what it was asked ("METHOD path")."""

    repos: list[Repo]
    endpoint: str = ""
    requests: list[str] = field(default_factory=list)

    def find(self, kind: str, name: str) -> Repo | None:
        """The repository, if it is there."""
        return next((repo for repo in self.repos if (repo.kind, repo.name) == (kind, name)), None)


@contextmanager
def serve(repos: list[Repo]) -> Iterator[Hub]:
    """A hub with these repositories at a free port of 127.0.0.1 for as long as the block lasts."""
    hub = Hub(repos)
    server = ThreadingHTTPServer(("127.0.0.1", 0), type("Handler", (_Handler,), {"hub": hub}))
    server.daemon_threads = True
    hub.endpoint = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield hub
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


class _Handler(BaseHTTPRequestHandler):
    hub: Hub
    protocol_version = "HTTP/1.1"

    def log_message(self, format: str, *args: Any) -> None:
        """Nothing on the terminal of a test."""

    def do_HEAD(self) -> None:
        self._answer()

    def do_GET(self) -> None:
        self._answer()

    def _answer(self) -> None:
        path = urllib.parse.unquote(urllib.parse.urlsplit(self.path).path).strip("/")
        self.hub.requests.append(f"{self.command} /{path}")
        parts = path.split("/")
        if parts[0] == "api":
            self._api("model" if parts[1] == "models" else "dataset", "/".join(parts[2:4]), parts[4:])
        else:
            kind = "dataset" if parts[0] == "datasets" else "model"
            parts = parts[1:] if kind == "dataset" else parts
            if len(parts) < 5 or parts[2] != "resolve":
                self._fail(HTTPStatus.NOT_FOUND, "")
            else:
                self._resolve(kind, "/".join(parts[:2]), parts[3], "/".join(parts[4:]))

    def _repo(self, kind: str, name: str, revision: str) -> Repo | None:
        """The repository at that revision, or None after an answer that says what is wrong."""
        owner = name.split("/")[0]
        repo = self.hub.find(kind, name)
        if owner == SLOW:
            time.sleep(HANG)
        if owner in FAULTS:
            self._fail(*FAULTS[owner])
        elif repo is None:
            self._fail(HTTPStatus.NOT_FOUND, "RepoNotFound")
        elif revision not in ("main", repo.commit):
            self._fail(HTTPStatus.NOT_FOUND, "RevisionNotFound")
        else:
            return repo
        return None

    def _api(self, kind: str, name: str, rest: list[str]) -> None:
        repo = self._repo(kind, name, rest[1] if len(rest) > 1 else "main")
        if repo is None:
            return
        if rest[:1] == ["tree"]:
            self._json([_entry(path, content) for path, content in sorted(repo.files.items())])
        else:
            siblings = [{"rfilename": path} for path in sorted(repo.files)]
            self._json({"id": name, "sha": repo.commit, "private": False, "tags": [], "siblings": siblings})

    def _resolve(self, kind: str, name: str, revision: str, path: str) -> None:
        repo = self._repo(kind, name, revision)
        if repo is None:
            return
        if path not in repo.files:
            self._fail(HTTPStatus.NOT_FOUND, "EntryNotFound", repo.commit)
            return
        content = repo.files[path]
        start = 0
        asked = self.headers.get("Range", "")
        if asked.startswith("bytes=") and self.command == "GET":
            start = int(asked.removeprefix("bytes=").split("-")[0])
        self.send_response(HTTPStatus.PARTIAL_CONTENT if start else HTTPStatus.OK)
        self.send_header("ETag", f'"{hashlib.sha256(content).hexdigest()}"')
        self.send_header("X-Repo-Commit", repo.commit)
        self.send_header("Accept-Ranges", "bytes")
        self.send_header("Content-Length", str(len(content) - start))
        if start:
            self.send_header("Content-Range", f"bytes {start}-{len(content) - 1}/{len(content)}")
        self.end_headers()
        if self.command == "HEAD":
            return
        if name.startswith(f"{CUT}/") and len(content) > 1000:
            self.wfile.write(content[start : start + (len(content) - start) // 2])
            self.wfile.flush()
            self.close_connection = True
            self.connection.close()
            return
        self.wfile.write(content[start:])

    def _json(self, value: Any) -> None:
        body = json.dumps(value).encode()
        self.send_response(HTTPStatus.OK)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def _fail(self, status: HTTPStatus, code: str, commit: str = "") -> None:
        self.send_response(status)
        if code:
            self.send_header("X-Error-Code", code)
            self.send_header("X-Error-Message", code)
        if commit:
            self.send_header("X-Repo-Commit", commit)
        self.send_header("Content-Length", "0")
        self.end_headers()


def _entry(path: str, content: bytes) -> dict[str, Any]:
    oid = hashlib.sha1(b"blob %d\0" % len(content) + content).hexdigest()
    return {"type": "file", "path": path, "size": len(content), "oid": oid}
