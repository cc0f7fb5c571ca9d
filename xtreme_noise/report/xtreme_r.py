"""XTREME-R's scores of every system, clean and for every noise family and level of a study."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from xtreme_noise.analysis.xtreme_r import GROUPS, OVERALL, TASKS, Lack, Score, Task, scores
from xtreme_noise.record import CLEAN, CellRecord
from xtreme_noise.report.cells import of_metric
from xtreme_noise.report.formatting import NONE, percent
from xtreme_noise.report.names import Names
from xtreme_noise.report.study import StudyResults
from xtreme_noise.report.system import System
from xtreme_noise.report.views import TableCell, TableView


@dataclass(frozen=True)
class Condition:
    """One system at one level of one noise family; `scores` of every task, group and overall.

    samples: tasks whose test sets were subsampled -> the size of the sample, in words.
    """

    model: str
    system: System
    noise: str
    level: float
    scores: Sequence[Score]
    samples: Mapping[str, str]


def conditions(study: StudyResults) -> list[Condition]:
    """Every (model, system, noise family, level) in which a task of XTREME-R has a cell; clean first.

    A language counts when all of its cells (seeds, noise seeds) are finished and have all values that the task's score
    needs; its score is their mean. A language that the noise family does not support is missing. Scores on a sample of
    the test sets are not the benchmark's, but partial.
    """
    at: dict[tuple[str, System, str, float], dict[str, dict[str, float]]] = defaultdict(lambda: defaultdict(dict))
    cells: dict[tuple[str, str, str, str, str, float], list[CellRecord]] = defaultdict(list)
    for cell in study.cells:
        cells[cell.task, cell.model, cell.intermediate, cell.language, cell.noise, cell.level].append(cell)
    sizes: dict[tuple[str, System, str, float], dict[str, set[int]]] = defaultdict(lambda: defaultdict(set))
    for place in study.places:
        task = _task(place.task, place.metric)
        if task is None:
            continue
        scores_here = at[place.model, place.system, place.noise, place.level]
        own = cells[place.task, place.model, place.system.intermediate, place.language, place.noise, place.level]
        values = [_value(task, cell) for cell in own]
        known = [value for value in values if value is not None]
        if place.status == "ok" and len(known) == len(values):
            scores_here[task.name][place.language] = float(np.mean(known))
            if place.language in task.languages and (cut := {cell.test_size or 0 for cell in own if cell.sampled}):
                sizes[place.model, place.system, place.noise, place.level][task.name] |= cut
    keys = sorted(at, key=lambda key: (key[0], _order(study, key[1]), key[2] != CLEAN, key[2], key[3]))
    conditions = []
    for key in keys:
        samples = {name: _only(some) for name, some in sizes[key].items()}
        conditions.append(Condition(*key, [_of_samples(score, samples) for score in scores(at[key])], samples))
    return conditions


def _only(sizes: set[int]) -> str:
    least, most = min(sizes), max(sizes)
    return f"only {least:,}{f' to {most:,}' if most > least else ''} items of each language"


def _of_samples(score: Score, samples: Mapping[str, str]) -> Score:
    """`score` marked as partial if it includes a task in `samples`, which counts as incomplete."""
    lacking = _cut(score, samples)
    if not lacking:
        return score
    counted = 0 if score.kind == "task" else len({one.part for one in lacking} - {one.part for one in score.missing})
    return replace(score, score=None, parts=score.parts - counted, missing=(*score.missing, *lacking))


def _cut(score: Score, samples: Mapping[str, str]) -> list[Lack]:
    """What `score` lacks because test sets were subsampled."""
    if score.kind == "task":
        return [Lack(samples[score.name])] if score.name in samples else []
    within = [name for name in samples if score.kind == "overall" or TASKS[name].group == score.name]
    return [Lack(name, f"with {samples[name]}") for name in within]


def _order(study: StudyResults, system: System) -> int:
    return [place.system for place in study.places].index(system)


def _task(name: str, metric: str | None) -> Task | None:
    """The benchmark's task of these cells, if it has this metric."""
    scored = (task for task in TASKS.values() if metric in task.metrics)
    return next((task for task in scored if name in (task.name, of_metric(task.name, metric))), None)


def _value(task: Task, cell: CellRecord) -> float | None:
    if cell.score is None or not task.averages_exact_match:
        return cell.score
    exact = (cell.extra or {}).get("exact_match")
    return None if exact is None else (cell.score + exact) / 2


def rows(study: StudyResults) -> list[dict[str, object]]:
    """tables/xtreme_r.csv: one row per condition and score. `score` is empty unless it is complete."""
    return [
        {
            "model": condition.model,
            "intermediate": condition.system.intermediate,
            "arm": condition.system.shown_arm,
            "noise": condition.noise,
            "level": condition.level,
            "kind": score.kind,
            "name": score.name,
            "score": score.score,
            "partial": score.partial,
            "parts": score.parts,
            "wanted": score.wanted,
            "missing": "; ".join(map(str, score.missing)),
        }
        for condition in conditions(study)
        for score in condition.scores
    ]


def table(study: StudyResults, names: Names) -> TableView | None:
    """One row per condition: overall, groups and the tasks of the study; None if it has none of them."""
    rows_of = conditions(study)
    measured = [name for name in TASKS if any(_named(c, name).partial is not None for c in rows_of)]
    if not measured:
        return None
    columns = [OVERALL, *GROUPS, *measured]
    body = []
    for condition in rows_of:
        system = names.task(condition.system.intermediate, condition.model)
        noise = names.noise(condition.noise) + ("" if condition.noise == CLEAN else f" {condition.level:g}")
        body.append([TableCell(system), TableCell(noise), *(_item(condition, name) for name in columns)])
    heads = [("intermediate", 1), ("noise", 1), *((name, 1) for name in columns)]
    whole = any(score.score is not None for condition in rows_of for score in condition.scores)
    caption = "XTREME-R scores × 100" + ("; those in brackets are incomplete" if whole else ": none is complete")
    return TableView(caption, [heads], body, fold=not whole)


def _named(condition: Condition, name: str) -> Score:
    return next(score for score in condition.scores if score.name == name)


def _item(condition: Condition, name: str) -> TableCell:
    score = _named(condition, name)
    if score.partial is None:
        return TableCell(NONE, "num gap")
    if score.score is None:
        of = "languages" if score.kind == "task" else "tasks"
        note = ", ".join([f"{score.parts} of {score.wanted} {of}", *map(str, _cut(score, condition.samples))])
        return TableCell(f"({percent(score.partial)})", "num gap", note)
    return TableCell(percent(score.score), "num strong" if score.kind == "overall" else "num")


def lacks(study: StudyResults) -> list[tuple[str, str]]:
    """(task, what it lacks) over all conditions, for the tasks of the study; the rest of the benchmark last."""
    task_scores = [score for condition in conditions(study) for score in condition.scores if score.kind == "task"]
    absent = [name for name in TASKS if all(score.partial is None for score in task_scores if score.name == name)]
    lines = []
    for name in TASKS:
        missing = dict.fromkeys(str(one) for score in task_scores if score.name == name for one in score.missing)
        if missing and name not in absent:
            lines.append((name, ", ".join(missing)))
    return [*lines, *([("not in this study", ", ".join(absent))] if absent else [])]
