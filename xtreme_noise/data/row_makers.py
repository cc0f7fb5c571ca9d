"""Functions that make rows of one task from rows of another, by name in a split's `make`.

Here: answer retrieval from span QA (question, context, answers), as LAReQA does with SQuAD. The right answer to a
question is the sentence with the first character of its first answer; the candidates are all sentences of all contexts.
A sentence's id is made of the language, a digest of its context, and its offset in the context. And choices in another
order (BMLAMA).
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

from xtreme_noise.data.bitext import bitext_candidates, bitext_queries
from xtreme_noise.data.checklist import filled_templates
from xtreme_noise.data.sentences import sentence_at, sentences
from xtreme_noise.errors import DataError
from xtreme_noise.tasks.qa import answers_of
from xtreme_noise.tasks.rows import text_of

Rows = Iterable[tuple[str, Mapping[str, Any]]]
Made = Iterator[tuple[str, dict[str, Any]]]


def _answer(raw: Mapping[str, Any], where: str) -> tuple[str, int, int]:
    """(context, start, end) of the sentence that contains the answer."""
    _, starts = answers_of(raw, where)
    return (raw["context"], *sentence_at(raw["context"], starts[0]))


def _identifier(language: str, context: str, start: int) -> str:
    return f"{language}:{hashlib.blake2b(context.encode(), digest_size=8).hexdigest()}:{start}"


def answer_sentence(rows: Rows, language: str) -> Made:
    """Adds the right sentence as `text`: training data of a dual encoder."""
    del language
    for where, raw in rows:
        context, start, end = _answer(raw, where)
        yield where, {**raw, "text": context[start:end]}


def answer_ids(rows: Rows, language: str) -> Made:
    """Adds the id of the right sentence as `relevant`: a test set whose pool `all_sentences` makes."""
    for where, raw in rows:
        context, start, _ = _answer(raw, where)
        yield where, {**raw, "relevant": [_identifier(language, context, start)]}


def all_sentences(rows: Rows, language: str) -> Made:
    """Every sentence of every distinct context: id, text, context."""
    seen: set[str] = set()
    for where, raw in rows:
        context, _, _ = _answer(raw, where)
        if context in seen:
            continue
        seen.add(context)
        for start, end in sentences(context):
            yield where, {"id": _identifier(language, context, start), "text": context[start:end], "context": context}


SHUFFLED_WITH = "choices-0"  # the seed of the order of choices


def shuffled_choices(rows: Rows, language: str) -> Made:
    """The `candidates` as `choices`, in an order that depends only on the id of the row and on their number; a row
    without an id gets its number, in five digits.

    Where the right one always has the same place, as in BMLAMA, a model that cannot tell two of them apart would be
    right, or wrong, too often. In all languages of a parallel set the order is the same.
    """
    del language
    for number, (where, raw) in enumerate(rows):
        candidates = raw.get("candidates")
        if not isinstance(candidates, list):
            raise DataError(f"{where}: column 'candidates' is {candidates!r:.200}, expected a list")
        name = raw.get("id", f"{number:05}")

        def drawn(place: int, name: Any = name) -> bytes:
            return hashlib.blake2b(f"{SHUFFLED_WITH}|{name}|{place}".encode(), digest_size=16).digest()

        yield (
            where,
            {**raw, "id": name, "choices": [candidates[at] for at in sorted(range(len(candidates)), key=drawn)]},
        )


def shuffled_table_of_choices(rows: Rows, language: str) -> Made:
    """The same from BMLAMA's own tables: Prompt, Ans, Candidate Ans (all in one text, with ", " between), Subject."""

    def ours() -> Made:
        for where, raw in rows:
            named = {name: text_of(raw, name, where) for name in ("Prompt", "Ans", "Candidate Ans", "Subject")}
            prompt, answer, candidates, subject = named.values()
            yield where, {"prompt": prompt, "answer": answer, "candidates": candidates.split(", "), "subject": subject}

    return shuffled_choices(ours(), language)


MAKERS: dict[str, Callable[[Rows, str], Made]] = {
    maker.__name__: maker
    for maker in (
        answer_sentence,
        answer_ids,
        all_sentences,
        filled_templates,
        bitext_queries,
        bitext_candidates,
        shuffled_choices,
        shuffled_table_of_choices,
    )
}
