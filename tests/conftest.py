"""What every test shares: no network, few threads, a store and a working directory of its own."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

# Before any library reads them. A test that needs a hub starts its own server and says so.
os.environ.setdefault("HF_HUB_OFFLINE", "1")
os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
if "PYTEST_XDIST_WORKER" in os.environ:  # two workers with every core each are slower than one
    os.environ["OMP_NUM_THREADS"] = "1"
    os.environ["MKL_NUM_THREADS"] = "1"

REPOSITORY = Path(__file__).resolve().parent.parent


@pytest.fixture(scope="session")
def repository() -> Path:
    """The checkout."""
    return REPOSITORY


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The real data sets: $XTREME_NOISE_DATA, else ../shared/data beside the checkout; skips without."""
    folder = Path(os.environ.get("XTREME_NOISE_DATA", REPOSITORY.parent / "shared" / "data"))
    if not folder.is_dir():
        pytest.skip(f"no data in {folder}: set XTREME_NOISE_DATA")
    return folder


@pytest.fixture(autouse=True)
def store_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty store: no test reuses, or spoils, what another one or a real study has built."""
    path = tmp_path / "store"
    monkeypatch.setenv("XTREME_NOISE_STORE", str(path))
    return path


@pytest.fixture
def workdir(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty current directory: where a command without sweep= leaves its results."""
    path = tmp_path / "work"
    path.mkdir()
    monkeypatch.chdir(path)
    return path


@pytest.fixture
def root(tmp_path: Path, workdir: Path, store_path: Path) -> Path:
    """A folder with small data in the layout of source=files; working directory and store are this test's own."""
    from tests.e2e.world import data

    assert workdir.exists() and not store_path.exists()
    return data(tmp_path / "data")
