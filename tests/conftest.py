"""What every test shares: no network, few threads, a store and a working directory of its own."""

from __future__ import annotations

import gc
import logging
import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests import machine, program

machine.leave()  # before any library reads the environment
if "PYTEST_XDIST_WORKER" in os.environ:
    program.preload()
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
    os.chdir(REPOSITORY)  # the folder of a test that has passed is gone, and so is the log of its last job
    for handler in [one for one in logging.root.handlers if isinstance(one, logging.FileHandler)]:
        logging.root.removeHandler(handler)
        handler.close()
    os.environ.clear()
    os.environ.update(before)
    os.umask(mask)


@pytest.fixture(autouse=True)
def store_path(apart: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:  # noqa: ARG001
    """An empty store: no test reuses, or spoils, what another one or a real study has built."""
    path = tmp_path / "store"
    monkeypatch.setenv("XTREME_NOISE_STORE", str(path))
    return path


# Modules that take longest, longest first. With two workers the last ones to start decide when a run ends.
LONGEST = [
    "test_study", "test_options", "test_cli_run", "test_resume", "test_strategies", "test_hub_study",
    "test_trainer_options", "test_imports", "test_mistakes", "test_hub_schemas", "test_readme", "test_multitask",
    "test_models_e5", "test_wheel",
]  # fmt: skip


def pytest_configure(config: pytest.Config) -> None:
    """pytest-xdist would start the modules with the fewest tests last, which are those of the longest tests."""
    if hasattr(config.option, "loadscopereorder"):
        config.option.loadscopereorder = False


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    place = {name: number for number, name in enumerate(LONGEST)}
    items.sort(key=lambda item: place.get(item.path.stem, len(place)))


@pytest.hookimpl(trylast=True)
def pytest_collection_finish() -> None:
    """What is imported stays: a training run's full collections need not look through it again."""
    gc.collect()
    gc.freeze()


@pytest.fixture(scope="module", autouse=True)
def what_is_there_stays() -> None:
    """So do the libraries, and what they keep, that the modules before this one have loaded."""
    gc.freeze()


_PICTURES: dict[str, Any] = {
    "figures.figures": {}, "charts.curve_charts": [], "charts.harm_charts": [], "language_charts.heat_charts": {},
    "charts.calibration_charts": [], "language_charts.consistency_charts": [], "charts.difference_chart": None,
    "scripts.vega_library": "",
}  # fmt: skip


@pytest.fixture(autouse=True)
def without_pictures(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """No pictures in reports that no test looks at: they take most of the time of hundreds of small studies."""
    if request.node.get_closest_marker("pictures") is None:
        for drawn, nothing in _PICTURES.items():
            monkeypatch.setattr(f"xtreme_noise.report.{drawn}", lambda *_, nothing=nothing: nothing)


@pytest.fixture(scope="session")
def made_once(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Random models are made once: the empty store of a test gets copies."""
    from xtreme_noise.models import random
    from xtreme_noise.store import digest

    folder, real = tmp_path_factory.mktemp("random-models"), random.make

    def make(parameters: dict[str, int], directory: Path) -> None:
        made = folder / digest(parameters)
        if not made.is_dir():
            real(parameters, made)
        shutil.copytree(made, directory, dirs_exist_ok=True)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(random, "make", make)
        yield


@pytest.fixture(scope="session")
def one_mode() -> Iterator[None]:
    """Hydra composes every command once more than it needs, to see whether it is a sweep: launch.run tells it."""
    from hydra._internal.hydra import Hydra

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Hydra, "get_mode", lambda *_, **__: None)
        yield


@pytest.fixture(scope="session")
def tiny(made_once: None, tmp_path_factory: pytest.TempPathFactory) -> Path:  # noqa: ARG001
    """The checkpoint of model=tiny, to be read only."""
    from tests.unit.tiny_modules import TINY
    from xtreme_noise import models
    from xtreme_noise.store import Store

    return models.materialise(TINY, Store(tmp_path_factory.mktemp("tiny")), offline=True)


@pytest.fixture
def workdir(made_once: None, one_mode: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:  # noqa: ARG001
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
