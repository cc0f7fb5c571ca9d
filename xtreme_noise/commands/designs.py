"""The studies that fit a budget, and the smallest difference that each would see."""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from xtreme_noise.analysis.components import variance_limit, with_seed_variance
from xtreme_noise.analysis.planning import Precision, as_drop_rate, precision
from xtreme_noise.analysis.seeds import LEAST_SEEDS
from xtreme_noise.config.schema import PowerConfig
from xtreme_noise.errors import ConfigError
from xtreme_noise.report.pilot import Pilot, PilotComparison

MOST_SEEDS = 30
LEAST_ITEMS = 20  # in a language
STEP = 10  # items
# The confidence of the limit of the variance over seeds: R. H. Browne, On the use of a pilot sample for sample size
# determination, Statistics in Medicine 14 (1995).
CAUTION = 0.8


@dataclass(frozen=True)
class Size:
    """Of the test set of one task."""

    items: int
    languages: int


@dataclass(frozen=True)
class Seen:
    """What a design sees of one comparison. smallest: difference of log-odds lost that is found with power .8;
    cautious: the same if the variance over seeds is at its upper limit (CAUTION); drop_rate: `smallest` on that scale.
    """

    pilot: Pilot
    comparison: PilotComparison
    test: Precision
    smallest: float
    cautious: float
    drop_rate: float


@dataclass(frozen=True)
class Design:
    """A study that fits. sizes: one for each task of the pilot. seen: every primary comparison."""

    seeds: int
    sizes: Sequence[Size]
    hours: float
    seen: Sequence[Seen]

    @property
    def worst(self) -> Seen:
        """The comparison of which it sees only the largest differences."""
        return max(self.seen, key=lambda one: one.smallest)


def designs(pilots: Sequence[Pilot], wanted: PowerConfig) -> list[Design]:
    """For every number of seeds and languages the design with the most items that fit; the most sensitive first.

    Raises ConfigError if none fits.
    """
    caps = [wanted.items or pilot.items for pilot in pilots]
    every = range(LEAST_SEEDS, MOST_SEEDS + 1)
    found = [design for seeds in every for design in _of_seeds(pilots, wanted, seeds, caps)]
    if not found:
        least = min(
            hours(
                pilots, LEAST_SEEDS, [Size(min(LEAST_ITEMS, cap), count) for cap, count in zip(caps, some, strict=True)]
            )
            for some in _languages(pilots, wanted)
        )
        raise ConfigError(
            f"power.hours={wanted.hours:g} is too little for any study: {LEAST_SEEDS} seeds with {LEAST_ITEMS} items "
            f"in a language take {least:.2g} hours; fewer tasks (power.tasks) or arms (power.arms) take less"
        )
    return sorted(found, key=lambda one: (one.worst.smallest, one.hours))


def hours(pilots: Sequence[Pilot], seeds: int, sizes: Sequence[Size]) -> float:
    """Training and tests of all systems and tasks, one after the other, as fast as in the pilot."""
    trained = {
        (pilot.model, name): seconds
        for pilot in pilots
        for stages in pilot.training.values()
        for name, seconds in stages.items()
    }
    tested = sum(
        size.items * size.languages * pilot.cells * sum(pilot.testing.values())
        for pilot, size in zip(pilots, sizes, strict=True)
    )
    return seeds * (sum(trained.values()) + tested) / 3600


def cautious(comparison: PilotComparison) -> PilotComparison:
    """The comparison with the variance over seeds at its upper limit."""
    limit = variance_limit(comparison.seed_variance, comparison.seeds - 1, CAUTION)
    parts = with_seed_variance(comparison.components, limit, comparison.items, comparison.languages)
    return replace(comparison, components=parts)


def _of_seeds(pilots: Sequence[Pilot], wanted: PowerConfig, seeds: int, caps: Sequence[int]) -> Iterator[Design]:
    """caps: the most items in a language, of each pilot."""
    counts = sorted({*range(LEAST_ITEMS, max(caps) + 1, STEP), *caps})
    for several in _languages(pilots, wanted):

        def sizes(items: int, several: Sequence[int] = several) -> list[Size]:
            return [Size(min(items, cap), languages) for cap, languages in zip(caps, several, strict=True)]

        fitting = bisect_right(counts, float(wanted.hours or 0), key=lambda items: hours(pilots, seeds, sizes(items)))
        if fitting:
            own = sizes(counts[fitting - 1])
            seen = [
                _seen(pilot, one, seeds, size)
                for pilot, size in zip(pilots, own, strict=True)
                for one in pilot.comparisons
            ]
            yield Design(seeds, own, hours(pilots, seeds, own), seen)


def _languages(pilots: Sequence[Pilot], wanted: PowerConfig) -> list[tuple[int, ...]]:
    """Numbers of languages to consider, for each pilot: those of power.languages, or all of the pilot's and half."""
    if wanted.languages is not None:
        return [(count,) * len(pilots) for count in wanted.languages]
    return list(dict.fromkeys(tuple(math.ceil(pilot.languages / part) for pilot in pilots) for part in (1, 2)))


def _seen(pilot: Pilot, comparison: PilotComparison, seeds: int, size: Size) -> Seen:
    test, careful = (
        precision(one.components, seeds, size.items, size.languages, one.sources)
        for one in (comparison, cautious(comparison))
    )
    smallest = test.smallest()
    return Seen(
        pilot, comparison, test,
        smallest=smallest,
        cautious=careful.smallest(),
        drop_rate=as_drop_rate(comparison.clean, comparison.noisy, smallest),
    )  # fmt: skip
