"""MultiCheckList's cases (Ruder et al. 2021, after CheckList, Ribeiro et al. 2020), filled in from its templates.

Six reading tests: who is older or more excited; which colour, job or animal. A case is one filling of a template: every
wording of the context with every question. Template rows have `row`, `field`, `en` and `variants`: translations, some
of which are valid for certain English words only (`placeholders`). The tests that the authors published cannot be
rebuilt from the templates, because their names came from an unpublished lexicon; first_names.tsv replaces it.
"""

from __future__ import annotations

import random
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from importlib.resources import files
from typing import Any, NamedTuple

from xtreme_noise.errors import DataError

CASES = 200  # of each test in each language, as in the published tests
SEED = 0
ATTEMPTS = 100  # fillings drawn for a case before giving up: some have no wording in a language
# Name in the templates -> our name.
TESTS = {
    "A is COMP than B. Who is more / less COMP?": "comparisons",
    "Intensifiers (very, super, extremely) and reducers (somewhat, kinda, etc)?": "intensifiers",
    "size, shape, age, color": "properties",
    "Profession vs nationality": "profession_nationality",
    "Animal vs Vehicle": "animal_vehicle",
    "Animal vs Vehicle v2": "animal_vehicle_v2",
}
_SLOT = re.compile(r"\{([^{}]+)\}")
_COMMA = re.compile(r"\s*[,،၊，、]+\s*")
Rows = Iterable[tuple[str, Mapping[str, Any]]]


class Wording(NamedTuple):
    """One translation; only: the English words that it is valid for (empty: all)."""

    text: str
    only: frozenset[str]


class Line(NamedTuple):
    """A template row: its English text and its translations."""

    english: str
    wordings: tuple[Wording, ...]

    @property
    def words(self) -> frozenset[str]:
        """The ways in which conditions refer to it: "a sofa, the sofa" is also "a sofa", "the sofa" and "sofa"."""
        parts = [self.english, *self.english.split(", ")]
        return frozenset([*parts, *(part.split(" ", 1)[-1] for part in parts)])


@dataclass
class Test:
    """Lines of one test. fillers: the possible values of each slot, by field."""

    contexts: list[Line] = field(default_factory=list)
    questions: list[tuple[Line, Line]] = field(default_factory=list)  # with its answer
    fillers: dict[str, list[Line]] = field(default_factory=lambda: defaultdict(list))


class Filled(NamedTuple):
    """A template with its slots filled; spans: (slot, start, end) of each filler."""

    text: str
    spans: tuple[tuple[str, int, int], ...]


