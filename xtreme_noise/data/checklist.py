"""MultiCheckList's cases (Ruder et al. 2021, after CheckList, Ribeiro et al. 2020), filled in from its templates.

Six tests of reading: who is older, more excited; which colour, job, animal. A case is one filling: every wording of the
context with every question. Templates are rows of `row`, `field`, `en` and `variants`: translations, some of which hold
for certain English words only (`placeholders`). The tests that the authors published lie elsewhere and cannot be made
again from the templates, whose names came from a lexicon that is not with them; first_names.tsv stands in for it.
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

CASES = 200  # of each test in each language, as there
SEED = 0
ATTEMPTS = 100  # fillings drawn for a case before it is given up: some have no wording in a language
# The tests by the names that the templates have for them.
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
    """One translation; only: the English words for which it holds (none: for all)."""

    text: str
    only: frozenset[str]


class Line(NamedTuple):
    """A row of the templates: what it is in English, and its translations."""

    english: str
    wordings: tuple[Wording, ...]

    @property
    def words(self) -> frozenset[str]:
        """How conditions name it: "a sofa, the sofa" is also "a sofa", "the sofa" and "sofa"."""
        parts = [self.english, *self.english.split(", ")]
        return frozenset([*parts, *(part.split(" ", 1)[-1] for part in parts)])


@dataclass
class Test:
    """Lines of one test. fillers: what each of its slots can be, by field."""

    contexts: list[Line] = field(default_factory=list)
    questions: list[tuple[Line, Line]] = field(default_factory=list)  # with its answer
    fillers: dict[str, list[Line]] = field(default_factory=lambda: defaultdict(list))


class Filled(NamedTuple):
    """A template with its slots filled; spans: (slot, start, end) of what stands in them."""

    text: str
    spans: tuple[tuple[str, int, int], ...]


def filled_templates(rows: Rows, language: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """Rows of span QA with the `case` of each, the same English fillings in every language that has words for them.

    Raises DataError for a test that is not there or has too few fillings in the language.
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
            except (LookupError, ValueError) as error:  # rows of a test that are not there
                raise DataError(f"the templates of {language} lack rows of the test {name} ({error!r})") from error
            case = f"{name}/{number:03d}"
            for position, pair in enumerate(pairs):
                yield f"{language}, {case}", {"id": f"{case}/{position}", "case": case, **pair}


def _tests(rows: Rows) -> dict[str, Test]:
    found: dict[str, Test] = {}
    current: Test | None = None
    question: Line | None = None
    for where, row in rows:
        name, line = _line(row, where)
        if name == "Name":
            found[TESTS.get(line.english, line.english)] = current = Test()
        elif name == "Capability":
            continue
        elif current is None or (name == "Answer" and question is None):
            what = "the Name of a test" if current is None else "a Question"
            raise DataError(f"{where}: {name!r} stands before {what}")
        elif name == "Context":
            current.contexts.append(line)
        elif name == "Question":
            question = line
        elif name == "Answer":
            assert question is not None
            current.questions.append((question, line))
        else:
            current.fillers[name].append(line)
    shared = {name: lines for test in found.values() for name, lines in test.fillers.items()}
    for test in found.values():
        if not test.fillers:  # the second test about animals has those of the first
            test.fillers.update({name: shared[name] for name in ("animal", "vehicle") if name in shared})
    return found


def _line(row: Mapping[str, Any], where: str) -> tuple[str, Line]:
    """(field, line) of a row. Raises DataError for one that is no template."""
    for column in ("field", "en", "variants"):
        if column not in row:
            raise DataError(f"{where}: no {column!r} among the columns of a template")
    variants = row["variants"]
    texts = isinstance(row["field"], str) and isinstance(row["en"], str)
    if not texts or not isinstance(variants, list) or not all(map(_is_wording, variants)):
        raise DataError(f"{where}: no template: wanted texts as 'field' and 'en', and 'variants' with a 'text' each")
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
    """(questions of a filling, what identifies it), none where the language has no words for it."""
    for attempt in range(ATTEMPTS):
        rng = random.Random(f"{seed}|{attempt}")
        people = rng.sample(range(len(first_names(language))), 2)
        drawn = _draw(test, rng)
        key = repr((people, {slot: line.english for slot, line in drawn.items()}))
        yield _Case(test, drawn, [first_names(language)[one] for one in people], rng).questions(), key


def _draw(test: Test, rng: random.Random) -> dict[str, Line]:
    """One line for each slot, the same in every language: drawn by its place among the fillers."""
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
        """Every context with every question; none when there is no wording for a question or any context.

        A context that does not hold every answer is left out: in Gujarati two of them name one person twice.
        """
        asked = [
            (self._fill(self._wording(line, f"p.p{number}"), asked=number), answer)
            for number, (line, answer) in enumerate(self.test.questions, 1)
        ]
        found = []
        for context in [self._fill(self._wording(line), capital=True) for line in self.test.contexts]:
            answers = [self._answer(answer, context) for _, answer in asked] if context else [None]
            if context is None or None in answers:
                continue
            for (question, _), answer in zip(asked, answers, strict=True):
                if question is None:
                    return []
                found.append({"question": question.text, "context": context.text, "answers": answer})
        return found

    def _wording(self, line: Line, about: str = "") -> str | None:
        """A translation that holds for this filling. about: the slot whose property is asked for, or filled."""
        able = [one.text for one in line.wordings if one.text.strip() and self._holds(one.only, about)]
        return self.rng.choice(able) if able else None

    def _holds(self, only: frozenset[str], about: str) -> bool:
        """Whether the filling is one of those a translation is for: for each slot that the condition speaks of."""
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
        """asked: the number of the question, whose property {p.p1} and {p.p2} both mean: translations mix them up."""
        if template is None:
            return None
        text, spans, at = "", [], 0
        for match in _SLOT.finditer(template):
            slot = match[1].split(":")[-1]  # CheckList's {a:animal} and {c:obj[1]} are about English
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
        """The answer where its slot stands in the context; bare, when an ending of it is not there."""
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
    """The forms of "older, old"; where no comma parts them (Thai), two words or halves."""
    parts = [part for part in _COMMA.split(text) if part]
    if len(parts) == 1:
        words = text.split()
        half = len(words) // 2
        return [" ".join(words[:half]), " ".join(words[half:])] if len(words) % 2 == 0 else []
    return parts


@cache
def first_names(language: str) -> tuple[str, ...]:
    """Men's names, which the templates' grammar wants, none part of another. Raises DataError without any."""
    table = (files("xtreme_noise.data") / "first_names.tsv").read_text(encoding="utf-8")
    found = dict(line.split("\t") for line in table.splitlines())
    if language not in found:
        raise DataError(f"there are no first names in {language!r} to fill templates with")
    return tuple(found[language].split())
