"""Formatting of numbers in the report: scores x 100 with one decimal, with a real minus sign."""

from __future__ import annotations

from xtreme_noise.analysis.seeds import Estimate
from xtreme_noise.record import ABSENT
from xtreme_noise.report.by_language import PARTIAL

NONE = "–"
GUESS = "†"  # marks a score that is no better than chance
CHANGES = "‡"  # marks a noise family that may change the right answer
STATUS_TEXT = {
    "error": "failed",
    "missing": "missing",
    "n/a": "n/a",
    ABSENT: "not run",
    PARTIAL: "partial",
    "ok": "ok",
}
CONDITIONAL = "conditional on these runs"  # of an interval from too few seeds to cover others
MEASURE_TEXT = {
    "score": "score",
    "log_odds_lost": "log-odds lost",
    "drop_rate": "drop rate",
    "drop_rate_above_chance": "drop rate above chance",
    "drop": "points lost",
    "newly_wrong": "shared items turned wrong",
    "retention_area": "area under the retention curve",
}


def percent(value: float | None, *, sign: bool = False) -> str:
    """A fraction x 100: 0.1234 -> '12.3'; with `sign` '+12.3'. NONE for None."""
    if value is None:
        return NONE
    text = f"{100 * value:+.1f}" if sign else f"{100 * value:.1f}"
    if float(text) == 0:
        text = "0.0"
    return text.replace("-", "−")


def number(value: float | None, measure: str, *, sign: bool = False) -> str:
    """A number of a measure: log-odds with two decimals, fractions x 100 with one."""
    if value is None or measure != "log_odds_lost":
        return percent(value, sign=sign)
    text = f"{value:+.2f}" if sign else f"{value:.2f}"
    return ("0.00" if float(text) == 0 else text).replace("-", "−")


def guess(no_better: bool | None) -> str:
    """GUESS for a score that is no better than chance, else ""."""
    return GUESS if no_better else ""


def bounds(estimate: Estimate, measure: str = "score", *, sign: bool = False) -> str:
    """'[10.1, 14.0]', or '' when there is no interval."""
    if estimate.low is None or estimate.high is None:
        return ""
    return f"[{number(estimate.low, measure, sign=sign)}, {number(estimate.high, measure, sign=sign)}]"


def extent(there: bool, conditional: bool) -> str | None:
    """What an interval covers, if there is one."""
    return (CONDITIONAL if conditional else "over training seeds") if there else None


def probability(p: float | None) -> str:
    """'0.012', '<0.001', or NONE."""
    if p is None:
        return NONE
    return "<0.001" if p < 0.001 else f"{p:.3f}"


def plural(count: int, noun: str, nouns: str | None = None) -> str:
    """'1 cell', '2 cells'."""
    return f"{count:,} {noun if count == 1 else nouns or noun + 's'}"
