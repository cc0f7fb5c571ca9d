"""The configuration group `noise`: one file per family, which holds its defaults."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest
from hydra import compose, initialize_config_dir
from omegaconf import OmegaConf

from xtreme_noise.noise import families, parameters_class
from xtreme_noise.noise.registry import checked_parameters

SCRATCH = """
defaults:
  - noise: [char]
  - _self_
"""


@pytest.fixture
def conf(tmp_path: Path, repository: Path) -> Path:
    """A configuration of nothing but noise."""
    (tmp_path / "noise").symlink_to(repository / "conf" / "noise")
    (tmp_path / "config.yaml").write_text(SCRATCH)
    return tmp_path


def test_one_file_for_every_family(repository: Path) -> None:
    files = {path.stem for path in (repository / "conf" / "noise").glob("*.yaml")}
    assert set(families()) <= files


@pytest.mark.parametrize("family", families())
def test_a_file_holds_the_defaults_of_its_family(conf: Path, family: str) -> None:
    with initialize_config_dir(str(conf), version_base="1.3"):
        composed = OmegaConf.to_container(compose("config", [f"noise=[{family}]"]), resolve=True)
    assert isinstance(composed, dict)
    chosen = composed["noise"]["families"]
    assert list(chosen) == [family]
    parameters = checked_parameters(family, chosen[family])
    assert parameters == parameters_class(family)()
    assert set(chosen[family]) == {field.name for field in dataclasses.fields(parameters)}


def test_families_compose(conf: Path) -> None:
    with initialize_config_dir(str(conf), version_base="1.3"):
        both = compose("config", ["noise=[char,keyboard]", "noise.families.char.swap=0"])
    assert list(both.noise.families) == ["char", "keyboard"]
    assert both.noise.families.char.swap == 0
