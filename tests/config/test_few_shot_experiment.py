"""The shipped few-shot study: one zero-shot job, and every number of examples chosen in three ways."""

from __future__ import annotations

from collections import Counter
from itertools import product
from pathlib import Path

import pytest

from xtreme_noise.config import compose
from xtreme_noise.errors import ConfigError

FEW_SHOT = ["+experiment=few_shot", "source.root=."]
WAYS = ("random", "shortest", "longest")


def test_the_experiment() -> None:
    jobs = compose.jobs(FEW_SHOT)
    assert [job.shots.k for job in jobs].count(None) == 1
    after = {(job.shots.k, job.shots.sampling) for job in jobs if job.shots.k}
    assert after == set(product((10, 50, 100, 500, 1000), WAYS)) and len(jobs) == 16
    assert {tuple(job.wanted_levels()) for job in jobs} == {(0.0, 0.1)}


@pytest.mark.usefixtures("workdir")
@pytest.mark.parametrize(
    ("words", "zero_shot", "after"),
    [
        (["-m", "shots.k=null,5", "shots.sampling=random,longest"], 1, 2),
        (["-m", "shots.k=null,5", "shots.sampling=longest"], 1, 1),
        (["-m", "shots.k=null,5", "shots.sampling=random,longest", "shots.epochs=3", "seed=1,2"], 2, 4),
        (["shots.k=5", "shots.sampling=longest"], 0, 1),
    ],
)
def test_zero_shot_is_one_job_of_a_sweep(words: list[str], zero_shot: int, after: int) -> None:
    multirun = "-m" in words
    overrides = ["task=xnli", f"source.root={Path.cwd()}", *(word for word in words if word != "-m")]
    jobs = compose.jobs(overrides, multirun=multirun)
    assert Counter(job.shots.k for job in jobs) == Counter({None: zero_shot, 5: after}) - Counter({None: 0})


@pytest.mark.usefixtures("workdir")
def test_sampling_alone_does_nothing() -> None:
    with pytest.raises(ConfigError, match=r"shots\.sampling .*does nothing: no shots are taken"):
        compose.jobs(["task=xnli", f"source.root={Path.cwd()}", "shots.sampling=longest"])
