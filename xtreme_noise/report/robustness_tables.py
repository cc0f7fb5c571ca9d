"""Worst case, corruption error and effective robustness: rows of their CSV tables, and the tables of the page."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from xtreme_noise.analysis.seeds import Estimate
from xtreme_noise.report.corruption_error import MEASURES as ERRORS
from xtreme_noise.report.corruption_error import CorruptionError
from xtreme_noise.report.effective import Fitted
from xtreme_noise.report.formatting import CONDITIONAL, NONE, bounds, extent, number, percent, plural
from xtreme_noise.report.names import Names
from xtreme_noise.report.panels import Panel
from xtreme_noise.report.runs import PRIMARY
from xtreme_noise.report.summaries import Summaries
from xtreme_noise.report.views import TableCell, TableView
from xtreme_noise.report.worst_case import MEASURES, WorstCase
from xtreme_noise.sheets import sheet

_LAST = ("languages", "languages_in_mean", "seeds", "resamples")
WORST_CASE = (
    "task", "model", "intermediate", "arm", "measure", "level", "noise", "share", "value", "value_low", "value_high",
    "interval", "bias", "noises", *_LAST,
)  # fmt: skip
CORRUPTION_ERROR = (
    "task", "model", "intermediate", "arm", "reference", "noises", "levels", "measure", "value", "value_low",
    "value_high", "interval", *_LAST,
)  # fmt: skip
EFFECTIVE_ROBUSTNESS = (
    "task", "model", "intermediate", "arm", "baseline", "noise", "level", "metric", "clean", "noisy", "clean_log_odds",
    "noisy_log_odds", "residual", "residual_low", "residual_high", "interval", "outside", "slope", "intercept",
    "baselines", *_LAST,
)  # fmt: skip


def sheets(summaries: Summaries) -> dict[str, str]:
    """File name -> CSV text."""
    return {
        "worst_case.csv": sheet(WORST_CASE, map(_worst, summaries.worst)),
        "corruption_error.csv": sheet(CORRUPTION_ERROR, map(_error, summaries.errors)),
        "effective_robustness.csv": sheet(EFFECTIVE_ROBUSTNESS, _standings(summaries.lines)),
    }


def _worst(row: WorstCase) -> dict[str, Any]:
    return {
        **_place(row.panels, row.resamples),
        **_estimate("value", row.value),
        "intermediate": row.system.intermediate,
        "arm": row.system.shown_arm,
        "measure": row.measure,
        "level": row.level,
        "noise": row.noise,
        "share": row.share,
        "bias": row.bias,
        "noises": _noises(row.panels),
    }


def _error(row: CorruptionError) -> dict[str, Any]:
    return {
        **_place(row.panels, row.resamples),
        **_estimate("value", row.value),
        "intermediate": row.arm.intermediate,
        "arm": row.arm.shown_arm,
        "reference": row.reference.intermediate,
        "noises": _noises(row.panels),
        "levels": " ".join(dict.fromkeys(f"{level:g}" for panel in row.panels for level in panel.levels[1:])),
        "measure": row.measure,
    }


def _standings(lines: Sequence[Fitted]) -> Iterable[dict[str, Any]]:
    for line in lines:
        for one in line.standings:
            yield {
                **_place([line.panel], line.resamples),
                **_estimate("residual", one.residual),
                "model": one.model,
                "intermediate": one.system.intermediate,
                "arm": one.system.shown_arm,
                "baseline": one.baseline,
                "noise": line.panel.noise,
                "level": line.level,
                "metric": line.panel.metric,
                "clean": one.clean,
                "noisy": one.noisy,
                "clean_log_odds": float(one.x.mean()),
                "noisy_log_odds": float(one.y.mean()),
                "outside": one.outside,
                "slope": line.slope,
                "intercept": line.intercept,
                "baselines": len(line.baselines),
            }


def _place(panels: Sequence[Panel], resamples: int) -> dict[str, Any]:
    languages = sorted({code for panel in panels for code in panel.languages})
    return {
        "task": panels[0].task,
        "model": panels[0].model,
        "languages": len(languages),
        "languages_in_mean": " ".join(languages),
        "seeds": len(panels[0].seeds),
        "resamples": resamples,
    }


def _estimate(name: str, estimate: Estimate) -> dict[str, Any]:
    return {
        name: estimate.value,
        f"{name}_low": estimate.low,
        f"{name}_high": estimate.high,
        "interval": extent(estimate.low is not None, estimate.conditional),
    }


def _noises(panels: Sequence[Panel]) -> str:
    return " ".join(dict.fromkeys(panel.noise for panel in panels))


def worst_table(rows: Sequence[WorstCase], names: Names) -> TableView | None:
    """One row per task, system and level, all levels together first; None without rows."""
    if not rows:
        return None
    found: dict[Any, dict[str, WorstCase]] = {}
    for row in rows:
        panel = row.panels[0]
        found.setdefault((panel.task, panel.model, row.system, row.level), {})[row.measure] = row
    body = []
    for (task, model, system, level), own in sorted(found.items(), key=lambda one: one[0][3] is not None):
        first = next(iter(own.values()))
        scope = f"{plural(len(first.panels[0].languages), 'language')}, {_shown(first.panels, names)}"
        body.append(
            [
                TableCell(f"{names.task(task, model)} · {system.intermediate}", note=scope),
                TableCell("mean" if level is None else f"{level:g}", "num"),
                *(_worst_item(own.get(measure), names) for measure in MEASURES),
            ]
        )
    heads = ["task · intermediate", "level", "score × 100", "log-odds lost", "drop rate × 100"]
    caption = "Under the noise family that hurts most" + _few(row.value for row in rows)
    return TableView(caption, [[(head, 1) for head in heads]], body)


def _shown(panels: Sequence[Panel], names: Names) -> str:
    return ", ".join(dict.fromkeys(names.noise(panel.noise) for panel in panels))


def _worst_item(row: WorstCase | None, names: Names) -> TableCell:
    if row is None:
        return TableCell(NONE, "num gap")
    chosen = f"{names.noise(row.noise)} in {percent(row.share)} %"
    text = number(row.value.value, row.measure)
    return TableCell(text, "num", f"{bounds(row.value, row.measure)} {chosen}".strip())


def error_table(rows: Sequence[CorruptionError], names: Names) -> TableView | None:
    """One row per task and arm: mCE and the CE of each noise family; None without rows."""
    if not rows:
        return None
    found: dict[Any, list[CorruptionError]] = {}
    for row in rows:
        found.setdefault((row.panels[0].task, row.panels[0].model, row.arm, _noises(row.panels)), []).append(row)
    body = []
    for (task, model, arm, _), own in sorted(found.items(), key=lambda one: len(one[1][0].panels) == 1):
        at = {row.measure: row.value for row in own}
        body.append(
            [
                TableCell(
                    f"{names.task(task, model)} · {arm.intermediate}", note=f"against {own[0].reference.intermediate}"
                ),
                TableCell(_shown(own[0].panels, names)),
                *(TableCell(percent(at[measure].value), "num", bounds(at[measure])) for measure in ERRORS),
                TableCell(f"{len(own[0].panels[0].seeds)}", "num"),
            ]
        )
    heads = ["task · intermediate", "noise", "corruption error × 100", "relative × 100", "seeds"]
    caption = "Errors under noise, as a share of those without intermediate training" + _few(r.value for r in rows)
    return TableView(caption, [[(head, 1) for head in heads]], body)


def residual_table(lines: Sequence[Fitted], names: Names) -> TableView | None:
    """One row per arm, noise family and level; None without arms."""
    body = [
        [
            TableCell(f"{names.task(line.panel.task, one.model)} · {one.system.intermediate}"),
            TableCell(f"{names.noise(line.panel.noise)} {line.level:g}"),
            TableCell(percent(one.clean), "num", "outside the baselines" if one.outside else ""),
            TableCell(percent(one.noisy), "num"),
            TableCell(
                number(one.residual.value, PRIMARY, sign=True),
                "num strong",
                bounds(one.residual, PRIMARY, sign=True),
            ),
            TableCell(f"{len(line.baselines)}", "num"),
            TableCell(f"{len(line.panel.seeds)}", "num"),
        ]
        for line in lines
        for one in line.arms
    ]
    if not body:
        return None
    heads = ["task · intermediate", "noise", "clean", "noisy", "effective robustness (log-odds)", "baselines", "seeds"]
    few = _few(one.residual for line in lines for one in line.arms)
    return TableView(f"Above (+) or below (−) the line of the baselines{few}", [[(head, 1) for head in heads]], body)


def _few(estimates: Iterable[Estimate]) -> str:
    return f"; intervals are {CONDITIONAL}" if any(one.conditional for one in estimates) else ""
