"""P(wrong under noise | right when clean), on the items that both arms have right: neither starts ahead."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from xtreme_noise.analysis.bootstrap import Floats, LanguageScores, by_cluster, replicates
from xtreme_noise.report.panels import Panel
from xtreme_noise.report.predictions import Evidence
from xtreme_noise.report.runs import Runs, mean
from xtreme_noise.report.statistics import Comparison
from xtreme_noise.report.system import System


def newly_wrong(pairs: Sequence[Comparison]) -> tuple[Runs, Runs] | None:
    """This share for the arm and for the reference, run by run; a mean over languages, noisy levels and noise families.

    pairs: two systems on one task, one per noise family, with the same training seeds. The draws of items are those
    of all statistics of the task. None if predictions do not contain whether each item is right.
    """
    evidence = pairs[0].evidence
    cells = [cell.cell for pair in pairs for spot, cell in pair.panel.cells.items() if spot[1] in pair.panel.languages]
    if not evidence.scores or any(cell not in evidence.correct for cell in cells):
        return None
    parts, drawn = _resampled(pairs)
    seeds = len(pairs[0].panel.seeds)
    sides: tuple[list[Runs], list[Runs]] = ([], [])
    for number, pair in enumerate(pairs):
        for side, found in enumerate(sides):
            first = (2 * number + side) * seeds
            several = []
            for language in pair.panel.languages:
                part, columns = parts[language], slice(first, first + seeds)
                with np.errstate(invalid="ignore"):
                    values = part.num[:, columns].sum(axis=0) / part.den[:, columns].sum(axis=0)
                several.append(Runs(values, drawn[language][:, columns].T))
            found.append(mean(several))
    return mean(sides[0]), mean(sides[1])


def _resampled(pairs: Sequence[Comparison]) -> tuple[Mapping[str, LanguageScores], Mapping[str, Floats]]:
    """Language -> its counts and their replicates. Those of some of the languages are the same as those of all, which
    are computed first and kept.
    """
    evidence = pairs[0].evidence
    key = tuple((pair.arm, pair.reference, _same(pair.panel)) for pair in pairs)
    kept = evidence.kept.get(key)
    if kept is None or any(not set(pair.panel.languages) <= one for pair, one in zip(pairs, kept[0], strict=True)):
        counts = {language: _counts(pairs, language) for language in evidence.names}
        parts = {
            language: LanguageScores(*_by_cluster(evidence.names[language], *both)) for language, both in counts.items()
        }
        drawn = replicates(parts, evidence.resamples, seed=evidence.seed, stream=evidence.stream)
        kept = evidence.kept[key] = [set(pair.panel.languages) for pair in pairs], parts, drawn
    return kept[1], kept[2]


def _same(panel: Panel) -> tuple[object, ...]:
    return panel.model, panel.noise, panel.levels, panel.seeds, panel.noise_seeds


def _by_cluster(names: NDArray[np.str_], num: Floats, den: Floats) -> tuple[list[str], Floats, Floats]:
    clusters, summed = by_cluster(names, num)
    return clusters, summed, by_cluster(names, den)[1]


def _counts(pairs: Sequence[Comparison], language: str) -> tuple[Floats, Floats]:
    """For each example, the share of noisy cells in which it becomes wrong, and 1 if both get it right when clean.

    (examples, noise families x two systems x seeds); 0 for a noise family without the language.
    """
    evidence = pairs[0].evidence
    num, den = [], []
    for pair in pairs:
        there = language in pair.panel.languages
        for system in (pair.arm, pair.reference):
            for run in range(len(pair.panel.seeds)):
                both = _both(pair, evidence, language, run) if there else np.zeros(len(evidence.names[language]))
                den.append(both)
                num.append(both * _wrong(pair.panel, evidence, system, language, run) if there else both)
    return np.column_stack(num), np.column_stack(den)


def _both(pair: Comparison, evidence: Evidence, language: str, run: int) -> Floats:
    ours, theirs = (
        evidence.correct[pair.panel.at(system, language, 0.0)[run][0].cell] for system in (pair.arm, pair.reference)
    )
    return (ours & theirs).astype(float)


def _wrong(panel: Panel, evidence: Evidence, system: System, language: str, run: int) -> Floats:
    cells = [cell for level in panel.levels[1:] for cell in panel.at(system, language, level)[run]]
    wrong: Floats = np.mean([~evidence.correct[cell.cell] for cell in cells], axis=0)
    return wrong
