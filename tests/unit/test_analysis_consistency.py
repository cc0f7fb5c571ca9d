"""RankC and the measures beside it against the definitions in plain loops, and values worked out by hand."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import cohen_kappa_score, jaccard_score

from xtreme_noise.analysis import consistency
from xtreme_noise.analysis.bootstrap import interval
from xtreme_noise.analysis.consistency import (
    WEIGHTS,
    above_random,
    joint,
    kappa,
    mean,
    overlap,
    places,
    random_baseline,
    rank_consistency,
)

RNG = np.random.default_rng(0)


def naive(first: Sequence[int], second: Sequence[int], kind: str) -> float:
    """The definition, with sets."""
    n = len(first)
    order = [n - j for j in range(n)]
    shapes: dict[str, list[float]] = {
        "softmax": [math.exp(o) for o in order],
        "norm1": [*order],
        "norm2": [o**2 for o in order],
    }
    if kind == "rbo":
        p = consistency.PERSISTENCE
        both = [len({*first[:j]} & {*second[:j]}) / j for j in range(1, n + 1)]
        return both[-1] * p**n + (1 - p) / p * sum(p**j * share for j, share in enumerate(both, 1))
    shape = shapes[kind]
    return sum(
        w / sum(shape) * len({*first[:j]} & {*second[:j]}) / j for j, w in enumerate(shape, 1)
    )  # fmt: skip


@st.composite
def rankings(draw: st.DrawFn) -> tuple[list[int], list[int]]:
    n = draw(st.integers(1, 12))
    return draw(st.permutations(range(n))), draw(st.permutations(range(n)))


@settings(deadline=None, max_examples=60)
@given(st.lists(rankings(), min_size=1, max_size=5), st.sampled_from(WEIGHTS))
def test_full_rankings_of_several_lengths_follow_the_definition(
    pairs: list[tuple[list[int], list[int]]], kind: str
) -> None:
    width = max(len(one) for one, _ in pairs)
    scores = np.full((2, len(pairs), width), -np.inf)
    for row, pair in enumerate(pairs):
        for side, ranking in enumerate(pair):
            scores[side, row, ranking] = -np.arange(len(ranking))
    depths = np.maximum(places(scores[0]), places(scores[1]))
    found = rank_consistency(depths, [len(one) for one, _ in pairs], kind)
    assert found == pytest.approx([naive(*pair, kind) for pair in pairs], abs=1e-9)


@settings(deadline=None, max_examples=60)
@given(st.integers(1, 20), st.integers(0, 25), st.randoms(use_true_random=False), st.sampled_from(WEIGHTS))
def test_lists_that_share_some_candidates_follow_the_definition(n: int, others: int, random, kind: str) -> None:  # type: ignore[no-untyped-def]
    pool = range(n + others)
    pairs = [(random.sample(pool, n), random.sample(pool, n)) for _ in range(3)]
    depths = joint(*(np.array([pair[side] for pair in pairs]) for side in (0, 1)))
    found = rank_consistency(depths, [n] * 3, kind)
    assert found == pytest.approx([naive(*pair, kind) for pair in pairs], abs=1e-9)


@pytest.mark.parametrize("kind", WEIGHTS)
def test_equal_rankings_are_1_and_the_order_of_the_two_does_not_matter(kind: str) -> None:
    one, other = (places(RNG.normal(size=(9, 7))) for _ in range(2))
    full = [7] * 9
    assert rank_consistency(one, full, kind) == pytest.approx(1)
    assert rank_consistency(np.maximum(one, other), full, kind) == pytest.approx(
        rank_consistency(np.maximum(other, one), full, kind)
    )
    assert consistency.weights(kind, 20).sum() == pytest.approx(1)


def test_many_candidates_do_not_overflow() -> None:
    assert np.isfinite(consistency.weights("softmax", 2000)).all()
    assert consistency.weights("softmax", 20)[:5].sum() > 0.993


def test_the_baseline_of_random_rankings() -> None:
    found = random_baseline([2, 3, 10, 20], [2, 3, 10, 20], "softmax")
    assert found == pytest.approx([0.634, 0.475, 0.158, 0.079], abs=5e-4)
    for kind in WEIGHTS:
        drawn = [places(RNG.normal(size=(4000, 6))) for _ in range(2)]
        simulated = rank_consistency(np.maximum(*drawn), [6] * 4000, kind).mean()
        assert random_baseline([6], [6], kind) == pytest.approx(simulated, abs=0.01)
    lists = [np.array([RNG.permutation(40)[:5] for _ in range(4000)]) for _ in range(2)]
    simulated = rank_consistency(joint(*lists), [5] * 4000, "norm1").mean()
    assert random_baseline([5], [40], "norm1") == pytest.approx(simulated, abs=0.01)


def test_two_candidates_agree_or_not() -> None:
    """RankC of two candidates has two values, .269 and 1: that is agreement."""
    found = rank_consistency(np.array([[1, 2], [2, 2]]), [2, 2], "softmax")
    assert found == pytest.approx([1, 0.269], abs=5e-4)


def test_what_is_above_random() -> None:
    assert above_random([0.158, 1.0, 0.579], 0.158) == pytest.approx([0, 1, 0.5])
    assert np.isnan(above_random(1.0, 1.0))


def test_ties_are_ranked_by_position() -> None:
    assert places([[0.5, 0.9, 0.5, -np.inf]]).tolist() == [[2, 1, 3, 4]]


@pytest.mark.parametrize("classes", [2, 3])
def test_kappa_and_overlap_are_those_of_scikit_learn_in_every_resample(classes: int) -> None:
    one = RNG.integers(0, classes, 200)
    other = np.where(RNG.uniform(size=200) < 0.6, one, RNG.integers(0, classes, 200))
    drawn = RNG.multinomial(200, np.full(200, 1 / 200), size=3).astype(float)
    again = [np.repeat(np.arange(200), row.astype(int)) for row in drawn]
    assert kappa(one, other, drawn) == pytest.approx([cohen_kappa_score(one[r], other[r]) for r in again])
    right, also = one == 0, other == 0
    assert overlap(right, also, drawn) == pytest.approx([jaccard_score(right[r], also[r]) for r in again])
    assert mean(np.stack([right, also], axis=1), drawn) == pytest.approx(
        np.array([[right[r].mean(), also[r].mean()] for r in again])
    )


def test_what_is_not_defined_is_nan() -> None:
    once, same = np.ones((1, 3)), np.zeros(3)
    assert np.isnan(kappa(same, same, once)) and np.isnan(overlap(same, same, once))
    assert np.isnan(mean(same[:, None], np.zeros((1, 3)))).all()


def test_resamples_of_queries_give_an_interval() -> None:
    one, other = (places(RNG.normal(size=(400, 10))) for _ in range(2))
    values = rank_consistency(np.maximum(one, other), [10] * 400, "softmax")
    drawn = RNG.multinomial(400, np.full(400, 1 / 400), size=2000).astype(float)
    low, high = interval(mean(values[:, None], drawn)[:, 0]) or (0.0, 0.0)
    assert (high - low) / 2 == pytest.approx(1.96 * values.std() / 20, rel=0.1)
