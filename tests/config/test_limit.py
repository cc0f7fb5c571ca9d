"""limit=20 makes any command small: it clamps the sizes when a job is composed."""

from __future__ import annotations

import pytest

from xtreme_noise.config import compose
from xtreme_noise.config.schema import Config
from xtreme_noise.errors import ConfigError

pytestmark = pytest.mark.usefixtures("workdir")


def job(*words: str) -> Config:
    [found] = compose.jobs(list(words))
    return found


def test_every_size_is_clamped_and_smaller_ones_stay() -> None:
    size = job("task=xnli", "limit=20", "task.size.dev=7", "source.root=x").task.size
    assert (size.train, size.dev, size.test) == (20, 7, 20)


def test_without_a_limit_nothing_changes() -> None:
    size = job("task=xnli", "source.root=x").task.size
    assert (size.train, size.dev, size.test) == (None, None, None)


def test_shots_and_the_first_phase() -> None:
    cfg = job("task=xcopa", "limit=20", "shots.k=50", "source.root=x")
    assert cfg.shots.k == 20
    assert cfg.task.first is not None
    assert (cfg.task.first.size.train, cfg.task.first.size.dev) == (20, 20)


@pytest.mark.parametrize("arm", ["english", "multilingual"])
def test_arms_keep_one_size_with_an_example_a_language(arm: str) -> None:
    few = job("intermediate=slots", f"intermediate.arm={arm}", "limit=3").intermediate.size
    assert (few.train, few.dev) == (8, 3)  # eight languages in the multilingual arm
    assert job("intermediate=slots", f"intermediate.arm={arm}", "limit=20").intermediate.size.train == 20


def test_the_parts_of_a_chain_and_of_a_multitask_stage() -> None:
    for words in (["intermediate=chain", "intermediate.arm=english"], ["intermediate=stilts"]):
        parts = job("task=xnli", *words, "limit=20", "source.root=x").intermediate.trained_on()
        assert len(parts) > 1
        assert all((part.size.train or 99) <= 20 and (part.size.dev or 99) <= 20 for part in parts)


def test_it_is_one_of_the_settings_that_name_a_folder() -> None:
    assert compose.study(["limit=20"]).sweep != compose.study([]).sweep
    assert compose.study(["limit=20"]).folders != compose.study(["limit=20", "limit=21"]).folders


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["limit=1"], "limit .* must be at least 2"),
        (["limit=few"], "limit must be"),
        (["mode=status", "sweep=s", "limit=20"], "limit .* does nothing in mode=status"),
        (["mode=noise_table", "limit=20"], "limit .* does nothing in mode=noise_table"),
    ],
)
def test_wrong_limits(words: list[str], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        compose.jobs(words)
