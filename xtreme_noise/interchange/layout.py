"""Prediction files as the official evaluate.py of google-research/xtreme reads them: <task>/test-<language>.<suffix>.

classification: one label per line. tagging: one tag per line, a blank line between sentences. qa: JSON, id -> answer.
multiple choice: JSON lines, {"label": the number of the choice, counted from 0}, as run_xcopa.py writes them.
retrieval: one line per query, the row of its answer among the candidates, counted from 0. With a metric over rankings
(Mewsli-X): JSON, query id -> candidate ids, best first. mining: one line per pair: query id, tab, candidate id.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from xtreme_noise import tasks
from xtreme_noise.data import strict_json
from xtreme_noise.data.examples import numbered
from xtreme_noise.errors import ConfigError, DataError
from xtreme_noise.metrics import by_id
from xtreme_noise.metrics.bucc import BETWEEN
from xtreme_noise.names import slug

# Official names that differ from ours. Our `tatoeba` searches in the opposite direction of the official task.
FOLDERS = {"wikiann": "panx", "bucc": "bucc2018", "tatoeba_squad": "tatoeba", "tatoeba": "tatoeba_to_en"}


@dataclass(frozen=True)
class Items:
    """The examples that are predicted, in the order of the test set.

    gold: as the task's module passes it to the metric; choices: their number in each example (multiple choice).
    """

    ids: Sequence[str]
    gold: Sequence[Any]
    labels: Sequence[str]
    choices: Sequence[int] = ()


@dataclass(frozen=True)
class Format:
    """How a task family's predictions are written and read.

    write: (ids, predictions) -> the file's text. read: (file, items) -> a prediction for each item, in their order;
    raises DataError with file and line. by_id: whether the file identifies examples by id, not by order.
    """

    suffix: str
    write: Callable[[Sequence[str], Sequence[str]], str]
    read: Callable[[Path, Items], list[str]]
    by_id: bool = False


def format_of(family: str, metric: str) -> Format:
    """Raises ConfigError for a family without an official layout."""
    if metric in tasks.family("ranking").metrics:
        return FORMATS["rankings"]
    name = tasks.family(family).predictions_file
    if name is None:
        raise ConfigError(f"tasks of the family {family!r} have no official prediction file")
    return FORMATS[name]


def file_name(task: str, language: str, form: Format) -> str:
    """The path of a prediction file below the prediction folder."""
    return f"{FOLDERS.get(task) or slug(task)}/test-{slug(language)}.{form.suffix}"


def _text(path: Path) -> str:
    """The text without a byte order mark, with unchanged line ends."""
    try:
        return path.read_bytes().decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise DataError(f"{path}: not UTF-8 ({error})") from error


def _lines(path: Path) -> list[str]:
    """Lines split only at line feeds, as in the official readers: labels and ids may contain other separators."""
    lines = _text(path).split("\n")
    return [line.removesuffix("\r") for line in (lines if lines[-1] else lines[:-1])]


def _exact_lines(path: Path, wanted: int, what: str) -> list[str]:
    lines = _lines(path)
    if len(lines) != wanted:
        raise DataError(f"{path}: {len(lines)} lines, expected {wanted}: {what} for each example of the test set")
    return lines


def _one_a_line(path: Path, wanted: int, what: str) -> list[str]:
    return [line.strip() for line in _exact_lines(path, wanted, what)]


def _known(text: str, names: Collection[str]) -> str | None:
    """`text` if it is one of `names`, or (in foreign files) its stripped form; None: neither."""
    return next((form for form in (text, text.strip()) if form in names), None)


def _write_lines(ids: Sequence[str], predictions: Sequence[str]) -> str:
    del ids
    return "".join(f"{prediction}\n" for prediction in predictions)


def _read_labels(path: Path, items: Items) -> list[str]:
    labels = []
    for number, line in enumerate(_exact_lines(path, len(items.ids), "one label"), 1):
        label = _known(line, items.labels)
        if label is None:
            expected = ", ".join(items.labels)
            raise DataError(f"{path}, line {number}: {line!r:.80} is not a label: expected one of {expected}")
        labels.append(label)
    return labels


def _write_tags(ids: Sequence[str], predictions: Sequence[str]) -> str:
    del ids
    return "\n".join("".join(f"{tag}\n" for tag in _tags(prediction)) for prediction in predictions)


def _tags(sentence: str) -> list[str]:
    return sentence.split(" ") if sentence else []


def _read_tags(path: Path, items: Items) -> list[str]:
    sentences: list[list[str]] = [[]]
    begins = [1]
    for number, line in enumerate(_lines(path), 1):
        if line.strip():
            sentences[-1].append(line)
        else:
            sentences.append([])
            begins.append(number + 1)
    if not sentences[-1]:
        sentences.pop()  # a blank line after the last sentence
    if len(sentences) != len(items.ids):
        raise DataError(
            f"{path}: {len(sentences)} sentences, expected {len(items.ids)}, with a blank line between them (XTREME's "
            "own preparation splits long sentences, so its files match only its own test set)"
        )
    known = dict.fromkeys([*items.labels, *(tag for gold in items.gold for tag in _tags(gold))])
    predictions = []
    for lines, begin, gold in zip(sentences, begins, items.gold, strict=False):
        wanted = len(_tags(gold))
        if len(lines) != wanted:
            raise DataError(f"{path}, line {begin}: a sentence of {len(lines)} lines, expected {wanted}: one per token")
        tags = []
        for number, line in enumerate(lines, begin):
            tag = _known(line, known)
            if tag is None:
                raise DataError(f"{path}, line {number}: {line!r:.80} is not a tag: expected one of {', '.join(known)}")
            tags.append(tag)
        predictions.append(" ".join(tags))
    return predictions


def _write_answers(ids: Sequence[str], predictions: Sequence[str]) -> str:
    return json.dumps(dict(zip(ids, predictions, strict=True)), ensure_ascii=False, indent=1) + "\n"


def _read_answers(path: Path, items: Items) -> list[str]:
    answers = _read_json(path)
    if not isinstance(answers, dict) or not all(isinstance(answer, str) for answer in answers.values()):
        raise DataError(f"{path}: expected a JSON object, question id -> answer text")
    return _in_order(path, answers, items)


def _write_rankings(ids: Sequence[str], predictions: Sequence[str]) -> str:
    rankings = {identifier: json.loads(ranked) for identifier, ranked in zip(ids, predictions, strict=True)}
    return json.dumps(rankings, ensure_ascii=False) + "\n"


def _read_rankings(path: Path, items: Items) -> list[str]:
    rankings = _read_json(path)
    if not isinstance(rankings, dict) or not all(isinstance(ranked, list) for ranked in rankings.values()):
        raise DataError(f"{path}: expected a JSON object, query id -> list of candidate ids, best first")
    for query, ranked in rankings.items():
        if not all(isinstance(candidate, str) for candidate in ranked):
            raise DataError(f"{path}: query {query!r}: expected a JSON list of candidate ids, best first")
        if len(set(ranked)) < len(ranked):
            twice: str = Counter(ranked).most_common(1)[0][0]
            raise DataError(f"{path}: query {query!r}: candidate {twice!r} is ranked twice")
    return [json.dumps(ranked, ensure_ascii=False) for ranked in _in_order(path, rankings, items)]


def _read_json(path: Path) -> Any:
    text = _text(path)
    try:
        return strict_json.loads(text, lambda pairs: _distinct(path, pairs))
    except ValueError as error:
        raise DataError(f"{path}: not JSON: {error}") from error


def _in_order(path: Path, answers: dict[str, Any], items: Items) -> list[Any]:
    try:
        return by_id(answers, items.ids)
    except DataError as error:
        hint = "; the rows of the test set have no column 'id': add the official ids" if numbered(items.ids) else ""
        raise DataError(f"{path}: {len(answers)} answers, expected {len(items.ids)}; {error}{hint}") from error


def _distinct(path: Path, pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    unique = dict(pairs)
    if len(unique) < len(pairs):
        raise DataError(f"{path}: an id occurs twice among {len(pairs)} answers")
    return unique


def _write_rows(ids: Sequence[str], predictions: Sequence[str]) -> str:
    row = {identifier: number for number, identifier in enumerate(ids)}
    return "".join(f"{row[prediction]}\n" for prediction in predictions)


def _read_rows(path: Path, items: Items) -> list[str]:
    predictions = []
    for number, line in enumerate(_one_a_line(path, len(items.ids), "the row of a candidate"), 1):
        if not line.isdecimal() or len(line) > 18 or int(line) >= len(items.ids):
            last = len(items.ids) - 1
            raise DataError(f"{path}, line {number}: {line!r:.80} is not a candidate: expected a row from 0 to {last}")
        predictions.append(items.ids[int(line)])
    return predictions


def _write_choices(ids: Sequence[str], predictions: Sequence[str]) -> str:
    del ids
    return "".join(json.dumps({"label": int(prediction)}) + "\n" for prediction in predictions)


def _read_choices(path: Path, items: Items) -> list[str]:
    labels = []
    lines = _one_a_line(path, len(items.ids), 'one {"label": ...}')
    for number, (line, count) in enumerate(zip(lines, items.choices, strict=True), 1):
        try:
            row = strict_json.loads(line)
        except ValueError as error:
            raise DataError(f"{path}, line {number}: not JSON: {error}") from error
        label = row.get("label") if isinstance(row, dict) else None
        if not isinstance(label, int) or isinstance(label, bool) or not 0 <= label < count:
            wanted = f'{{"label": a number from 0 to {count - 1}}}'
            raise DataError(f"{path}, line {number}: {line!r:.80} is not a choice: expected {wanted}")
        labels.append(str(label))
    return labels


def _write_pairs(ids: Sequence[str], predictions: Sequence[str]) -> str:
    pairs = [(name, other) for name, paired in zip(ids, predictions, strict=True) for other in paired.split(BETWEEN)]
    return "".join(f"{name}\t{other}\n" for name, other in pairs if other)


def _read_pairs(path: Path, items: Items) -> list[str]:
    paired: dict[str, list[str]] = {identifier: [] for identifier in items.ids}
    right = {candidate for gold in items.gold for candidate in gold}
    for number, line in enumerate(_lines(path), 1):
        name, *others = line.split("\t")
        if len(others) != 1 or not others[0].strip():
            raise DataError(f"{path}, line {number}: {line!r:.80} is not a pair: expected two ids separated by a tab")
        query, candidate = _known(name, paired), _known(others[0], right) or others[0]
        if query is None:
            raise DataError(f"{path}, line {number}: the test set has no sentence {name!r}")
        if candidate in paired[query]:
            raise DataError(f"{path}, line {number}: the pair of {query!r} and {candidate!r} occurs twice")
        paired[query].append(candidate)
    return [BETWEEN.join(candidates) for candidates in paired.values()]


# By the name in TaskFamily.predictions_file (tasks/base.py).
FORMATS = {
    "labels": Format("tsv", _write_lines, _read_labels),
    "tags": Format("tsv", _write_tags, _read_tags),
    "answers": Format("json", _write_answers, _read_answers, by_id=True),
    "rows": Format("tsv", _write_rows, _read_rows),
    "pairs": Format("tsv", _write_pairs, _read_pairs, by_id=True),
    "choices": Format("jsonl", _write_choices, _read_choices),
    "rankings": Format("json", _write_rankings, _read_rankings, by_id=True),
}
