"""Ranks of systems with intervals: the places that a system can have, given what is known of all differences.

A system is better than another where the test of their difference says so, adjusted for all pairs (step-down maxT). Its
rank is then at least 1 + the systems that are better, and at most the number of systems minus those that are worse. All
intervals hold at once, with the confidence of the tests together.

Source: M. Mogstad, J. P. Romano, A. M. Shaikh and D. Wilhelm, Inference for ranks with applications to mobility across
neighbourhoods and academic achievement across countries, Review of Economic Studies 91 (2024).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from xtreme_noise.analysis.maxt import Test, step_down

ALPHA = 0.05  # of the tests of all pairs together


@dataclass(frozen=True)
class Rank:
    """rank: 1 is the best, equal values share it. low, high: its interval; 1 and the number of systems where nothing is
    known.
    """

    rank: int
    low: int
    high: int


def ranks(values: Sequence[float], tests: Mapping[tuple[int, int], Test]) -> list[Rank]:
    """The rank of each system; higher values are better.

    tests: (i, j) with i < j -> the test of values[i] - values[j]; pairs without one are not told apart. Raises
    ValueError for tests whose resamples are not equally many.
    """
    numbers = range(len(values))
    above: list[set[int]] = [set() for _ in numbers]  # the systems that are better
    for (i, j), p in zip(tests, step_down(list(tests.values())), strict=True):
        if p < ALPHA and values[i] != values[j]:
            worse, better = (i, j) if values[i] < values[j] else (j, i)
            above[worse].add(better)
    return [
        Rank(
            rank=1 + sum(value > values[i] for value in values),
            low=1 + len(above[i]),
            high=len(values) - sum(i in better for better in above),
        )
        for i in numbers
    ]
