"""The normal form of an example, one per task family, and the checks every row passes on its way in.

classification: id, text, text_pair (absent when the task has one text), label
tagging:        id, tokens, tags
multiple_choice: id, text, question (absent when the task has none), choices, label (its number, from 0)
qa:             id, question, context, answers {text, answer_start in code points}; none when it is unanswerable
retrieval:      id, query, candidate (the candidate of the same row is the right one)
ranking:        test: id, query, relevant (ids of candidates); pool: id, text, context (absent when it has none);
                train, dev: id, query, text, context (the right candidate itself)
mining:         id, query, relevant (ids of its translations, none for most); the other side: id, text
masked_lm, robust_contrastive: id, text, text_pair (its translation, where there is one); every text once

A test set with a noisy side has it in columns such as noisy_text beside text.
"""

from __future__ import annotations

import logging
import re
import unicodedata
from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import count, takewhile
from typing import Any

from xtreme_noise.data.matching import key
from xtreme_noise.data.pairs import noisy_side
from xtreme_noise.data.strict_json import check_text
from xtreme_noise.errors import DataError
from xtreme_noise.noise.apply import NOISY

log = logging.getLogger(__name__)
Row = dict[str, Any]
UNANSWERABLE = "unanswerable"  # the label of a QA task some of whose questions have no answer in their context
INVISIBLE = ("Zs", "Zl", "Zp", "Cc", "Cf")
NUMBERED = re.compile(r"test-(0|[1-9][0-9]*)")  # an id that rows of a test set without one get; BUCC has de-000000057
Check = Callable[[Mapping[str, Any], Sequence[str], str], Row]


def text_of(row: Mapping[str, Any], column: str, where: str) -> str:
    """A column that has something to read in it. Raises DataError."""
    value = row.get(column)
    if not isinstance(value, str):
        raise DataError(f"{where}: column {column!r} is {value!r:.200}, wanted text (in quotes)")
    if not visible(value):
        raise DataError(f"{where}: column {column!r} is {value!r:.200}, wanted text that is not empty")
    return value


def visible(text: str) -> bool:
    """Whether there is something to read in a text: more than spaces, controls and invisible characters."""
    return any(unicodedata.category(character) not in INVISIBLE for character in text)


def label_index(value: Any, labels: Sequence[str], where: str) -> int:
    """The index of a label given by index or by name. Raises DataError when it is neither."""
    if isinstance(value, str) and value in labels:
        return labels.index(value)
    if isinstance(value, int) and not isinstance(value, bool) and 0 <= value < len(labels):
        return value
    raise DataError(
        f"{where}: label {value!r:.200} is out of range: wanted one of {', '.join(labels)} or 0..{len(labels) - 1}"
    )


def _classification(row: Mapping[str, Any], labels: Sequence[str], where: str) -> Row:
    found: Row = {"text": text_of(row, "text", where)}
    if "text_pair" in row:
        found["text_pair"] = text_of(row, "text_pair", where)
    found["label"] = label_index(row.get("label"), labels, where)
    return found


def _tagging(row: Mapping[str, Any], labels: Sequence[str], where: str) -> Row:
    tokens, tags = row.get("tokens"), row.get("tags")
    if not isinstance(tokens, list) or not isinstance(tags, list) or not tokens:
        raise DataError(f"{where}: wanted lists 'tokens' and 'tags' that are not empty")
    if len(tokens) != len(tags):
        raise DataError(f"{where}: {len(tokens)} tokens but {len(tags)} tags")
    for token in tokens:
        if not isinstance(token, str) or not token.strip():
            raise DataError(f"{where}: token {token!r:.200} is not text")
    return {"tokens": tokens, "tags": [label_index(tag, labels, where) for tag in tags]}


def _whole(start: Any) -> bool:
    """Whether a place in a text is a number from 0 up, without a part."""
    if isinstance(start, bool) or not isinstance(start, int | float):
        return False
    return start >= 0 and (isinstance(start, int) or start.is_integer())


