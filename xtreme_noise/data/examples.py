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
import unicodedata
from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import count, takewhile
from typing import Any

from xtreme_noise.data.pairs import noisy_side
from xtreme_noise.errors import DataError
from xtreme_noise.noise.apply import NOISY

log = logging.getLogger(__name__)
Row = dict[str, Any]
UNANSWERABLE = "unanswerable"  # the label of a QA task some of whose questions have no answer in their context
INVISIBLE = ("Zs", "Zl", "Zp", "Cc", "Cf")
Check = Callable[[Mapping[str, Any], Sequence[str], str], Row]


def _text(row: Mapping[str, Any], column: str, where: str) -> str:
    value = row.get(column)
    if not isinstance(value, str):
        raise DataError(f"{where}: column {column!r} is {value!r}, wanted text (in quotes)")
    if not visible(value):
        raise DataError(f"{where}: column {column!r} is {value!r}, wanted text that is not empty")
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
        f"{where}: label {value!r} is out of range: wanted one of {', '.join(labels)} or 0..{len(labels) - 1}"
    )


def _classification(row: Mapping[str, Any], labels: Sequence[str], where: str) -> Row:
    found: Row = {"text": _text(row, "text", where)}
    if "text_pair" in row:
        found["text_pair"] = _text(row, "text_pair", where)
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
            raise DataError(f"{where}: token {token!r} is not text")
    return {"tokens": tokens, "tags": [label_index(tag, labels, where) for tag in tags]}


def _whole(start: Any) -> bool:
    """Whether a place in a text is a number from 0 up, without a part."""
    if isinstance(start, bool) or not isinstance(start, int | float):
        return False
    return float(start).is_integer() and start >= 0


def _qa(row: Mapping[str, Any], labels: Sequence[str], where: str) -> Row:
    context = _text(row, "context", where)
    answers = row.get("answers")
    if not isinstance(answers, Mapping) or not (answers.get("text") or UNANSWERABLE in labels):
        raise DataError(f"{where}: column 'answers' has no answer: {answers!r}")
    texts, starts = answers.get("text"), answers.get("answer_start")
    if not isinstance(texts, list) or not isinstance(starts, list) or len(texts) != len(starts):
        raise DataError(f"{where}: 'answers' wants lists 'text' and 'answer_start' of one length: {answers!r:.200}")
    for text, start in zip(texts, starts, strict=True):
        if not isinstance(text, str) or not visible(text):
            raise DataError(f"{where}: answer {text!r} is not text")
        if not _whole(start):
            raise DataError(f"{where}: answer_start {start!r} is not a code point of the context, from 0 up")
        if context[int(start) : int(start) + len(text)] != text:
            raise DataError(f"{where}: answer {text!r} is not at code point {start} of the context")
    case = {"case": _text(row, "case", where)} if "case" in row else {}
    return {
        "question": _text(row, "question", where),
        "context": context,
        "answers": {"text": texts, "answer_start": [int(start) for start in starts]},
        **case,
    }


def _retrieval(row: Mapping[str, Any], labels: Sequence[str], where: str) -> Row:
    del labels
    return {"query": _text(row, "query", where), "candidate": _text(row, "candidate", where)}


def _multiple_choice(row: Mapping[str, Any], labels: Sequence[str], where: str) -> Row:
    """Choices stand in one list, or in columns that are mapped to choice_0, choice_1 ..."""
    del labels
    found: Row = {"text": _text(row, "text", where)}
    if "question" in row:
        found["question"] = _text(row, "question", where)
    names = list(takewhile(lambda name: name in row, (f"choice_{number}" for number in count())))
    choices = row["choices"] if "choices" in row else [_text(row, name, where) for name in names]
    if not isinstance(choices, list) or len(choices) < 2 or not all(isinstance(c, str) and c.strip() for c in choices):
        raise DataError(f"{where}: wanted at least two choices that are not empty, found {choices!r}")
    found["choices"] = choices
    found["label"] = label_index(row.get("label"), [str(number) for number in range(len(choices))], where)
    return found


def _ranking(row: Mapping[str, Any], labels: Sequence[str], where: str) -> Row:
    del labels
    if "relevant" in row:
        relevant = [row["relevant"]] if isinstance(row["relevant"], str) else row["relevant"]
        if not isinstance(relevant, list) or not relevant or not all(isinstance(i, str) and i for i in relevant):
            raise DataError(f"{where}: column 'relevant' is {relevant!r}, wanted the ids of the right candidates")
        return {"query": _text(row, "query", where), "relevant": relevant}
    found: Row = {"query": _text(row, "query", where)} if "query" in row else {}
    found["text"] = _text(row, "text", where)
    if "context" in row:
        found["context"] = _text(row, "context", where)
    return found


def _mining(row: Mapping[str, Any], labels: Sequence[str], where: str) -> Row:
    del labels
    if "relevant" not in row:
        return {"text": _text(row, "text", where)}
    relevant = row["relevant"]
    if not isinstance(relevant, list) or not all(isinstance(i, str) and i for i in relevant):
        raise DataError(f"{where}: column 'relevant' is {relevant!r}, wanted a list of the ids of its translations")
    return {"query": _text(row, "query", where), "relevant": relevant}


def _plain_text(row: Mapping[str, Any], labels: Sequence[str], where: str) -> Row:
    del labels
    found: Row = {"text": _text(row, "text", where)}
    if "text_pair" in row:
        found["text_pair"] = _text(row, "text_pair", where)
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
        identifier = str(row["id"]) if row.get("id") is not None else f"{prefix}-{number}"
        if identifier in seen:
            raise DataError(f"{where}: id {identifier!r} was already used at {seen[identifier]}; ids must be unique")
        seen[identifier] = where
        try:
            checked = check(row, labels, where)
        except DataError as error:
            names = [f" ({ours!r} is {theirs!r} there)" for ours, theirs in columns.items() if repr(ours) in str(error)]
            raise DataError(f"{error}{''.join(names)}") from None
        example = {"id": identifier, **checked, **noisy_side(checked, row, where)}
        _encodable(example, where)
        found.append(example)
    if unpaired:
        log.info("%s: %d rows with one side only are left out, %d pairs stay", what, unpaired, len(found))
    if not found:
        raise DataError(f"{what}: no examples; it is empty")
    return found


def _encodable(value: Any, where: str) -> None:
    """Raise DataError for half a surrogate pair (JSON can hold one, UTF-8 cannot)."""
    if isinstance(value, str):
        try:
            value.encode()
        except UnicodeEncodeError as error:
            raise DataError(f"{where}: {value!r:.80} holds half a surrogate pair: {error.reason}") from None
    elif isinstance(value, Mapping | list):
        for inner in value.values() if isinstance(value, Mapping) else value:
            _encodable(inner, where)


def identity(example: Mapping[str, Any], family: str) -> str:
    """What two equal examples share, as one string; "" for an example that cannot leak.

    Ranking: the context (of a candidate, and of what is trained on), else the query. A candidate without a context is
    not an example: what is asked for in training may be asked for in the test.
    """
    if family == "ranking":
        return str(example.get("context") or example.get("query") or "")
    parts = [example[column] for column in IDENTITY[family] if example.get(column) is not None]
    return "\x1f".join(" ".join(part) if isinstance(part, list) else str(part) for part in parts)


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
