"""What every test shares: no network, few threads, a store and a working directory of its own."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests import machine

machine.leave()  # before any library reads the environment
REPOSITORY = machine.REPOSITORY


@pytest.fixture(scope="session")
def repository() -> Path:
    """The checkout."""
    return REPOSITORY


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The real data sets: $XTREME_NOISE_DATA, else ../shared/data beside the checkout; skips without."""
    if not machine.DATA.is_dir():
        pytest.skip(f"no data in {machine.DATA}: set XTREME_NOISE_DATA")
    return machine.DATA


@pytest.fixture(autouse=True)
def apart() -> Iterator[None]:
    """Every test begins apart from the machine, and from what others have left in the environment."""
    before, mask = dict(os.environ), os.umask(0o022)
    machine.leave()
    yield
    os.environ.clear()
    os.environ.update(before)
    os.umask(mask)


@pytest.fixture(autouse=True)
def store_path(apart: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:  # noqa: ARG001
    """An empty store: no test reuses, or spoils, what another one or a real study has built."""
    path = tmp_path / "store"
    monkeypatch.setenv("XTREME_NOISE_STORE", str(path))
    return path


_PICTURES: dict[str, Any] = {
    "figures.figures": {}, "charts.curve_charts": [], "charts.harm_charts": [], "charts.heat_charts": {},
    "charts.difference_chart": None,
}  # fmt: skip


@pytest.fixture(autouse=True)
def without_pictures(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """No pictures in reports that no test looks at: they take most of the time of hundreds of small studies."""
    if request.node.get_closest_marker("pictures") is None:
        for drawn, nothing in _PICTURES.items():
            monkeypatch.setattr(f"xtreme_noise.report.{drawn}", lambda *_, nothing=nothing: nothing)


@pytest.fixture
def workdir(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty current directory: where a command without sweep= leaves its results."""
    path = tmp_path / "work"
    path.mkdir()
    monkeypatch.chdir(path)
    return path


@pytest.fixture
def kept_logging() -> Iterator[None]:
    """A command sets up logging to the streams of this test; the next test has others."""
    root = logging.getLogger()
    handlers, level = list(root.handlers), root.level
    yield
    root.handlers[:] = handlers
    root.setLevel(level)


@pytest.fixture
def root(tmp_path: Path, workdir: Path, store_path: Path) -> Path:
    """A folder with small data in the layout of source=files; working directory and store are this test's own."""
    from tests.e2e.world import data

    assert workdir.exists() and not store_path.exists()
    return data(tmp_path / "data")
