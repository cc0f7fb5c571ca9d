"""Training sizes of the intermediate stages: examples, tokens and updates, to compare the arms."""

from __future__ import annotations

from collections.abc import Mapping, Sequence


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
