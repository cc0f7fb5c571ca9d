"""The CSV tables: every number of the report, in full precision, as fractions."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from xtreme_noise.analysis.seeds import Estimate
from xtreme_noise.record import ABSENT, FIELDS, STATUSES
from xtreme_noise.report import calibration, consistency_views, few_shot, gains_views, leaderboard_views
from xtreme_noise.report.cost import costs
from xtreme_noise.report.effects import Effect
from xtreme_noise.report.formatting import extent
from xtreme_noise.report.layers import COLUMNS as LAYERS
from xtreme_noise.report.layers import rows as layer_rows
from xtreme_noise.report.panels import Panel
from xtreme_noise.report.robustness_tables import sheets as robustness_sheets
from xtreme_noise.report.runs import SCALES
from xtreme_noise.report.seeds import COLUMNS as SEEDS
from xtreme_noise.report.seeds import rows as seed_rows
from xtreme_noise.report.sensitivity import covers
from xtreme_noise.report.statistics import Contrast
from xtreme_noise.report.study import StudyResults
from xtreme_noise.report.typology_views import sheets as typology_sheets
from xtreme_noise.report.xtreme_r import rows as xtreme_r_rows
from xtreme_noise.results.table import column
from xtreme_noise.sheets import of_columns, sheet

CELLS = tuple(name for name in FIELDS if name != "samples")
SCORES = (
    "task", "family", "model", "intermediate", "arm", "language", "language_name", "script", "seen", "noise",
    "level", "metric", "status", "cells", "expected", "n", "score", "score_low", "score_high", "drop", "drop_rate",
    "drop_rate_above_chance", "achieved", "changed", "word_change_rate", "fertility", "flip_rate",
    "right_to_wrong", "wrong_to_right", "seconds", "chance", "at_chance", "clean_at_chance", "interval",
)  # fmt: skip
CURVES = (
    "task", "model", "intermediate", "arm", "noise", "level", "metric", "score", "score_low", "score_high",
    "drop", "drop_low", "drop_high", "drop_rate", "drop_rate_low", "drop_rate_high", "drop_rate_above_chance",
    "retention_area", "retention_area_low", "retention_area_high", "cross_lingual_gap", "achieved",
    "word_change_rate", "flip_rate", "right_to_wrong", "wrong_to_right", "languages", "languages_wanted",
    "languages_in_mean", "languages_left_out", "seeds", "noise_seeds", "resamples",
    "chance", "at_chance", "clean_at_chance", "log_odds_lost", "log_odds_lost_low", "log_odds_lost_high",
    "drop_rate_above_chance_low", "drop_rate_above_chance_high", "interval",
)  # fmt: skip
ARMS = (
    "task", "model", "noise", "kind", "arm", "reference", "measure", "level", "value", "reference_value",
    "difference", "difference_low", "difference_high", "p", "p_holm", "tests_in_family", "languages",
    "languages_wanted", "languages_in_mean", "seeds", "resamples", "clean_at_chance", "interval",
)  # fmt: skip
EFFECTS = (
    "family", "task", "model", "kind", "arm", "reference", "scale", "value", "reference_value", "difference",
    "difference_low", "difference_high", "interval", "p", "p_adjusted", "tests_in_family", "smallest_difference",
    "standard_error", "degrees_of_freedom", "item_standard_error", "seed_sd", "seeds", "by_seed", "noises", "levels",
    "languages", "languages_in_mean", "resamples", "method", "note",
    "below_gate",
)  # fmt: skip
XTREME_R = (
    "model", "intermediate", "arm", "noise", "level", "kind", "name", "score", "partial", "parts", "wanted", "missing",
)  # fmt: skip
COST = ("task", "model", "noise", "cells", "seconds", "forward_seconds", "noise_seconds", "noise_share")
COMPLETENESS = ("task", "model", "intermediate", "arm", "noise", "ok", "error", "missing", "n/a", "not_run")


def tables(study: StudyResults) -> dict[str, str]:
    """File name -> CSV text (UTF-8, a header line, empty where a value is not defined)."""
    measured = [cell for cell in study.cells if cell.status != ABSENT]
    found = {
        "cells.csv": of_columns(CELLS, [column(measured, name) for name in CELLS]),
        "scores.csv": sheet(SCORES, _scores(study)),
        "curves.csv": sheet(CURVES, _curves(study)),
        "arms.csv": sheet(ARMS, _arms(study.contrasts)),
        "effects.csv": sheet(EFFECTS, _effects(study.effects)),
        "seeds.csv": sheet(SEEDS, seed_rows(study)),
        "seen.csv": sheet(
            ("seen", *ARMS), ({"seen": side} | row for side, some in study.by_seen.sides.items() for row in _arms(some))
        ),
        "xtreme_r.csv": sheet(XTREME_R, xtreme_r_rows(study)),
        **robustness_sheets(study.summaries),
        "layers.csv": sheet(LAYERS, layer_rows(study.cells)),
        "completeness.csv": sheet(COMPLETENESS, _completeness(study)),
        "cost.csv": sheet(COST, ({name: getattr(cost, name) for name in COST} for cost in costs(study.cells))),
    }
    if study.gains:
        found["gains.csv"] = sheet(gains_views.COLUMNS, gains_views.rows(study.gains))
    if study.leaderboards:
        found["leaderboard.csv"] = sheet(leaderboard_views.COLUMNS, leaderboard_views.rows(study.leaderboards))
    if study.calibration:
        found["calibration.csv"] = sheet(calibration.COLUMNS, calibration.rows(study.calibration))
        found["calibration_seeds.csv"] = sheet(calibration.BY_SEED, calibration.rows_by_seed(study.calibration))
    if study.few_shot:
        found["few_shot.csv"] = sheet(few_shot.COLUMNS, few_shot.rows(study.few_shot))
    found |= consistency_views.sheets(study.consistency)
    return found | typology_sheets(study.typology) if study.typology else found


def _scores(study: StudyResults) -> Iterable[dict[str, Any]]:
    for place in study.places:
        row = {name: getattr(place, name) for name in SCORES if hasattr(place, name)}
        yield row | {
            "intermediate": place.system.intermediate,
            "arm": place.system.shown_arm,
            "score_low": place.low,
            "score_high": place.high,
            "interval": extent(place.low is not None, place.conditional),
        }


def _curves(study: StudyResults) -> Iterable[dict[str, Any]]:
    for point in study.points:
        panel = point.panel
        row = {name: getattr(point, name) for name in CURVES if hasattr(point, name)}
        for name in ("score", *SCALES, "retention_area"):
            row |= _interval(name, getattr(point, name))
        row |= {"chance": point.chance and point.chance.score, "interval": _extent(point.score)}
        yield row | _place(panel) | {"intermediate": point.system.intermediate, "arm": point.system.shown_arm}


def _arms(contrasts: Sequence[Contrast]) -> Iterable[dict[str, Any]]:
    for contrast in contrasts:
        row = {name: getattr(contrast, name) for name in ARMS if hasattr(contrast, name)}
        yield (
            row
            | _interval("difference", contrast.difference)
            | _place(contrast.panel)
            | {
                "kind": contrast.kind,
                "arm": contrast.arm.intermediate,
                "reference": contrast.reference.intermediate,
                "tests_in_family": contrast.tests or None,
                "clean_at_chance": "; ".join(contrast.guessing),
                "interval": _extent(contrast.difference),
            }
        )


def _effects(effects: Sequence[Effect]) -> Iterable[dict[str, Any]]:
    for effect in effects:
        difference = effect.difference
        row = {name: getattr(effect, name) for name in EFFECTS if hasattr(effect, name)}
        yield (
            row
            | _interval("difference", difference)
            | {
                "interval": covers(effect),
                "p": difference.p,
                "tests_in_family": effect.tests or None,
                "smallest_difference": effect.smallest,
                "standard_error": difference.se,
                "degrees_of_freedom": difference.df,
                "item_standard_error": difference.item_se,
                "seed_sd": difference.seed_sd,
                "seeds": difference.seeds,
                "by_seed": "; ".join(f"{seed}: {value:.6g}" for seed, value in effect.by_seed.items()),
                "noises": " ".join(dict.fromkeys(panel.noise for panel in effect.panels)),
                "levels": " ".join(
                    dict.fromkeys(f"{level:g}" for panel in effect.panels for level in panel.levels[1:])
                ),
                "languages": len(effect.languages),
                "languages_in_mean": " ".join(effect.languages),
                "below_gate": "; ".join(effect.below_gate),
            }
        )


def _completeness(study: StudyResults) -> Iterable[dict[str, Any]]:
    for count in study.counts:
        yield {
            "task": count.task,
            "model": count.model,
            "intermediate": count.system.intermediate,
            "arm": count.system.shown_arm,
            "noise": count.noise,
            **{status: count.counts.get(status, 0) for status in STATUSES},
            "not_run": count.counts.get(ABSENT, 0),
        }


def _extent(estimate: Estimate) -> str | None:
    return extent(estimate.low is not None, estimate.conditional)


def _interval(name: str, estimate: Estimate) -> dict[str, float | None]:
    return {name: estimate.value, f"{name}_low": estimate.low, f"{name}_high": estimate.high}


def _place(panel: Panel) -> dict[str, Any]:
    return {
        "task": panel.task,
        "model": panel.model,
        "noise": panel.noise,
        "metric": panel.metric,
        "languages": len(panel.languages),
        "languages_wanted": panel.wanted,
        "languages_in_mean": " ".join(panel.languages),
        "languages_left_out": "; ".join(f"{code}: {why}" for code, why in panel.gaps.items()),
        "seeds": len(panel.seeds),
        "noise_seeds": len(panel.noise_seeds),
    }
