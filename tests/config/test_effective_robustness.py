"""The shipped study of effective robustness: baselines of several sizes beside arms, told apart by the model's name."""

from __future__ import annotations

from pathlib import Path

import pytest

from xtreme_noise.config import across, compose
from xtreme_noise.config.where import Sources
from xtreme_noise.errors import ConfigError

BASELINES = ["+experiment=effective_robustness"]
ARMS = [*BASELINES, "intermediate=slots", "intermediate.arm=english,multilingual", "task.size.train=400"]


def test_baselines_of_several_sizes_and_arms_are_one_study() -> None:
    baselines, arms = compose.jobs(BASELINES), compose.jobs(ARMS)
    assert len(baselines) == 12 and len(arms) == 6
    for job in (*baselines, *arms):
        assert job.model.name == f"e5_small-{job.task.size.train}"
    assert {job.intermediate.title for job in baselines} == {"none"}
    assert {job.seed for job in baselines} == {job.seed for job in arms}
    assert {job.model.name for job in arms} < {job.model.name for job in baselines}
    across.check_beside(baselines, arms, Path("study"), Sources())


def test_sizes_under_one_name_are_refused() -> None:
    with pytest.raises(ConfigError, match=r"differ in task.size.train .*model.name=e5_small"):
        compose.jobs([*BASELINES, "model.name=e5_small"])
