"""The outcomes of typology in words and tables: for the page, the terminal and CSV files."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import Any

from xtreme_noise.analysis.correlates import Prediction
from xtreme_noise.languages import LANGUAGES
from xtreme_noise.report.formatting import NONE, number, plural, probability
from xtreme_noise.report.names import Names
from xtreme_noise.report.runs import PRIMARY
from xtreme_noise.report.typology import BETWEEN, CHANGED, CLEAN, FERTILITY, PREDICTORS, ROBUSTNESS, TRANSFER, Outcome
from xtreme_noise.report.views import TableCell, TableView, unbroken
from xtreme_noise.sheets import sheet

LABELS = {
    "syn": "SYN", "pho": "PHO", "inv": "INV", "fam": "FAM", "geo": "GEO", "size": "SIZE", "tokens": "TOKENS",
    FERTILITY: "fertility", CHANGED: "word-change rate", CLEAN: "clean score",
}  # fmt: skip
UNITS = {TRANSFER: "points, clean", ROBUSTNESS: "log-odds lost", BETWEEN: "log-odds lost, arm minus English"}
_WHICH = ("task", "model", "outcome", "intermediate", "reference", "languages", "families")
CORRELATIONS = (
    *_WHICH, "languages_with_relatives", "smallest_correlation", "reliability", "given", "predictor", "correlation",
    "correlation_low", "correlation_high", "p", "p_adjusted",
)  # fmt: skip
REGRESSIONS = (*_WHICH, "method", "predictors", "penalty", "r_squared", "r_squared_held_out")
LANGUAGE_ROWS = (
    "task", "model", "outcome", "intermediate", "reference", "language", "language_name", "script", "family", "value",
    "standard_error", "clean_log_odds", CLEAN, CHANGED, *PREDICTORS, "ridge_held_out", "forward_held_out",
)  # fmt: skip


def title(outcome: Outcome, names: Names) -> str:
    return f"{names.task(outcome.task, outcome.model)} · {outcome.kind} ({UNITS[outcome.kind]}) · {outcome.name}"


def about(outcome: Outcome) -> str:
    """What the outcome is over, and what it can show."""
    given = f", given {' and '.join(LABELS[name] for name in outcome.given)}" if outcome.given else ""
    left = f"; left out: {', '.join(LABELS[name] for name in outcome.left_out)}" if outcome.left_out else ""
    families = plural(len(set(outcome.families)), "family", "families")
    return (
        f"{plural(len(outcome.languages), 'language')} of {families} ({outcome.movable} with a relative among them)"
        f"{given}: sees |r| of {two(outcome.smallest)} or more; reliability {two(outcome.reliability)}{left}"
    )


def regressions(outcome: Outcome) -> str:
    """R2 of both regressions, in the sample and held out, and the line through the clean scores."""
    if outcome.ridge is None or outcome.forward is None:
        return "fewer than three families: no regression"
    parts = [f"{name}: R² {_both(one)}" for name, one in _named(outcome)]
    if outcome.line is not None:
        slope, _, corrected = outcome.line
        without = "not defined" if corrected is None else two(corrected, sign=True)
        parts.append(f"on the clean log-odds: slope {two(slope, sign=True)}, without shared error {without}")
    return "; ".join(parts)


def _named(outcome: Outcome) -> list[tuple[str, Prediction]]:
    """Its regressions with what they are called."""
    found = []
    if outcome.ridge is not None:
        found.append(("ridge", outcome.ridge))
    if outcome.forward is not None:
        chosen = ", ".join(LABELS[outcome.regressors[column]] for column in outcome.forward.chosen) or "nothing"
        found.append((f"forward selection ({chosen})", outcome.forward))
    return found


def _both(one: Prediction) -> str:
    return f"{two(one.r2)} in the sample, {two(one.held_out)} in families left out"


def two(value: float, *, sign: bool = False) -> str:
    """A number with two decimals; NONE for NaN."""
    return NONE if math.isnan(value) else number(value, PRIMARY, sign=sign)


def correlation_table(outcomes: Sequence[Outcome], names: Names) -> TableView:
    """Of outcomes of one kind, task and model: a row for each predictor, two columns for each system."""
    first = outcomes[0]
    heads = [
        [("", 1), *((outcome.name, 2) for outcome in outcomes)],
        [("predictor", 1), *(head for _ in outcomes for head in (("r", 1), ("adjusted p", 1)))],
    ]
    rows = []
    for name in (name for name in PREDICTORS if any(name in one.correlations for one in outcomes)):
        row = [TableCell(LABELS[name])]
        for outcome in outcomes:
            one = outcome.correlations.get(name)
            if one is None or math.isnan(one.value):
                row += [TableCell(NONE, "num"), TableCell(NONE, "num")]
                continue
            bounds = unbroken(f"[{two(one.low, sign=True)}, {two(one.high, sign=True)}]")
            row += [
                TableCell(two(one.value, sign=True), "num strong", bounds),
                TableCell(probability(one.p_adjusted), "num", f"p {probability(one.p)}"),
            ]
        rows.append(row)
    task, kind = names.task(first.task, first.model), f"{first.kind} ({UNITS[first.kind]})"
    return TableView(f"{task}: rank correlations with the {kind}", heads, rows)


def regression_table(outcomes: Sequence[Outcome], names: Names) -> TableView:
    """Of outcomes of one task and model: what each is over, and how well it is predicted."""
    heads = (
        "outcome", "languages", "families", "sees |r|", "reliability", "ridge R²", "held out", "forward R²", "held out",
    )  # fmt: skip
    rows = []
    for outcome in outcomes:
        chosen = _named(outcome)[-1][0] if outcome.forward is not None else ""
        counts = (len(outcome.languages), len(set(outcome.families)))
        cells = [TableCell(str(count), "num") for count in counts]
        cells += [TableCell(two(value), "num") for value in (outcome.smallest, outcome.reliability)]
        for one in (outcome.ridge, outcome.forward):
            values = (math.nan, math.nan) if one is None else (one.r2, one.held_out)
            cells += [TableCell(two(values[0]), "num"), TableCell(two(values[1]), "num strong")]
        rows.append([TableCell(outcome.kind, note=f"{outcome.name}; {chosen}"), *cells])
    first = outcomes[0]
    caption = f"{names.task(first.task, first.model)}: how well losses are predicted in families left out"
    return TableView(caption, [[(head, 1) for head in heads]], rows)


def sheets(outcomes: Sequence[Outcome]) -> dict[str, str]:
    """File name -> CSV text."""
    return {
        "typology.csv": sheet(CORRELATIONS, _correlation_rows(outcomes)),
        "typology_regressions.csv": sheet(REGRESSIONS, _regression_rows(outcomes)),
        "typology_languages.csv": sheet(LANGUAGE_ROWS, _language_rows(outcomes)),
    }


def _which(outcome: Outcome) -> dict[str, Any]:
    return {
        "task": outcome.task,
        "model": outcome.model,
        "outcome": outcome.kind,
        "intermediate": outcome.system.intermediate,
        "reference": outcome.reference.intermediate if outcome.reference else None,
        "languages": len(outcome.languages),
        "families": len(set(outcome.families)),
    }


def _correlation_rows(outcomes: Sequence[Outcome]) -> Iterable[dict[str, Any]]:
    for outcome in outcomes:
        for name, one in outcome.correlations.items():
            values = (one.value, one.low, one.high, one.p, one.p_adjusted)
            yield _which(outcome) | {
                "languages_with_relatives": outcome.movable,
                "smallest_correlation": outcome.smallest,
                "reliability": outcome.reliability,
                "given": " ".join(outcome.given),
                "predictor": name,
                **dict(zip(CORRELATIONS[-5:], (_known(value) for value in values), strict=True)),
            }


def _regression_rows(outcomes: Sequence[Outcome]) -> Iterable[dict[str, Any]]:
    for outcome in outcomes:
        for method, one in (("ridge", outcome.ridge), ("forward", outcome.forward)):
            if one is not None:
                yield _which(outcome) | {
                    "method": method,
                    "predictors": " ".join(outcome.regressors[column] for column in one.chosen),
                    "penalty": one.penalty,
                    "r_squared": one.r2,
                    "r_squared_held_out": one.held_out,
                }


def _language_rows(outcomes: Sequence[Outcome]) -> Iterable[dict[str, Any]]:
    for outcome in outcomes:
        for place, code in enumerate(outcome.languages):
            row = {name: float(values[place]) for name, values in outcome.properties.items()}
            held_out = {
                f"{method}_held_out": float(one.predicted[place])
                for method, one in (("ridge", outcome.ridge), ("forward", outcome.forward))
                if one is not None
            }
            language = LANGUAGES[code]
            yield (
                _which(outcome)
                | row
                | held_out
                | {
                    "language": code,
                    "language_name": language.name,
                    "script": language.script,
                    "family": language.family,
                    "value": float(outcome.values[place]),
                    "standard_error": math.sqrt(float(outcome.variances[place])),
                    "clean_log_odds": float(outcome.clean[place]),
                }
            )


def _known(value: float) -> float | None:
    return None if math.isnan(value) else value
