"""What the report says of training: sizes of intermediate stages, and arms that were not computed alike."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence

from xtreme_noise.record import CellRecord


def sizes(stages: Sequence[Mapping[str, str]]) -> list[str]:
    """One line per trained intermediate stage, from tables/stages.csv; equal lines (of several seeds) once."""
    return list(dict.fromkeys(_size(stage) for stage in stages if stage.get("role") == "intermediate"))


def _size(stage: Mapping[str, str]) -> str:
    counts = [
        f"{int(stage[name]):,} {name}" if stage.get(name) else f"{name} not recorded"
        for name in ("examples", "tokens", "updates")
    ]
    matched = f"; arms matched by {stage['matched_by']}" if stage.get("matched_by") else ""
    return f"{stage['stage']}: {', '.join(counts)}{matched}"


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