def answers_of(row: Mapping[str, Any], where: str, *, may_lack: bool = False) -> tuple[list[str], list[int]]:
    """The answers of a row of span QA and where each begins in its context.

    may_lack: whether there may be none. Raises DataError for answers of another shape, or that are not there.
    """
    context, answers = text_of(row, "context", where), row.get("answers")
    if not isinstance(answers, Mapping) or not (answers.get("text") or may_lack):
        raise DataError(f"{where}: column 'answers' has no answer: {answers!r:.200}")
    texts, starts = answers.get("text"), answers.get("answer_start")
    if not isinstance(texts, list) or not isinstance(starts, list) or len(texts) != len(starts):
        raise DataError(f"{where}: 'answers' wants lists 'text' and 'answer_start' of one length: {answers!r:.200}")
    for text, start in zip(texts, starts, strict=True):
        if not isinstance(text, str) or not visible(text):
            raise DataError(f"{where}: answer {text!r:.200} is not text")
        if not _whole(start):
            raise DataError(f"{where}: answer_start {start!r:.80} is not a code point of the context, from 0 up")
        if context[int(start) : int(start) + len(text)] != text:
            raise DataError(f"{where}: answer {text!r:.200} is not at code point {start!r:.80} of the context")
    return texts, [int(start) for start in starts]


def _qa(row: Mapping[str, Any], labels: Sequence[str], where: str) -> Row:
    texts, starts = answers_of(row, where, may_lack=UNANSWERABLE in labels)
    case = {"case": text_of(row, "case", where)} if "case" in row else {}
    return {
        "question": text_of(row, "question", where),
        "context": row["context"],
        "answers": {"text": texts, "answer_start": starts},
        **case,
    }


def _retrieval(row: Mapping[str, Any], labels: Sequence[str], where: str) -> Row:
    del labels
    return {"query": text_of(row, "query", where), "candidate": text_of(row, "candidate", where)}


def _multiple_choice(row: Mapping[str, Any], labels: Sequence[str], where: str) -> Row:
    """Choices stand in one list, or in columns that are mapped to choice_0, choice_1 ..."""
    del labels
    found: Row = {"text": text_of(row, "text", where)}
    if "question" in row:
        found["question"] = text_of(row, "question", where)
    names = list(takewhile(lambda name: name in row, (f"choice_{number}" for number in count())))
    choices = row["choices"] if "choices" in row else [text_of(row, name, where) for name in names]
    if not isinstance(choices, list) or len(choices) < 2 or not all(isinstance(c, str) and c.strip() for c in choices):
        raise DataError(f"{where}: wanted at least two choices that are not empty, found {choices!r:.200}")
    found["choices"] = choices
    found["label"] = label_index(row.get("label"), [str(number) for number in range(len(choices))], where)
    return found


def _ranking(row: Mapping[str, Any], labels: Sequence[str], where: str) -> Row:
    del labels
    if "relevant" in row:
        relevant = [row["relevant"]] if isinstance(row["relevant"], str) else row["relevant"]
        if not isinstance(relevant, list) or not relevant or not all(isinstance(i, str) and i for i in relevant):
            raise DataError(f"{where}: column 'relevant' is {relevant!r:.200}, wanted the ids of the right candidates")
        return {"query": text_of(row, "query", where), "relevant": relevant}
    found: Row = {"query": text_of(row, "query", where)} if "query" in row else {}
    found["text"] = text_of(row, "text", where)
    if "context" in row:
        found["context"] = text_of(row, "context", where)
    return found


def _mining(row: Mapping[str, Any], labels: Sequence[str], where: str) -> Row:
    del labels
    if "relevant" not in row:
        return {"text": text_of(row, "text", where)}
    relevant = row["relevant"]
    if not isinstance(relevant, list) or not all(isinstance(i, str) and i for i in relevant):
        raise DataError(
            f"{where}: column 'relevant' is {relevant!r:.200}, wanted a list of the ids of its translations"
        )
    return {"query": text_of(row, "query", where), "relevant": relevant}


def _plain_text(row: Mapping[str, Any], labels: Sequence[str], where: str) -> Row:
    del labels
    found: Row = {"text": text_of(row, "text", where)}
    if "text_pair" in row:
        found["text_pair"] = text_of(row, "text_pair", where)
    return found


CHECKS: dict[str, Check] = {
    "classification": _classification,
    "tagging": _tagging,
    "qa": _qa,
    "retrieval": _retrieval,
    "multiple_choice": _multiple_choice,
    "ranking": _ranking,
    "mining": _mining,
    "masked_lm": _plain_text,
    "robust_contrastive": _plain_text,
}
# What makes two examples the same for the overlap check: for QA a shared context is enough (PROTOCOLS: articles leak).
IDENTITY: dict[str, tuple[str, ...]] = {
    "classification": ("text", "text_pair"),
    "tagging": ("tokens",),
    "qa": ("context",),
    "retrieval": ("query", "candidate"),
    "multiple_choice": ("text", "choices"),
    "mining": ("query", "text"),
    "masked_lm": ("text", "text_pair"),
    "robust_contrastive": ("text",),
}
# Where the paragraphs of a family are: two families that have some can share them.
PARAGRAPHS: dict[str, tuple[str, ...]] = {
    "qa": ("context",),
    "ranking": ("context",),
    "masked_lm": ("text", "text_pair"),
    "robust_contrastive": ("text",),
}


