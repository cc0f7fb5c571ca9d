"""Rows of answer retrieval made of rows of span QA (question, context, answers), as LAReQA makes them of SQuAD.

The right answer of a question is the sentence that holds the first character of its first answer; the candidates are
all sentences of all contexts. A sentence's id: language, a digest of its context, where it starts in it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

from xtreme_noise.data.bitext import bitext_candidates, bitext_queries
from xtreme_noise.data.checklist import filled_templates
from xtreme_noise.data.sentences import sentence_at, sentences
from xtreme_noise.tasks.qa import answers_of

Rows = Iterable[tuple[str, Mapping[str, Any]]]
Made = Iterator[tuple[str, dict[str, Any]]]


def _answer(raw: Mapping[str, Any], where: str) -> tuple[str, int, int]:
    """(context, start, end) of the sentence with the answer."""
    _, starts = answers_of(raw, where)
    return (raw["context"], *sentence_at(raw["context"], starts[0]))


def _identifier(language: str, context: str, start: int) -> str:
    return f"{language}:{hashlib.blake2b(context.encode(), digest_size=8).hexdigest()}:{start}"


def answer_sentence(rows: Rows, language: str) -> Made:
    """The right sentence as `text`, beside its context: what a dual encoder is trained on."""
    del language
    for where, raw in rows:
        context, start, end = _answer(raw, where)
        yield where, {**raw, "text": context[start:end]}


def answer_ids(rows: Rows, language: str) -> Made:
    """The id of the right sentence as `relevant`: a test set of which `all_sentences` makes the pool."""
    for where, raw in rows:
        context, start, _ = _answer(raw, where)
        yield where, {**raw, "relevant": [_identifier(language, context, start)]}


def all_sentences(rows: Rows, language: str) -> Made:
    """Every sentence of every context, once: id, text, context."""
    seen: set[str] = set()
    for where, raw in rows:
        context, _, _ = _answer(raw, where)
        if context in seen:
            continue
        seen.add(context)
        for start, end in sentences(context):
            yield where, {"id": _identifier(language, context, start), "text": context[start:end], "context": context}


MAKERS: dict[str, Callable[[Rows, str], Made]] = {
    maker.__name__: maker
    for maker in (
        answer_sentence,
        answer_ids,
        all_sentences,
        filled_templates,
        bitext_queries,
        bitext_candidates,
    )
}
