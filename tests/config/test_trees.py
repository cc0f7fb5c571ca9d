"""The shortcuts for whole configurations give what OmegaConf and Hydra give."""

from __future__ import annotations

import copy
from dataclasses import dataclass, field
from typing import Any, Union

import pytest
import yaml
from hydra._internal.config_loader_impl import ConfigLoaderImpl
from omegaconf import DictConfig, OmegaConf, omegaconf, open_dict

from xtreme_noise.config import compose, loader, trees
from xtreme_noise.config.schema import Config


@dataclass
class Part:
    """One of each kind of node."""

    number: float = 1
    either: Union[int, str] = "a"  # noqa: UP007  # OmegaConf knows no other form
    nothing: dict[str, int] | None = None
    names: list[str] = field(default_factory=lambda: ["x", "y"])
    open: dict[str, Any] = field(default_factory=lambda: {"a": {"b": [1, {"c": None}]}})


def _config() -> DictConfig:
    config = OmegaConf.create({"part": OmegaConf.structured(Part), "parts": [OmegaConf.structured(Part)], "link": "x"})
    OmegaConf.set_struct(config, True)
    OmegaConf.set_readonly(config.part, True)
    return config


def test_a_copy_is_equal_and_apart() -> None:
    config = _config()
    found = trees.copied(config)
    assert isinstance(found, DictConfig)
    assert found == copy.deepcopy(config) == config
    assert OmegaConf.get_type(found.part) is Part
    assert OmegaConf.is_struct(found)
    assert OmegaConf.is_readonly(found.part)
    OmegaConf.set_readonly(found.part, False)
    found.part.names.append("z")
    found.part.open.a.b[1].c = 3
    found.part.either = 7
    with open_dict(found):
        found.more = 1
    with pytest.raises(ValueError, match="abc"):
        found.part.number = "abc"  # nodes keep their types
    assert config == _config()
    assert OmegaConf.is_readonly(config.part)
    assert found.part.names._get_full_key(0) == "part.names[0]"


def test_a_copy_of_a_part_keeps_its_parent() -> None:
    config = OmegaConf.create({"a": {"b": "${c}"}, "c": 5})
    found = trees.copied(config.a)
    assert isinstance(found, DictConfig)
    assert found.b == 5


def test_plain_values_and_objects() -> None:
    config = _config()
    assert trees.plain(config) == OmegaConf.to_container(config, resolve=False)
    assert trees.settled(trees.plain(config))
    assert trees.objects(config) == OmegaConf.to_object(config)
    assert isinstance(trees.objects(config)["parts"][0], Part)


def test_what_is_not_settled_stays_as_it_is_written() -> None:
    config = OmegaConf.create({"a": "${b}", "b": ["???"], "c": {"d": "x${b}"}})
    assert trees.plain(config) == OmegaConf.to_container(config, resolve=False)
    for part in ({"a": "${b}"}, ["???"], {"d": "x${b}"}):
        assert not trees.settled(part)


def test_the_schema() -> None:
    config = OmegaConf.structured(Config)
    assert trees.plain(config) == OmegaConf.to_container(config, resolve=False)


def test_yaml_is_written_as_omegaconf_writes_it(monkeypatch: pytest.MonkeyPatch) -> None:
    config = OmegaConf.create(
        {
            "word": "no",
            "number": "010",
            "text": "ไทย é\nline",
            "link": "${word}",
            "none": None,
            "many": [1.0, True, "1e3"],
        }
    )
    config.part = OmegaConf.structured(Part)
    written = OmegaConf.to_yaml(config)
    monkeypatch.setattr(omegaconf, "get_omega_conf_dumper", trees.dumper)
    assert OmegaConf.to_yaml(config) == written
    assert issubclass(trees.dumper(), yaml.CDumper)


def test_what_every_job_begins_with_is_merged_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """And the types of the schema stay those of the whole."""
    merged: list[int] = []
    real = ConfigLoaderImpl._compose_config_from_defaults_list

    def merging(self: Any, defaults: Any, repo: Any) -> Any:
        merged.append(len(defaults))
        return real(self, defaults, repo)

    monkeypatch.setattr(ConfigLoaderImpl, "_compose_config_from_defaults_list", merging)
    monkeypatch.setattr(loader, "_merged", {})
    for task in ("xnli", "udpos"):
        [job] = compose.jobs([f"task={task}"])
        assert job.task.name == task and job.task.recipe.epochs > 0
    assert len(merged) == 3 and merged[1] == merged[2], "Hydra's files and the schema, then each task's"
