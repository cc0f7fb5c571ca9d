"""Panels of comparable cells: those of one task, model and noise family that are complete in every arm."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

from xtreme_noise.record import CLEAN, CellRecord
from xtreme_noise.report.shots import Shots
from xtreme_noise.report.system import System

Number = TypeVar("Number", int, float)
Spot = tuple[str, str, float, int, int | None]  # intermediate, language, level, seed, noise seed (None when clean)


@dataclass(frozen=True)
class Panel:
    """One task, model and noise family; `noise` is "clean" when the study has only level 0 there.

    languages: complete languages, in which every system has every level, seed and noise seed: means are over these.
    partial: levels and seeds that only some systems have, in words: they are left out too.
    gaps: all other languages of the task, with the reason why means leave them out.
    silent: systems of the task without any usable cell here: they are ignored, also for `languages`.
    levels, seeds, noise_seeds: those that every system has.
    cells: the finished ones. spots: every cell of the task, model and noise family, with any status.
    unusable: language -> why its cells cannot be compared.
    """

    task: str
    model: str
    noise: str
    shots: Shots
    metric: str
    family: str
    systems: tuple[System, ...]
    silent: tuple[System, ...]
    levels: tuple[float, ...]
    seeds: tuple[int, ...]
    noise_seeds: tuple[int, ...]
    languages: tuple[str, ...]
    gaps: Mapping[str, str]
    partial: tuple[str, ...]
    cells: Mapping[Spot, CellRecord]
    spots: Mapping[Spot, CellRecord]
    unusable: Mapping[str, str]

    def among(self, some: Sequence[System]) -> Panel:
        """The panel of some of its systems, over all languages, levels and seeds that these share."""
        names = {system.intermediate for system in some}
        spots = {spot: cell for spot, cell in self.spots.items() if spot[0] in names}
        wanted = sorted({*self.languages, *self.gaps})
        return _panel(
            task=self.task,
            model=self.model,
            noise=self.noise,
            spots=spots,
            every=some,
            wanted=wanted,
            bad=self.unusable,
        )

    def at(self, system: System, language: str, level: float) -> list[list[CellRecord]]:
        """The cells of one point, per training seed, over noise seeds."""
        noise_seeds: tuple[int | None, ...] = (None,) if level == 0 else self.noise_seeds
        return [
            [self.cells[(system.intermediate, language, level, seed, noise)] for noise in noise_seeds]
            for seed in self.seeds
        ]

    @property
    def source(self) -> str:
        """The language that transfer is from; of a target that is not trained: English, that of the English arms."""
        return source([next(iter(self.spots.values()))])

    @property
    def wanted(self) -> int:
        """Number of languages of the task in this study."""
        return len(self.languages) + len(self.gaps)

    @property
    def whole(self) -> bool:
        return not self.gaps


def panels(cells: Sequence[CellRecord], unusable: Mapping[tuple[str, str], str] | None = None) -> list[Panel]:
    """Every panel of the study. `unusable`: (task, language) -> why its cells cannot be compared."""
    grouped: dict[tuple[str, str], list[CellRecord]] = defaultdict(list)
    for cell in cells:
        grouped[(cell.task, cell.model)].append(cell)
    result = []
    for (task, model), members in grouped.items():
        noises = sorted({cell.noise for cell in members} - {CLEAN}) or [CLEAN]
        bad = {language: why for (t, language), why in (unusable or {}).items() if t == task}
        for noise in noises:
            spots = _spots(members, noise)
            wanted = sorted({spot[1] for spot in spots})
            result.append(
                _panel(
                    task=task,
                    model=model,
                    noise=noise,
                    spots=spots,
                    every=systems(list(spots.values())),
                    wanted=wanted,
                    bad=bad,
                )
            )
    return result


def source(cells: Iterable[CellRecord]) -> str:
    """The language of the target's training data, the same in all of these cells; see Panel.source."""
    return next((cell.train_language for cell in cells if cell.train_language), "en")


