"""From a finished pilot to variance components: what the difference of two arms varies over.

In training seed s, language l and item i, the linearised difference of two arms is

    truth + A_s + B_sl + C_i + D_il + E_si + F_sil

of which A is what the seed does everywhere, B what it does in one language, C and D are errors of the item that all
runs share (what an arm does to it), E and F those of one run. C and E are common to the translations of an item; a test
set that is not parallel has none of them. The shares of the item errors are moments of the paired bootstrap: its
replicates of two runs covary by what the runs share, those of two languages by what the languages share. A and B are
those of a two-way table of seeds and languages (S. R. Searle, G. Casella and C. E. McCulloch, Variance Components
(1992), ch. 4), less the item errors of single runs that are in it. A negative estimate is 0, which is the
safe side: the whole variance of one run or language is then its own.

The seeds of a pilot are few: A has their number - 1 degrees of freedom, B that times (languages - 1), the items as many
as there are items. What cannot be told apart: the choice of languages is not an error here (they are fixed), and with
one language B, D and F are counted in A, C and E.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from xtreme_noise.analysis.bootstrap import Floats


@dataclass(frozen=True)
class Components:
    """Variances: A, B of a run; C, D, E, F of one item (see above)."""

    seeds: float
    seeds_by_language: float
    items: float
    items_by_language: float
    items_by_run: float
    items_by_run_and_language: float

    def of_runs(self, items: int, languages: int) -> float:
        """The variance over training seeds that estimates of single runs show, item errors of the run included."""
        own = self.items_by_run + self.items_by_run_and_language / languages
        return self.seeds + self.seeds_by_language / languages + own / items

    def of_items(self, seeds: int, items: int, languages: int) -> float:
        """The variance over test items of the mean over `seeds` runs: that of the bootstrap."""
        shared = self.items + self.items_by_language / languages
        own = self.items_by_run + self.items_by_run_and_language / languages
        return (shared + own / seeds) / items

    def of_mean(self, seeds: int, items: int, languages: int) -> float:
        """The true variance of the mean over `seeds` runs. An item error of one run counts once here, and twice in
        `of_items` + `of_runs` / seeds, which the inference has (docs/statistics.md)."""
        over_seeds = self.seeds + self.seeds_by_language / languages
        return self.of_items(seeds, items, languages) + over_seeds / seeds


def components(values: Floats, drawn: Floats, items: int) -> Components:
    """The components of the differences of a pilot.

    values: (seeds, languages), two seeds or more; drawn: (seeds, languages, resamples), the same resamples of items
    everywhere; items: in each language.
    """
    languages = values.shape[1]
    single, together = _parts(drawn), _parts(drawn.mean(axis=1)[:, None])  # of one language, of the mean over all
    shared, shared_by_language = _over_languages(items * single[0], items * together[0], languages)
    own, own_by_language = _over_languages(items * single[1], items * together[1], languages)
    by_language = max(0.0, _interaction(values) - own_by_language / items)
    without = Components(0.0, by_language, shared, shared_by_language, own, own_by_language)
    return with_seed_variance(without, float(values.mean(axis=1).var(ddof=1)), items, languages)


def _parts(drawn: Floats) -> tuple[float, float]:
    """The variance over resamples of one run in one language, averaged: the part that runs share, and the run's own."""
    seeds = len(drawn)
    single = float(np.nanvar(drawn, axis=2, ddof=1).mean())
    together = float(np.nanvar(drawn.mean(axis=0), axis=1, ddof=1).mean())
    own = min(single, max(0.0, (single - together) * seeds / (seeds - 1)))
    return single - own, own


def _over_languages(single: float, together: float, languages: int) -> tuple[float, float]:
    """The part of a variance that languages share, and that of each: a + b of one language, a + b / L of their mean."""
    if languages == 1:
        return single, 0.0
    apart = min(single, max(0.0, (single - together) * languages / (languages - 1)))
    return single - apart, apart


def _interaction(values: Floats) -> float:
    """The mean square of seeds by languages; 0 for one language."""
    seeds, languages = values.shape
    if languages == 1:
        return 0.0
    residual = values - values.mean(axis=0) - values.mean(axis=1, keepdims=True) + values.mean()
    return float((residual**2).sum() / ((seeds - 1) * (languages - 1)))


def variance_limit(variance: float, df: int, share: float) -> float:
    """The limit that a true variance is below with confidence `share` (0 to 1), from an estimate with `df` degrees of
    freedom: df variance / chi-square quantile (normal values).
    """
    from scipy import special  # takes a while to import

    return variance * df / (2 * float(special.gammaincinv(df / 2, 1 - share)))


def with_seed_variance(parts: Components, variance: float, items: int, languages: int) -> Components:
    """The components if the variance over seeds of the pilot (`of_runs`, at its size) were this one."""
    return replace(parts, seeds=max(0.0, parts.seeds + variance - parts.of_runs(items, languages)))
