"""Which intermediate tasks are arms of one comparison, by their names in results."""

from __future__ import annotations


def kind(intermediate: str) -> str:
    """nli/english and nli/multilingual: nli; english/mnli, one of many English tasks: mnli.

    chain/english[nli,qa] is chain[nli,qa]: other stages, or another order of them, are another kind.
    """
    whole, bracket, used = intermediate.split(" + ", 1)[0].partition("[")
    folder, _, task = whole.partition("/")
    return (task if folder == "english" else folder) + bracket + used
