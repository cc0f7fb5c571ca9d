"""Parsing the names of systems in results: the intermediate task, its kind, the noise in training."""

from __future__ import annotations


def parts(system: str) -> tuple[str, str]:
    """nli/english + char in training: nli/english, and what noise; empty where nothing is trained with noise."""
    before, _, noise = system.partition(" + ")
    return before, noise


def kind(intermediate: str) -> str:
    """nli/english and nli/multilingual: nli; english/mnli, one of many English tasks: mnli.

    chain/english[nli,qa] is chain[nli,qa]: other stages, or another order of them, are another kind.
    """
    whole, bracket, used = parts(intermediate)[0].partition("[")
    folder, _, task = whole.partition("/")
    return (task if folder == "english" else folder) + bracket + used
