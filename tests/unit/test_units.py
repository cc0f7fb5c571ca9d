"""What a cluster runs in allocations of its own, and in which order."""

from __future__ import annotations

import pytest

from xtreme_noise.commands import allocations
from xtreme_noise.stages.units import Link, Unit, dependents, units

JOBS = [("aa", "xnli-s1"), ("bb", "xnli-s2"), ("cc", "pawsx-s1")]


def chain(*names: str, there: str = "") -> list[Link]:
    return [Link(name, name.upper(), name in there.split()) for name in names]


def test_jobs_that_share_nothing_are_all_there_is() -> None:
    found = units([chain("a", "b"), chain("c"), chain()], JOBS)
    assert found == [
        Unit("jobs/aa", "xnli-s1", 0, trains=("a", "b")), Unit("jobs/bb", "xnli-s2", 1, trains=("c",)),
        Unit("jobs/cc", "pawsx-s1", 2),
    ]  # fmt: skip


def test_shared_stages_come_first_and_wait_for_those_they_start_from() -> None:
    found = units([chain("mlm", "nli", "x"), chain("mlm", "nli", "y"), chain("mlm", "z")], JOBS)
    assert found[:2] == [
        Unit("stages/mlm", "MLM", 0, "mlm", trains=("mlm",)),
        Unit("stages/nli", "NLI", 0, "nli", after="stages/mlm", trains=("nli",)),
    ]
    assert [(unit.name, unit.after, *unit.trains) for unit in found[2:]] == [
        ("jobs/aa", "stages/nli", "x"), ("jobs/bb", "stages/nli", "y"), ("jobs/cc", "stages/mlm", "z"),
    ]  # fmt: skip
    assert dependents(found[0], found) == [0, 1, 2]
    assert dependents(found[1], found) == [0, 1]


def test_nothing_stored_is_trained_again() -> None:
    found = units([chain("mlm", "nli", "x", there="nli"), chain("mlm", "nli", "y", there="nli"), chain("mlm")], JOBS)
    assert [unit.name for unit in found] == ["jobs/aa", "jobs/bb", "jobs/cc"]


def test_a_job_waits_for_a_stage_in_the_queue_even_if_it_alone_needs_it() -> None:
    found = units([chain("nli", "x")], JOBS[:1], apart={"stages/nli"})
    assert [(unit.name, unit.after) for unit in found] == [("stages/nli", None), ("jobs/aa", "stages/nli")]


@pytest.mark.parametrize(
    ("stages", "cells", "said"),
    [
        ({"a": 61.0, "b": 0.0}, {0: 60.0}, "3"),
        ({"a": 61.0, "b": None}, {0: 60.0}, "3 + unmeasured"),
        ({"a": None, "b": None}, {}, "unmeasured"),
    ],
)
def test_minutes_of_a_job(stages: dict[str, float | None], cells: dict[int, float | None], said: str) -> None:
    assert allocations.minutes(Unit("jobs/x", "x", 0, trains=("a", "b")), stages, cells) == said
