"""Arms that did not learn their intermediate task: those with a dev score below its `gate` in some training seed.

A comparison of such an arm says little of the task: its numbers stay, and are marked.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from xtreme_noise.record import CellRecord
from xtreme_noise.report.effects import Effect
from xtreme_noise.report.training import below_gate

Arm = tuple[str, str, str]  # task, model, name of the system


def marked(effects: Sequence[Effect], cells: Iterable[CellRecord], stages: Sequence[Mapping[str, str]]) -> list[Effect]:
    """The effects, each with the arms of it that did not learn. stages: of tables/stages.csv."""
    found = not_learned(cells, stages)
    return [
        replace(effect, below_gate=tuple(f"{name} {why}" for name, why in _of(effect, found))) for effect in effects
    ]


def _of(effect: Effect, found: Mapping[Arm, str]) -> list[tuple[str, str]]:
    """The arms of one comparison that did not learn, with the reason."""
    names = (effect.arm, effect.reference)
    return [(name, why) for name in names if (why := found.get((effect.task, effect.model, name)))]


def not_learned(cells: Iterable[CellRecord], stages: Sequence[Mapping[str, str]]) -> dict[Arm, str]:
    """Every arm that did not learn -> what: "did not learn nli (accuracy 0.46 < 0.6 in 2 of 3 seeds)", with its lowest
    score.
    """
    trained = {stage["digest"]: stage for stage in stages if stage.get("digest")}
    seeds: dict[Arm, set[int]] = defaultdict(set)
    low: dict[Arm, dict[str, list[tuple[float, str]]]] = defaultdict(lambda: defaultdict(list))
    for cell in cells:
        arm = (cell.task, cell.model, cell.intermediate)
        if cell.status != "ok" or cell.seed in seeds[arm]:
            continue
        seeds[arm].add(cell.seed)
        for stage in _line(cell.stage or "", trained):
            if (score := below_gate(stage)) is not None:
                said = f"{stage.get('dev_metric')} {score:.2f} < {float(stage['gate']):g}"
                low[arm][stage.get("kind") or stage["stage"]].append((score, said))
    return {
        arm: f"did not learn {' and '.join(_what(kind, own, len(seeds[arm])) for kind, own in some.items())}"
        for arm, some in low.items()
    }


def _what(kind: str, own: Sequence[tuple[float, str]], seeds: int) -> str:
    where = f" in {len(own)} of {seeds} seeds" if seeds > 1 else ""
    return f"{kind} ({min(own)[1]}{where})"


def _line(digest: str, trained: Mapping[str, Mapping[str, str]]) -> list[Mapping[str, str]]:
    """The stage of a model and those before it."""
    line: list[Mapping[str, str]] = []
    while digest in trained and trained[digest] not in line:
        line.append(trained[digest])
        digest = trained[digest].get("parent_digest") or ""
    return line
