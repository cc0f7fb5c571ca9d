"""A repository of the Hugging Face hub: its commit and its files, from the cache if possible.

Errors come fast and say what to do: before any download, one request with a short timeout checks the server, so that
a machine without a network fails in seconds, not after minutes of retries.
"""

from __future__ import annotations

import logging
import re
from dataclasses import dataclass
from functools import cache
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any, Literal

from xtreme_noise import content
from xtreme_noise.errors import ConfigError, DataError, ModelUnavailable
from xtreme_noise.store import write_atomic

if TYPE_CHECKING:
    from huggingface_hub.errors import LocalEntryNotFoundError

log = logging.getLogger(__name__)
for _client in ("httpx", "httpx2"):  # they log every request
    logging.getLogger(_client).setLevel(logging.WARNING)

COMMIT = re.compile(r"[0-9a-f]{40}")
SHA256 = re.compile(r"[0-9a-f]{64}")
REVISION = re.compile(r"(?!.*\.\.)(?!/)[\w./+-]+(?<!/)")  # it becomes a path in the hub's cache
LOGIN = "hf auth login, or set HF_TOKEN"
TIMEOUT = 5.0  # seconds, of the request that checks whether the server is reachable


@dataclass(frozen=True)
class Repository:
    """`name` is the hub id, `kind` model or dataset, `revision` a branch, a tag or a commit (None: main)."""

    name: str
    kind: Literal["model", "dataset"]
    revision: str | None = None

    def commit(self, offline: bool) -> str:
        """The commit, 40 hex digits: as pinned, from the server, or from the cache. Raises ModelUnavailable.

        Resolved once per process, so that a run uses one commit. Raises ConfigError for an invalid name.
        """
        if self.revision is not None and not REVISION.fullmatch(self.revision):
            raise ConfigError(f"{self.kind} {self.name}: revision {self.revision!r} is not a branch, tag or commit")
        if self.revision is not None and COMMIT.fullmatch(self.revision):
            return self.revision
        return _resolved(self, offline or _offline_by_environment())

    def download(self, offline: bool, patterns: list[str], required: tuple[str, ...] = ()) -> Path:
        """The directory of a snapshot with all files that match `patterns`. Raises ModelUnavailable.

        `required`: a cached snapshot is used only if it has a file for each of these patterns, because other programs
        may leave incomplete snapshots in the same cache.
        """
        from huggingface_hub import snapshot_download
        from huggingface_hub.errors import LocalEntryNotFoundError

        commit = self.commit(offline)

        def snapshot(local: bool) -> Path:
            path = snapshot_download(
                self.name,
                repo_type=self.kind,
                revision=commit,
                allow_patterns=patterns,
                etag_timeout=TIMEOUT,
                local_files_only=local,
            )
            return Path(path)

        without_network = offline or _offline_by_environment()
        try:
            cached = snapshot(local=True)
            if all(any(cached.glob(pattern)) for pattern in required):
                return cached
            if without_network:
                raise _not_cached()
        except LocalEntryNotFoundError as error:
            if without_network:
                raise self.unavailable(error) from error
        self.look()
        try:
            return snapshot(local=False)
        except Exception as error:
            raise self.unavailable(error) from error

    def copy(self, offline: bool, names: list[str], target: Path) -> None:
        """Copy files of the snapshot into a directory. Raises ModelUnavailable, or DataError for a damaged file (the
        hub's cache names large files by their sha256)."""
        folder = self.download(offline, names, tuple(names))
        for name in names:
            kept = (folder / name).resolve()
            if content.copy(kept, target / name) != kept.name and SHA256.fullmatch(kept.name):
                raise DataError(f"{kept} is damaged, it is not {name} of {self.name}: delete it to download it again")

    def files(self, offline: bool) -> list[str]:
        """Paths of all files at the commit, from the cache or the server. Raises ModelUnavailable."""
        return sorted(self.sizes(offline))

    def sizes(self, offline: bool) -> dict[str, int]:
        """Bytes of every file at the commit, by path, from the cache or the server. Raises ModelUnavailable."""
        return dict(_sizes(self, offline or _offline_by_environment()))

    def look(self) -> str:
        """Ask the server for the commit of this revision, once, with a short timeout. Raises ModelUnavailable."""
        from huggingface_hub import HfApi

        try:
            info = HfApi().repo_info(self.name, repo_type=self.kind, revision=self.revision, timeout=TIMEOUT)
        except Exception as error:
            raise self.unavailable(error) from error
        return str(info.sha)

    def unavailable(self, error: BaseException) -> ModelUnavailable:
        """The error to raise: the cause, and what the user can do."""
        from huggingface_hub import constants

        kind = "" if self.kind == "model" else f" --repo-type {self.kind}"
        revision = "" if self.revision is None else f" --revision {self.revision}"
        local = (
            "point at a local copy: model.path=/local/directory"
            if self.kind == "model"
            else "use local files: source=files source.root=/local/directory (mode=fetch fills one)"
        )
        return ModelUnavailable(
            f"The {self.kind} {self.name} (revision {self.revision or 'main'}) is not available:"
            f" {self._reason(error)}\n"
            f"  Download it beforehand: hf download {self.name}{kind}{revision}\n"
            f"  Or {local}\n"
            f"  The server is {constants.ENDPOINT} (HF_ENDPOINT), the cache {constants.HF_HUB_CACHE}"
            " (HF_HOME); HF_HUB_OFFLINE=1 uses only the cache."
        )

    def _reason(self, error: BaseException) -> str:
        from huggingface_hub import errors

        status = _status(error)
        if isinstance(error, errors.GatedRepoError):
            return f"access is gated: accept its terms on the hub, then {LOGIN} (HTTP {status})."
        if isinstance(error, errors.RevisionNotFoundError):
            return f"there is no revision {self.revision!r} (HTTP {status})."
        if isinstance(error, errors.RepositoryNotFoundError):
            return f"no such {self.kind}, or a private one; if private: {LOGIN} (HTTP {status})."
        if isinstance(error, errors.RemoteEntryNotFoundError):
            return f"the server lists a file that it does not have: {error.response.url.path} (HTTP {status})."
        if isinstance(error, errors.OfflineModeIsEnabled):
            return "HF_HUB_OFFLINE is set and it is not in the cache."
        if isinstance(error, errors.LocalEntryNotFoundError) and error.__cause__ is None:
            return "the cache has no complete copy, and the network is disabled."
        if status in (401, 403):
            return f"the server refuses access (HTTP {status}); if you have access: {LOGIN}."
        if status is not None:
            return f"the server answered HTTP {status}."
        causes = dict.fromkeys(str(one).splitlines()[0] for one in _chain(error) if str(one))
        return "the download failed: " + ("; ".join(list(causes)[:2]) or type(error).__name__) + "."


