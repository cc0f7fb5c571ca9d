"""What each intermediate stage learned of its task, in each of its languages: the rows of tables/learned.csv."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from xtreme_noise import record

COLUMNS = (
    "digest", "kind", "arm", "stage", "task", "parent", "train_noise", "seed", "model", "language", "metric", "score",
    "n", "gate", "below",
)  # fmt: skip


def rows(stage: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """One row per language of an intermediate stage, and per task of a multitask stage; none for other stages.

    stage: of the record of a job. Without n: not measured, as in stages that were trained before it was; n = 0: the
    language has no dev data. Raises ValueError for a record that was edited or damaged.
    """
    if stage.get("role") != "intermediate":
        return
    common = {name: stage.get(name) for name in COLUMNS} | {"train_noise": stage.get("noise")}
    try:
        for task, part in (stage.get("tasks") or {"": stage}).items():
            gate = stage.get("gate") if task in ("", stage.get("gated")) else None
            for language, (score, count) in _scores(part).items():
                below = None if score is None or gate is None else score < gate
                own = {"task": task, "metric": part.get("dev_metric"), "language": language}
                yield common | own | {"score": score, "n": count, "gate": gate, "below": below}
    except (AttributeError, KeyError, TypeError) as error:
        raise ValueError(f"what was learned by language cannot be read ({error!r})") from error


def _scores(part: Mapping[str, Any]) -> dict[str, tuple[float | None, int | None]]:
    """language -> score and number of examples."""
    measured = part.get("dev_by_language")
    if measured is None:
        return dict.fromkeys(part.get("languages") or {}, (None, None))
    scores = {code: (None, 0) if one is None else (one["score"], one["n"]) for code, one in measured.items()}
    for score, count in scores.values():
        share = score is None or (record.number(score) and -record.SLACK <= score <= 1 + record.SLACK)
        if type(count) is not int or count < 0 or not share:
            raise ValueError(f"{score!r:.80} on {count!r:.80} dev examples is no score")
    # Scores are sums of floats: without what is beyond 0 or 1.
    return {code: (score and min(1.0, max(0.0, score)), count) for code, (score, count) in scores.items()}
