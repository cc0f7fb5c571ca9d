"""mode=list reads files of options itself: what it finds is what Hydra composes."""

from __future__ import annotations

from pathlib import Path

import pytest
from hydra import compose as hydra_compose
from omegaconf import OmegaConf

from xtreme_noise.config import catalogue, compose, paths
from xtreme_noise.config.where import Sources
from xtreme_noise.errors import ConfigError

SOURCES = Sources(folders=(paths.conf_dir(),))


@pytest.mark.parametrize("group", ["task", "intermediate", "model", "noise", "train_noise"])
def test_it_finds_what_hydra_composes(group: str) -> None:
    with compose._hydra():
        options = SOURCES.options(group)
        built = [one for one in options if "defaults:" in (SOURCES.folders[0] / group / f"{one}.yaml").read_text()]
        for option in [*built[:3], *options[:2]]:  # Hydra takes a fifth of a second for each
            composed = OmegaConf.to_container(hydra_compose(f"{group}/{option}"), resolve=False)
            within = group if group in ("noise", "train_noise") else f"{group}/{option}".rpartition("/")[0]
            for name in within.split("/"):
                assert isinstance(composed, dict)
                composed = composed[name]
            assert catalogue.read(SOURCES, group, option) == composed, option


def test_a_file_that_is_not_yaml_is_named(tmp_path: Path) -> None:
    (tmp_path / "task").mkdir()
    for text in ("name: [a", "- a", "defaults: [/task/nothing@_here_]"):
        (tmp_path / "task/mine.yaml").write_text(text)
        with pytest.raises(ConfigError, match=r"mine.yaml cannot be read|there is no config file 'task/nothing'"):
            catalogue.read(Sources(folders=(tmp_path,)), "task", "mine")


def test_the_comment_on_top_says_what_it_is() -> None:
    assert catalogue.about(SOURCES, "experiment/smoke").startswith("The whole path in less than a minute")
    assert catalogue.about(SOURCES, "noise/char")
