"""XTREME-R's scores: of a task, of a group of tasks, and overall (Ruder et al. 2021).

A task's score is the mean over its languages, a group's the mean over its tasks, the overall score the mean over the
ten tasks. In QA a language's score is the mean of F1 and exact match. A mean over fewer languages or tasks is not
XTREME-R's score: it is reported separately as `partial`, with what is missing.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

_UDPOS = (
    "af ar bg de el en es et eu fa fi fr he hi hu id it ja kk ko lt mr nl pl pt ro ru ta te th tl tr uk ur vi wo yo zh"
)
_WIKIANN = (
    "af ar az bg bn de el en es et eu fa fi fr gu he hi hu id it ja jv ka kk ko lt ml mr ms my nl pa pl pt qu ro ru sw "
    "ta te th tl tr uk ur vi yo zh"
)
_TATOEBA = (
    "af ar az bg bn de el es et eu fa fi fr he hi hu id it ja jv ka kk ko lt ml mr nl pl pt ro ru sw ta te th tl tr uk "
    "ur vi zh"
)


SAME = {"squad_f1": ("squad_v1_f1",)}  # metrics that count as the same: these differ only for answers without a token


@dataclass(frozen=True)
class Task:
    """A task of the benchmark. `metric`: the metric of its score; no other counts, except those of `SAME`."""

    name: str
    group: str
    metric: str
    languages: tuple[str, ...]

    @property
    def metrics(self) -> tuple[str, ...]:
        return (self.metric, *SAME.get(self.metric, ()))

    @property
    def averages_exact_match(self) -> bool:
        """Whether a language's score is the mean of the metric and exact match."""
        return self.group == "qa"


def _task(name: str, group: str, metric: str, languages: str) -> Task:
    return Task(name, group, metric, tuple(languages.split()))


# XTREME-R tests Tatoeba with a model trained on SQuAD; with the pretrained model, it is XTREME's task, another one.
TASKS = {
    task.name: task
    for task in (
        _task("xnli", "classification", "accuracy", "ar bg de el en es fr hi ru sw th tr ur vi zh"),
        _task("xcopa", "classification", "accuracy", "et ht id it qu sw ta th tr vi zh"),
        _task("udpos", "structured", "span_f1", _UDPOS),
        _task("wikiann", "structured", "span_f1", _WIKIANN),
        _task("xquad", "qa", "squad_f1", "ar de el en es hi ro ru th tr vi zh"),
        _task("mlqa", "qa", "mlqa_f1", "ar de en es hi vi zh"),
        _task("tydiqa", "qa", "squad_f1", "ar bn en fi id ko ru sw te"),
        _task("tatoeba_squad", "retrieval", "accuracy", _TATOEBA),
        _task("mewslix", "retrieval", "mrr_at_20", "ar de en es fa ja pl ro ta tr uk"),
        _task("lareqa", "retrieval", "map_at_20", "ar de el en es hi ru th tr vi zh"),
    )
}
GROUPS = tuple(dict.fromkeys(task.group for task in TASKS.values()))
OVERALL = "overall"


@dataclass(frozen=True)
class Lack:
    """An incomplete part of a score. without: what it lacks, in words; empty: all of it is missing."""

    part: str
    without: str = ""

    def __str__(self) -> str:
        return f"{self.part} {self.without}".rstrip()


@dataclass(frozen=True)
class Score:
    """A score in [0, 1] of a task, a group or the whole benchmark.

    score: None unless every language and task is included; partial: the mean over the existing ones (None: there are
    none). parts, wanted: the number of complete parts (languages of a task, tasks of a group), and of all parts.
    missing: the incomplete parts.
    """

    kind: str  # task | group | overall
    name: str
    score: float | None
    partial: float | None
    parts: int
    wanted: int
    missing: tuple[Lack, ...]


def scores(measured: Mapping[str, Mapping[str, float]]) -> list[Score]:
    """The scores of every task, every group and overall, from task -> language -> score in [0, 1].

    Ignores tasks and languages that are not in XTREME-R. Tasks come first, then groups, then the overall score.
    """
    tasks = {name: _score("task", name, _of_languages(task, measured.get(name, {}))) for name, task in TASKS.items()}
    groups = [
        _score("group", group, {name: tasks[name] for name, task in TASKS.items() if task.group == group})
        for group in GROUPS
    ]
    return [*tasks.values(), *groups, _score("overall", OVERALL, tasks)]


def _of_languages(task: Task, measured: Mapping[str, float]) -> dict[str, Score]:
    return {
        code: Score(
            kind="language",
            name=code,
            score=measured.get(code),
            partial=measured.get(code),
            parts=int(code in measured),
            wanted=1,
            missing=(),
        )
        for code in task.languages
    }


def _score(kind: str, name: str, parts: Mapping[str, Score]) -> Score:
    there = [part.partial for part in parts.values() if part.partial is not None]
    whole = [part for part in parts.values() if part.score is not None]
    partial = sum(there) / len(there) if there else None
    missing = tuple(_lack(part) for part in parts.values() if part.score is None)
    return Score(
        kind=kind,
        name=name,
        score=None if missing else partial,
        partial=partial,
        parts=len(whole),
        wanted=len(parts),
        missing=missing,
    )


def _lack(part: Score) -> Lack:
    return Lack(part.name, "" if part.partial is None else f"without {', '.join(map(str, part.missing))}")
