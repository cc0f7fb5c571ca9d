"""Span QA: id, question, context, answers {text, answer_start in code points}; none when it is unanswerable."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any

from xtreme_noise.analysis import chance
from xtreme_noise.errors import DataError
from xtreme_noise.tasks.base import NoiseField, Row, TaskFamily
from xtreme_noise.tasks.rows import text_of, visible

UNANSWERABLE = "unanswerable"  # the label of QA tasks in which some questions have no answer in their context


def _whole(start: Any) -> bool:
    """Whether a position in a text is a whole number of at least 0."""
    if isinstance(start, bool) or not isinstance(start, int | float):
        return False
    return start >= 0 and (isinstance(start, int) or start.is_integer())


def answers_of(row: Mapping[str, Any], where: str, *, may_lack: bool = False) -> tuple[list[str], list[int]]:
    """The answers of a row of span QA and their start positions in the context.

    may_lack: whether a row may have no answer. Raises DataError for malformed answers, or missing ones.
    """
    context, answers = text_of(row, "context", where), row.get("answers")
    if not isinstance(answers, Mapping) or not (answers.get("text") or may_lack):
        raise DataError(f"{where}: column 'answers' contains no answer: {answers!r:.200}")
    texts, starts = answers.get("text"), answers.get("answer_start")
    if not isinstance(texts, list) or not isinstance(starts, list) or len(texts) != len(starts):
        raise DataError(f"{where}: 'answers' needs lists 'text' and 'answer_start' of equal length: {answers!r:.200}")
    for text, start in zip(texts, starts, strict=True):
        if not isinstance(text, str) or not visible(text):
            raise DataError(f"{where}: answer {text!r:.200} is not text")
        if not _whole(start):
            raise DataError(f"{where}: answer_start {start!r:.80} is not a position in the context, from 0 up")
        if context[int(start) : int(start) + len(text)] != text:
            raise DataError(f"{where}: answer {text!r:.200} is not at code point {start!r:.80} of the context")
    return texts, [int(start) for start in starts]


class QA(TaskFamily):
    name = "qa"
    module = "xtreme_noise.modules.qa:QAModule"
    features = "xtreme_noise.features.qa:QAFeatures"
    noise_fields = {  # noqa: RUF012
        "question": NoiseField(("question",)), "context": NoiseField(("context",), "context"),
        "context_protected": NoiseField(("context",), "context_protected"),
    }  # fmt: skip
    metrics = ("squad_f1", "squad_v1_f1", "mlqa_f1", "error_rate")
    guessed = ("error_rate",)  # a text has many possible answers, a checklist few
    predictions_file = "answers"
    identity = ("context",)  # a shared paragraph is enough: articles leak
    paragraphs = ("context",)
    together = "context"
    own_head = "ForQuestionAnswering"
    head = labelled = windows = strided = True

    def check(self, row: Mapping[str, Any], labels: Sequence[str], where: str) -> Row:
        texts, starts = answers_of(row, where, may_lack=UNANSWERABLE in labels)
        case = {"case": text_of(row, "case", where)} if "case" in row else {}
        return {
            "question": text_of(row, "question", where),
            "context": row["context"],
            "answers": {"text": texts, "answer_start": starts},
            **case,
        }

    def guess(self, metric: str, table: Mapping[str, Sequence[Any]]) -> float | None:
        del metric
        cases: dict[Any, list[str]] = defaultdict(list)
        for case, answer in zip(table["cluster"], table["gold"], strict=True):
            cases[case].append(answer)
        return chance.whole_cases(cases)


family = QA()
