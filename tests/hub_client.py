"""The hub's client library pointed at a server of tests/hub_server.py, with a cache of its own, in this process."""

from __future__ import annotations

from pathlib import Path

import datasets
import pytest
from huggingface_hub import constants
from huggingface_hub.utils._http import close_session

from xtreme_noise.data import hub, repository

NOBODY = "http://127.0.0.1:9"  # nobody listens at the discard port


def connect(
    monkeypatch: pytest.MonkeyPatch, endpoint: str, home: Path, *, offline: bool = False, token: str | None = None
) -> None:
    """As if the process had started with HF_ENDPOINT, HF_HOME, HF_HUB_OFFLINE and HF_TOKEN set so."""
    monkeypatch.setattr(constants, "ENDPOINT", endpoint)
    monkeypatch.setattr(constants, "HUGGINGFACE_CO_URL_TEMPLATE", endpoint + "/{repo_id}/resolve/{revision}/{filename}")
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(home / "hub"))
    monkeypatch.setattr(constants, "HF_TOKEN_PATH", str(home / "token"))
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", offline)
    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", home / "datasets")
    if token is None:
        monkeypatch.delenv("HF_TOKEN", raising=False)
    else:
        monkeypatch.setenv("HF_TOKEN", token)
    close_session()
    for remembered in (repository._resolved, repository._sizes, hub._contents):
        remembered.cache_clear()