def filled_templates(rows: Rows, language: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """Rows of span QA with their `case`: the same English fillings in every language that has words for them.

    Raises DataError for a test that is missing or has too few fillings in the language.
    """
    tests = _tests(rows)
    for name in TESTS.values():
        if name not in tests:
            raise DataError(f"the templates of {language} lack the test {name}")
        seen: set[str] = set()
        for number in range(CASES):
            try:
                for pairs, key in _attempts(tests[name], f"{SEED}|{name}|{number}", language):
                    if pairs and key not in seen:
                        seen.add(key)
                        break
                else:
                    raise DataError(f"{language}: only {number} of {CASES} cases of {name} can be filled in")
            except (LookupError, ValueError) as error:  # missing rows of a test
                raise DataError(f"the templates of {language} lack rows of the test {name} ({error!r})") from error
            case = f"{name}/{number:03d}"
            for position, pair in enumerate(pairs):
                yield f"{language}, {case}", {"id": f"{case}/{position}", "case": case, **pair}


def _tests(rows: Rows) -> dict[str, Test]:
    tests: dict[str, Test] = {}
    current: Test | None = None
    question: Line | None = None
    for where, row in rows:
        name, line = _line(row, where)
        if name == "Name":
            tests[TESTS.get(line.english, line.english)] = current = Test()
        elif name == "Capability":
            continue
        elif current is None or (name == "Answer" and question is None):
            what = "the Name of a test" if current is None else "a Question"
            raise DataError(f"{where}: {name!r} comes before {what}")
        elif name == "Context":
            current.contexts.append(line)
        elif name == "Question":
            question = line
        elif name == "Answer":
            assert question is not None
            current.questions.append((question, line))
        else:
            current.fillers[name].append(line)
    shared = {name: lines for test in tests.values() for name, lines in test.fillers.items()}
    for test in tests.values():
        if not test.fillers:  # the second animal test reuses the fillers of the first
            test.fillers.update({name: shared[name] for name in ("animal", "vehicle") if name in shared})
    return tests


def _line(row: Mapping[str, Any], where: str) -> tuple[str, Line]:
    """(field, line) of a row. Raises DataError for a row that is not a template."""
    for column in ("field", "en", "variants"):
        if column not in row:
            raise DataError(f"{where}: no column {column!r}, which every template has")
    variants = row["variants"]
    texts = isinstance(row["field"], str) and isinstance(row["en"], str)
    if not texts or not isinstance(variants, list) or not all(map(_is_wording, variants)):
        raise DataError(
            f"{where}: not a template: expected text in 'field' and 'en', and 'variants' with a 'text' each"
        )
    wordings = (Wording(variant["text"], _conditions(variant.get("placeholders"))) for variant in variants)
    return row["field"], Line(row["en"], tuple(wordings))


def _is_wording(variant: Any) -> bool:
    return (
        isinstance(variant, Mapping)
        and isinstance(variant.get("text"), str)
        and isinstance(variant.get("placeholders"), str | None)
    )


def _conditions(placeholders: str | None) -> frozenset[str]:
    return frozenset(part.strip() for part in (placeholders or "").split(",") if part.strip())


def _attempts(test: Test, seed: str, language: str) -> Iterator[tuple[list[dict[str, Any]], str]]:
    """(questions of a filling, its key) for each attempt; no questions when the language has no words for it."""
    for attempt in range(ATTEMPTS):
        rng = random.Random(f"{seed}|{attempt}")
        people = rng.sample(range(len(first_names(language))), 2)
        drawn = _draw(test, rng)
        key = repr((people, {slot: line.english for slot, line in drawn.items()}))
        yield _Case(test, drawn, [first_names(language)[one] for one in people], rng).questions(), key


def _draw(test: Test, rng: random.Random) -> dict[str, Line]:
    """One filler for each slot, drawn by position and so the same in every language."""
    if "property" not in test.fillers:
        return {name: rng.choice(lines) for name, lines in test.fillers.items()}
    drawn = {"obj": rng.choice(test.fillers["obj"])}
    for number, kind in enumerate(rng.sample(test.fillers["property"], 2), 1):
        drawn |= {f"p.p{number}": kind, f"p.v{number}": rng.choice(test.fillers[kind.english])}
    return drawn


class _Case:
    """One filling of a test in one language."""

    def __init__(self, test: Test, drawn: Mapping[str, Line], people: Sequence[str], rng: random.Random) -> None:
        self.test = test
        self.drawn = drawn
        self.rng = rng
        first, second = people
        self.slots: dict[str, str | None] = {"first_name": first, "first_name1": second, "first_name2": second}
        for slot, line in drawn.items():
            text = self._wording(line, slot)
            name = {"state": "s"}.get(slot, slot)
            self.slots[name] = text
            self.slots |= {f"{name}[{number}]": form for number, form in enumerate(_forms(text or ""))}

    def questions(self) -> list[dict[str, Any]]:
        """Every context with every question; none when a question or all contexts have no wording.

        A context that does not contain every answer is skipped: two Gujarati contexts name one person twice.
        """
        asked = [
            (self._fill(self._wording(line, f"p.p{number}"), asked=number), answer)
            for number, (line, answer) in enumerate(self.test.questions, 1)
        ]
        rows = []
        for context in [self._fill(self._wording(line), capital=True) for line in self.test.contexts]:
            answers = [self._answer(answer, context) for _, answer in asked] if context else [None]
            if context is None or None in answers:
                continue
            for (question, _), answer in zip(asked, answers, strict=True):
                if question is None:
                    return []
                rows.append({"question": question.text, "context": context.text, "answers": answer})
        return rows

    def _wording(self, line: Line, about: str = "") -> str | None:
        """A translation that is valid for this filling. about: the slot whose property is asked about, or filled."""
        able = [one.text for one in line.wordings if one.text.strip() and self._holds(one.only, about)]
        return self.rng.choice(able) if able else None

    def _holds(self, only: frozenset[str], about: str) -> bool:
        """Whether the filling meets a translation's condition, in every slot that the condition mentions."""
        for slot, lines in self.test.fillers.items():
            named = [line for line in lines if only & line.words]
            if not named:
                continue
            mine = [self.drawn[slot]] if slot in self.drawn else []
            if slot == "property":
                asked = [about] if about in ("p.p1", "p.p2") else ["p.p1", "p.p2"]
                mine = [self.drawn[name] for name in asked if name in self.drawn]
            if mine and not any(line.english == other.english for line in mine for other in named):
                return False
        contexts = {line.english for line in self.test.contexts}
        about_contexts = {one for one in only if _SLOT.search(one) and " " in one}
        return not about_contexts or bool(about_contexts & contexts)

    def _fill(self, template: str | None, *, asked: int | None = None, capital: bool = False) -> Filled | None:
        """The template with its slots filled; None when a slot has no value.

        asked: the number of the question; {p.p1} and {p.p2} both stand for its property, as translations confuse them.
        """
        if template is None:
            return None
        text, spans, at = "", [], 0
        for match in _SLOT.finditer(template):
            slot = match[1].split(":")[-1]  # the prefixes of {a:animal} and {c:obj[1]} matter in English only
            value = self.slots.get(f"p.p{asked}" if asked and slot in ("p.p1", "p.p2") else slot)
            if value is None:
                return None
            text += template[at : match.start()]
            at = match.end()
            if capital and slot.startswith("obj") and re.search(r"(^|\.\s)$", text):
                value = value[:1].upper() + value[1:]
            spans.append((slot, len(text), len(text) + len(value)))
            text += value
        return Filled((text + template[at:]).strip(), tuple(spans)) if not template[:1].isspace() else None

    def _answer(self, line: Line, context: Filled) -> dict[str, list[Any]] | None:
        """The answer at its slot in the context, without its ending when the context does not have that."""
        templates = [one.text for one in line.wordings]
        templates += [part for one in line.wordings for part in one.only if _SLOT.search(part)]
        templates += [slot for one in line.wordings for slot in re.findall(r"\{[^{}]+\}", one.text)]
        for template in templates:
            answer = self._fill(template)
            if answer is None or not answer.text:
                continue
            slots = {slot for slot, _, _ in answer.spans}
            for match in re.finditer(re.escape(answer.text), context.text):
                if any(s in slots and start < match.end() and end > match.start() for s, start, end in context.spans):
                    return {"text": [answer.text], "answer_start": [match.start()]}
        return None


def _forms(text: str) -> list[str]:
    """The forms of "older, old"; without a comma (Thai), the two halves of the words."""
    parts = [part for part in _COMMA.split(text) if part]
    if len(parts) == 1:
        words = text.split()
        half = len(words) // 2
        return [" ".join(words[:half]), " ".join(words[half:])] if len(words) % 2 == 0 else []
    return parts


@cache
def first_names(language: str) -> tuple[str, ...]:
    """Men's names, as the templates' grammar requires, none part of another. Raises DataError when there are none."""
    table = (files("xtreme_noise.data") / "first_names.tsv").read_text(encoding="utf-8")
    names = dict(line.split("\t") for line in table.splitlines())
    if language not in names:
        raise DataError(f"there are no first names in {language!r} to fill templates with")
    return tuple(names[language].split())
