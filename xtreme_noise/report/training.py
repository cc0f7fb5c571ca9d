"""What the report says of training: sizes of intermediate stages, and arms that were not computed alike."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence

from xtreme_noise.record import CellRecord

SCORE = re.compile(r"[01](\.\d+)?(e-\d+)?")


def sizes(stages: Sequence[Mapping[str, str]]) -> list[str]:
    """One line per intermediate stage, from tables/stages.csv: its size, and what it learned in each seed."""
    by_size: dict[str, list[str]] = defaultdict(list)
    for stage in stages:
        if stage.get("role") == "intermediate":
            by_size[_size(stage)].append(_learned(stage))
    return [f"{size}{_over_seeds(learned)}" for size, learned in by_size.items()]


def _size(stage: Mapping[str, str]) -> str:
    counts = [
        f"{int(stage[name]):,} {name}" if stage.get(name) else f"{name} not recorded"
        for name in ("examples", "tokens", "updates")
    ]
    matched = f"; arms matched by {stage['matched_by']}" if stage.get("matched_by") else ""
    return f"{stage['stage']}: {', '.join(counts)}{matched}"


def _learned(stage: Mapping[str, str]) -> str:
    """The dev score of the weights that were kept, with its metric, and the gate if it is below; empty if it was not
    recorded.
    """
    score, metric = (stage.get(name) or "" for name in ("dev_score", "dev_metric"))
    if not metric or not SCORE.fullmatch(score):
        return ""
    below = f" (below {100 * float(stage['gate']):g})" if below_gate(stage) is not None else ""
    return f"{metric} {100 * float(score):.1f}{below}"


def below_gate(stage: Mapping[str, str]) -> float | None:
    """The dev score of a stage if it is below the gate of its task, else None; also if one of the two is unknown."""
    score, gate = (stage.get(name) or "" for name in ("dev_score", "gate"))
    known = SCORE.fullmatch(score) and SCORE.fullmatch(gate)
    return float(score) if known and float(score) < float(gate) else None


def _over_seeds(learned: Sequence[str]) -> str:
    known = [one for one in learned if one]
    return f"; learned (dev): {', '.join(known)}" if known else ""


def mixed(cells: Iterable[CellRecord], stages: Sequence[Mapping[str, str]]) -> list[str]:
    """One line per task, model and seed whose arms were trained, or evaluated, on several kinds of machines or in
    several precisions: the difference of such arms contains that of the machines.
    """
    trained = {stage["digest"]: (stage.get("hardware"), stage.get("precision")) for stage in stages}
    ways: dict[tuple[str, str, int, str], dict[str, set[str]]] = defaultdict(lambda: defaultdict(set))
    for cell in cells:
        training, inference = trained.get(cell.stage or "", (None, None)), (cell.hardware, cell.precision)
        for what, (place, precision) in (("training", training), ("inference", inference)):
            if cell.status == "ok" and place and precision:
                ways[cell.task, cell.model, cell.seed, what][f"{place}, {precision}"].add(cell.intermediate)
    return [
        f"{task}, {model}, seed {seed}, {what}: "
        + "; ".join(f"{way} ({', '.join(sorted(arms))})" for way, arms in sorted(of.items()))
        for (task, model, seed, what), of in sorted(ways.items())
        if len({frozenset(arms) for arms in of.values()}) > 1
    ]
