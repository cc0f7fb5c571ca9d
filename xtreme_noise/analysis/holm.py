"""Holm's step-down correction for several tests.

Source: S. Holm, A simple sequentially rejective multiple test procedure, Scandinavian Journal of Statistics 6
(1979).
"""

from __future__ import annotations

from collections.abc import Sequence


def holm(p_values: Sequence[float]) -> list[float]:
    """Adjusted p-values of one family of tests, in the order given.

    With p(1) <= ... <= p(m): adjusted p(i) = max over j <= i of min(1, (m - j + 1) p(j)). Rejecting where the
    adjusted value is at most alpha keeps the chance of any false rejection in the family at most alpha,
    whatever the dependence between the tests. Range of input and output: [0, 1].

    Raises ValueError for a p-value that is not in [0, 1] (NaN included): a test without a result is no member
    of the family and must be left out by the caller, knowingly.
    """
    for p in p_values:
        if not 0.0 <= p <= 1.0:
            raise ValueError(f"not a p-value: {p}")
    adjusted = [0.0] * len(p_values)
    running = 0.0
    for rank, index in enumerate(sorted(range(len(p_values)), key=lambda i: p_values[i])):
        running = max(running, min(1.0, (len(p_values) - rank) * p_values[index]))
        adjusted[index] = running
    return adjusted