def normalise(
    rows: Iterable[tuple[str, Mapping[str, Any]]],
    *,
    family: str,
    labels: Sequence[str],
    columns: Mapping[str, str],
    prefix: str,
    what: str,
) -> list[Row]:
    """Rows in normal form. `rows` yields (where, raw row); `columns` maps our column to theirs; `what` is the source.

    A row without an id gets `<prefix>-<row number>`: equal over the languages of a parallel set.
    Raises DataError, naming where, for a missing column, a label out of range, an answer that is not in its context,
    a duplicate id, or no rows at all.
    """
    check = CHECKS[family]
    found: list[Row] = []
    seen: dict[str, str] = {}
    # The columns of a test set with two sides in one file.
    pairs = list(columns) if any(name.startswith(NOISY) for name in columns) else []
    unpaired = 0
    for number, (where, raw) in enumerate(rows):
        row = dict(raw)
        for ours, theirs in columns.items():
            outer, _, inner = theirs.partition(".")
            if theirs not in raw and inner and isinstance(raw.get(outer), Mapping) and inner in raw[outer]:
                row[ours] = raw[outer][inner]
                continue
            if theirs not in raw:
                raise DataError(f"{where}: no column {theirs!r} (for {ours!r}); it has {', '.join(map(str, raw))}")
            row[ours] = raw[theirs]
        if pairs and any(row[name] is None for name in pairs):
            unpaired += 1  # one side of the pair is not known
            continue
        identifier = f"{prefix}-{number}" if row.get("id") is None else str(key(row, "id", where))
        if identifier in seen:
            raise DataError(f"{where}: id {identifier!r} was already used at {seen[identifier]}; ids must be unique")
        seen[identifier] = where
        try:
            checked = check(row, labels, where)
        except DataError as error:
            names = [f" ({ours!r} is {theirs!r} there)" for ours, theirs in columns.items() if repr(ours) in str(error)]
            raise DataError(f"{error}{''.join(names)}") from None
        example = {"id": identifier, **checked, **noisy_side(checked, row, where)}
        try:
            check_text(example)  # of the hub's rows as well, which no reader here has checked
        except ValueError as error:
            raise DataError(f"{where}: {error}") from None
        found.append(example)
    if unpaired:
        log.info("%s: %d rows with one side only are left out, %d pairs stay", what, unpaired, len(found))
    if not found:
        raise DataError(f"{what}: no examples; it is empty")
    if family == "ranking" and "query" in found[0] and prefix == "test" and numbered([row["id"] for row in found]):
        log.warning("%s: no column 'id', by which official files name the examples: mode=export leaves it out", what)
    return found


def identity(example: Mapping[str, Any], family: str) -> str:
    """What two equal examples share, as one string; "" for an example that cannot leak.

    Ranking: the context (of a candidate, and of what is trained on), else the query. A candidate without a context is
    not an example: what is asked for in training may be asked for in the test.
    """
    if family == "ranking":
        return str(example.get("context") or example.get("query") or "")
    parts = [example[column] for column in IDENTITY[family] if example.get(column) is not None]
    return "\x1f".join(" ".join(part) if isinstance(part, list) else str(part) for part in parts)


def numbered(identifiers: Sequence[str]) -> bool:
    """Whether the rows of a test set had no ids of their own, and have their numbers instead."""
    return all(map(NUMBERED.fullmatch, identifiers))


def comparable(family: str, other: str) -> bool:
    """Whether an example of one family can be in a data set of the other."""
    return family == other or (family in PARAGRAPHS and other in PARAGRAPHS)


def shared(example: Mapping[str, Any], family: str, other: str) -> list[str]:
    """What an example of `family` must not have in common with one of `other`: their identity in one family, whole
    paragraphs between two. Empty for an example that cannot leak."""
    if family == other:
        found = [identity(example, family)]
    else:
        found = [str(example[column]) for column in PARAGRAPHS[family] if example.get(column) is not None]
    return [text for text in found if text]
