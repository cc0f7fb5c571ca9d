"""mode=power: how to divide hours over training seeds, items and languages, from a pilot or the shipped variances.

shipped_pilots.json has the pilots of docs/statistics.md ("Planning a study"); tools/ship_pilots.py writes it.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from rich import box
from rich.console import Console
from rich.table import Table

from xtreme_noise import results
from xtreme_noise.analysis.components import Components, variance_limit
from xtreme_noise.analysis.planning import precision
from xtreme_noise.analysis.seeds import LEAST_SEEDS
from xtreme_noise.commands.checks import has_results, readable, writable
from xtreme_noise.commands.designs import CAUTION, Design, designs
from xtreme_noise.config.compose import Study
from xtreme_noise.config.schema import PowerConfig
from xtreme_noise.errors import ConfigError, suggest
from xtreme_noise.report.formatting import number, percent, plural
from xtreme_noise.report.pilot import Pilot, PilotComparison, read_pilots
from xtreme_noise.report.runs import PRIMARY
from xtreme_noise.sheets import sheet
from xtreme_noise.store import write_atomic

SHIPPED = Path(__file__).parent / "shipped_pilots.json"
TABLE = Path("tables") / "power.csv"
SHOWN = 10  # designs in the terminal; the table of the study has all
COLUMNS = (
    "seeds", "items", "languages", "hours", "task", "model", "arm", "reference", "smallest_difference",
    "smallest_difference_if_seeds_vary_more", "smallest_drop_rate_difference", "standard_error", "seed_share",
    "difference", "power",
)  # fmt: skip


def main(study: Study) -> int:
    """The plan of the study that sweep= names, or of the shipped variances of the tasks; returns 0. Raises ConfigError
    for settings that cannot be planned.
    """
    wanted = study.jobs[0].power
    if any(job.power != wanted for job in study.jobs):
        raise ConfigError("mode=power makes one plan: of its settings only task can be swept")
    if not study.given:
        of_tasks([job.task.name for job in study.jobs], wanted)
        return 0
    for text in study.overrides:
        if text.lstrip("+").startswith("task="):
            raise ConfigError(f"{text} does nothing with sweep=, which has its own tasks: choose by power.tasks=[...]")
    has_results(study.sweep)
    writable(study.sweep, "tables", f"sweep={study.sweep}: the table of designs", "sweep=/a/copy/of/the/study")
    readable(study.sweep)
    results.finish(study.sweep)
    of_study(study.sweep, wanted)
    return 0


def of_study(sweep: Path, wanted: PowerConfig) -> None:
    """Plan from a finished study: prints the plan, and writes all designs to its tables/power.csv."""
    known, left_out = read_pilots(sweep)
    pilots = chosen(known, wanted, f"sweep={sweep}")
    found = designs(pilots, wanted)
    write_atomic(sweep / TABLE, sheet(COLUMNS, _rows(found, wanted)))
    _show([f"pilot: {sweep}", *(f"left out: {why}" for why in left_out)], pilots, found, wanted)
    print(sweep / TABLE)


def of_tasks(tasks: Sequence[str], wanted: PowerConfig) -> None:
    """Plan from the shipped variances of these tasks. Raises ConfigError for a task that was not measured."""
    there = shipped()
    for task in tasks:
        if task not in there:
            measured = f"those of {', '.join(sorted(there))} are" if there else "none were measured yet"
            raise ConfigError(
                f"no variances of task={task} are shipped ({measured}): run a pilot of it, with three or more seeds, "
                "an English arm and another one of its kind, and give its folder: mode=power sweep=/its/folder "
                f"power.hours={wanted.hours:g}"
            )
    pilots = chosen([there[task] for task in tasks], wanted, f"task={','.join(tasks)}")
    made = dict.fromkeys(f"shipped variances: {pilot.made}" for pilot in pilots)
    _show(list(made), pilots, designs(pilots, wanted), wanted)


def shipped() -> dict[str, Pilot]:
    """The shipped pilots, by task."""
    entries = json.loads(SHIPPED.read_text(encoding="utf-8"))["pilots"]
    return {entry["task"]: _pilot(entry) for entry in entries}


def _pilot(entry: Mapping[str, Any]) -> Pilot:
    comparisons = [
        PilotComparison(**(one | {"components": Components(**one["components"])})) for one in entry["comparisons"]
    ]
    return Pilot(**(dict(entry) | {"comparisons": comparisons}))


def chosen(pilots: Sequence[Pilot], wanted: PowerConfig, source: str) -> list[Pilot]:
    """The tasks of power.tasks with the systems of power.arms. Raises ConfigError if one of them does not exist, or no
    primary comparison is left of a task.
    """
    for key, names, known in (
        ("tasks", wanted.tasks, {pilot.task for pilot in pilots}),
        ("arms", wanted.arms, {arm for pilot in pilots for arm in pilot.training}),
    ):
        for name in names or ():
            if name not in known:
                raise ConfigError(f"power.{key}: {source} has no {name!r}{suggest(name, known, key)}")
    return [_among(pilot, wanted.arms) for pilot in pilots if wanted.tasks is None or pilot.task in wanted.tasks]


def _among(pilot: Pilot, arms: Sequence[str] | None) -> Pilot:
    if arms is None:
        return pilot
    comparisons = [one for one in pilot.comparisons if one.arm in arms and one.reference in arms]
    if not comparisons:
        pairs = "; ".join(f"{one.arm} and {one.reference}" for one in pilot.comparisons)
        raise ConfigError(f"power.arms={list(arms)} leaves no comparison of {pilot.task}: name {pairs}")
    return replace(
        pilot,
        comparisons=comparisons,
        training={arm: stages for arm, stages in pilot.training.items() if arm in arms},
        testing={arm: seconds for arm, seconds in pilot.testing.items() if arm in arms},
    )


def _show(source: Sequence[str], pilots: Sequence[Pilot], found: Sequence[Design], wanted: PowerConfig) -> None:
    console = Console(soft_wrap=True, highlight=False, markup=False)
    for line in source:
        console.print(line)
    for pilot in pilots:
        for line in _about(pilot):
            console.print(line)
    console.print(_table(found, wanted))
    for note in _notes(pilots, wanted):
        console.print(note)
    console.print(advice(found[0]))


def _about(pilot: Pilot) -> Iterable[str]:
    """What a pilot knows: precision, variance over seeds and its uncertainty, costs."""
    for one in pilot.comparisons:
        free = one.seeds - 1
        low, high = (math.sqrt(variance_limit(one.seed_variance, free, share)) for share in (0.025, 0.975))
        item_se = math.sqrt(one.components.of_items(1, one.items, one.languages))
        yield (
            f"{pilot.task} · {one.arm} minus {one.reference}: {plural(one.seeds, 'seed')} x {one.items} items x "
            f"{plural(one.languages, 'language')}; standard deviation over seeds "
            f"{_odds(math.sqrt(one.seed_variance))} (95 % interval {_odds(low)} to {_odds(high)}: "
            f"{plural(free, 'degree')} of freedom), over items {_odds(item_se)} a run"
        )
    trained = sum({name: s for stages in pilot.training.values() for name, s in stages.items()}.values())
    tested = pilot.cells * sum(pilot.testing.values())
    yield (
        f"{pilot.task} costs {trained:,.0f} s of training a seed and {1000 * tested:,.0f} ms an item, language and seed"
        f" ({plural(len(pilot.training), 'arm')}, {plural(pilot.cells, 'cell')} in each language; {pilot.model}, "
        f"{'; '.join(pilot.machines) or 'machine not recorded'})"
    )


def _table(found: Sequence[Design], wanted: PowerConfig) -> Table:
    table = Table(
        title=f"the {min(SHOWN, len(found))} best of {len(found)} designs within {wanted.hours:g} hours",
        box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0), pad_edge=False, show_edge=False,
    )  # fmt: skip
    names = ["seeds", "items", "languages", "hours", "sees", "at limit", "drop rate"]
    for name in names + ([f"power for {wanted.difference:g}"] if wanted.difference is not None else []):
        table.add_column(name, justify="right")
    for design in found[:SHOWN]:
        one = design.worst
        row = [_several(size.items for size in design.sizes), _several(size.languages for size in design.sizes)]
        seen = [f"{design.hours:.1f}", _odds(one.smallest), _odds(one.cautious), percent(one.drop_rate)]
        power = [] if wanted.difference is None else [f"{_least_power(design, wanted.difference):.2f}"]
        table.add_row(str(design.seeds), *row, *seen, *power)
    return table


def _notes(pilots: Sequence[Pilot], wanted: PowerConfig) -> Iterable[str]:
    several = sum(len(pilot.comparisons) for pilot in pilots) > 1
    yield (
        "sees: the difference of log-odds lost that one test finds with probability .8 at alpha .05"
        + (", in the comparison where it is largest" if several else "")
        + f"; at limit: if the variance over seeds is at its upper {100 * CAUTION:.0f} % limit; drop rate: the same in "
        "points, at the scores of the English arm"
    )
    if wanted.items is None:
        most = ", ".join(f"{pilot.task} {pilot.items}" for pilot in pilots)
        yield f"at most the items of the pilot ({most}): power.items=... for more, if the test set has them"
    if wanted.languages is None:
        yield "all languages of the pilot, and half: power.languages=[...] for others. Fewer are another question"


def advice(best: Design) -> str:
    """What to do, in one sentence: it begins with what most of the variance of the pilot is over."""
    one = best.worst
    pilot = one.comparison
    own = precision(pilot.components, pilot.seeds, pilot.items, pilot.languages, pilot.sources)
    first = "Seeds first" if own.seed_share >= 0.5 else "Most of the pilot's variance is over test items"
    items = _several(size.items for size in best.sizes)
    languages = _several(size.languages for size in best.sizes)
    where = f" in {one.pilot.task}" if len(best.sizes) > 1 else ""
    bound = "at best " if pilot.seeds < LEAST_SEEDS else ""
    could = "" if pilot.smallest is None else f"; the pilot could have seen {bound}{_odds(pilot.smallest)}"
    return (
        f"{first}: {best.seeds} seeds x {items} items x {languages} languages in {best.hours:.1f} hours would see a "
        f"difference of {_odds(one.smallest)} log-odds{where} ({percent(one.drop_rate)} points of drop rate){could}."
    )


def _rows(found: Sequence[Design], wanted: PowerConfig) -> Iterable[dict[str, Any]]:
    for design in found:
        sizes = {id(one): size for one, size in zip(_pilots(design), design.sizes, strict=True)}
        for one in design.seen:
            size = sizes[id(one.pilot)]
            yield {
                "seeds": design.seeds,
                "items": size.items,
                "languages": size.languages,
                "hours": design.hours,
                "task": one.pilot.task,
                "model": one.pilot.model,
                "arm": one.comparison.arm,
                "reference": one.comparison.reference,
                "smallest_difference": one.smallest,
                "smallest_difference_if_seeds_vary_more": one.cautious,
                "smallest_drop_rate_difference": one.drop_rate,
                "standard_error": one.test.deviation,
                "seed_share": one.test.seed_share,
                "difference": wanted.difference,
                "power": None if wanted.difference is None else one.test.power(wanted.difference),
            }


def _pilots(design: Design) -> list[Pilot]:
    """The tasks of a design, in the order of its sizes."""
    return list({id(one.pilot): one.pilot for one in design.seen}.values())


def _least_power(design: Design, difference: float) -> float:
    return min(one.test.power(difference) for one in design.seen)


def _several(values: Iterable[int]) -> str:
    """'150', or '150/100' where tasks differ."""
    return "/".join(str(value) for value in dict.fromkeys(values))


def _odds(value: float) -> str:
    return number(value, PRIMARY)