@cache
def _sizes(repository: Repository, offline: bool) -> dict[str, int]:
    """Cached per process: a commit does not change."""
    from huggingface_hub import HfApi, get_cached_repo_tree
    from huggingface_hub.errors import CachedRepoTreeNotFoundError
    from huggingface_hub.hf_api import RepoFile

    name, kind, commit = repository.name, repository.kind, repository.commit(offline)
    try:
        files = get_cached_repo_tree(name, repo_type=kind, revision=commit)
    except CachedRepoTreeNotFoundError as error:
        if offline:
            raise repository.unavailable(_not_cached()) from error
        repository.look()
        try:
            tree = HfApi().list_repo_tree(name, repo_type=kind, revision=commit, recursive=True)
            files = [entry for entry in tree if isinstance(entry, RepoFile)]
        except Exception as failure:
            raise repository.unavailable(failure) from failure
    for file in files:
        if PurePosixPath(file.path).is_absolute() or ".." in PurePosixPath(file.path).parts:
            raise ModelUnavailable(f"The {kind} {name} lists {file.path!r}, which leads out of it.")
    return {file.path: int(file.size) for file in files}


@cache
def _resolved(repository: Repository, offline: bool) -> str:
    """The commit of a branch or tag; stored in the hub's cache for runs without a network."""
    if offline:
        commit = _cached_commit(repository)
        if commit is None:
            raise repository.unavailable(_not_cached())
        return commit
    try:
        commit = repository.look()
    except ModelUnavailable as error:
        status = _status(error.__cause__)
        cached = _cached_commit(repository)
        if cached is None or (status is not None and status < 500):  # the server refuses
            raise
        log.warning("%s Using the cached commit %s.", str(error).splitlines()[0], cached)
        return cached
    if _cached_commit(repository) != commit:
        try:
            write_atomic(_ref(repository), commit)
        except OSError as error:  # a shared, read-only cache can still be read
            log.info(
                "%s could not be written (%s): offline runs will not know this revision.",
                _ref(repository),
                error,
            )
    return commit


def _ref(repository: Repository) -> Path:
    """The file of the hub's cache with the commit of a branch or tag."""
    from huggingface_hub import constants
    from huggingface_hub.file_download import repo_folder_name

    folder = repo_folder_name(repo_id=repository.name, repo_type=repository.kind)
    return Path(constants.HF_HUB_CACHE) / folder / "refs" / (repository.revision or "main")


def _cached_commit(repository: Repository) -> str | None:
    ref = _ref(repository)
    return ref.read_text(encoding="utf-8").strip() if ref.is_file() else None


def _not_cached() -> LocalEntryNotFoundError:
    from huggingface_hub.errors import LocalEntryNotFoundError

    return LocalEntryNotFoundError("not in the cache")


def _offline_by_environment() -> bool:
    from huggingface_hub import constants

    return bool(constants.is_offline_mode())


def _status(error: BaseException | None) -> int | None:
    """The HTTP status of an error or of one of its causes."""
    for one in _chain(error):
        response: Any = getattr(one, "response", None)
        if response is not None and getattr(response, "status_code", None):
            return int(response.status_code)
    return None


def _chain(error: BaseException | None) -> list[BaseException]:
    """An error and its causes, outermost first."""
    chain: list[BaseException] = []
    while error is not None and error not in chain:
        chain.append(error)
        error = error.__cause__ or error.__context__
    return chain