def systems(cells: Sequence[CellRecord]) -> list[System]:
    """The distinct systems: without an intermediate stage first, then English, then multilingual."""
    return sorted({System.of(cell) for cell in cells}, key=lambda system: system.rank)


def _spots(members: Iterable[CellRecord], noise: str) -> dict[Spot, CellRecord]:
    """The clean cells and those of one noise family."""
    spots: dict[Spot, CellRecord] = {}
    for cell in members:
        if cell.noise in (CLEAN, noise):
            noise_seed = None if cell.noise == CLEAN else cell.noise_seed
            spots[(cell.intermediate, cell.language, cell.level, cell.seed, noise_seed)] = cell
    return spots


def _panel(
    task: str,
    model: str,
    noise: str,
    spots: Mapping[Spot, CellRecord],
    every: Sequence[System],
    wanted: Sequence[str],
    bad: Mapping[str, str],
) -> Panel:
    here = list(spots.values())
    good = {spot: cell for spot, cell in spots.items() if cell.status == "ok" and cell.score is not None}
    active = [s for s in every if any(spot[0] == s.intermediate for spot in good)]
    names = [s.intermediate for s in active]
    levels = _common(names, ((spot[0], spot[2]) for spot in good))
    seeds = _common(names, ((spot[0], spot[3]) for spot in good))
    noise_seeds = _common(names, ((spot[0], spot[4]) for spot in good if spot[4] is not None))
    complete: list[str] = []
    gaps: dict[str, str] = {}
    for language in wanted:
        needed = [
            (name, language, level, seed, noise_seed)
            for name in names
            for level in levels
            for seed in seeds
            for noise_seed in ([None] if level == 0 else noise_seeds)
        ]
        lost = [spot for spot in needed if spot not in good]
        if language in bad:
            gaps[language] = bad[language]
        elif not needed or lost:
            gaps[language] = _reason(lost, spots, here, language)
        else:
            complete.append(language)
    metrics = [cell.metric for cell in good.values() if cell.metric]
    return Panel(
        task, model, noise,
        shots=Shots.of(here[0]),
        metric=metrics[0] if metrics else "",
        family=here[0].family,
        systems=tuple(active),
        silent=tuple(s for s in every if s not in active),
        levels=tuple(levels), seeds=tuple(seeds), noise_seeds=tuple(noise_seeds),
        languages=tuple(complete), gaps=gaps, cells=good, spots=spots, unusable=bad,
        partial=_partial(spots, levels, seeds, noise_seeds),
    )  # fmt: skip


def _partial(
    spots: Iterable[Spot], levels: Sequence[float], seeds: Sequence[int], noise_seeds: Sequence[int]
) -> tuple[str, ...]:
    known = list(spots)
    extra = {
        "level": {f"{spot[2]:g}" for spot in known if spot[2] not in levels},
        "seed": {str(spot[3]) for spot in known if spot[3] not in seeds},
        "noise seed": {str(spot[4]) for spot in known if spot[4] is not None and spot[4] not in noise_seeds},
    }
    return tuple(f"{what} {', '.join(sorted(values))}" for what, values in extra.items() if values)


def _common(systems: Sequence[str], pairs: Iterable[tuple[str, Number]]) -> list[Number]:
    """Values that every system has, ascending."""
    seen: dict[Number, set[str]] = defaultdict(set)
    for system, value in pairs:
        seen[value].add(system)
    return sorted(value for value, owners in seen.items() if owners >= set(systems))


def _reason(lost: Sequence[Spot], spots: Mapping[Spot, CellRecord], here: Sequence[CellRecord], language: str) -> str:
    """Why a language is left out, in words: its worst status."""
    statuses = [spots[spot].status for spot in lost if spot in spots]
    statuses += [cell.status for cell in here if cell.language == language and cell.status == "missing"]
    for status, text in (
        ("missing", "data missing"),
        ("error", "failed"),
        ("n/a", "noise not applicable"),
    ):
        if status in statuses:
            arms = sorted({spot[0] for spot in lost if spot in spots and spots[spot].status == status})
            return text + (f" in {', '.join(arms)}" if status == "error" and arms else "")
    return "not run everywhere"
