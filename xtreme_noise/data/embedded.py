"""The embedded source: spoken-command sentences in 44 languages, sampled from home-assistant-intents.

The grammars are written by volunteers, most of them native speakers, to *recognise* commands. They over-generate: some
sentences are stilted, word order is freer than in speech, and slot fillers (rooms, devices, towns; our own
embedded_values.tsv) are not inflected. This is a diagnostic task with real vocabulary in many scripts, not a sample of
what people say.

Paths: "intents" (classification, 17 intents that all 44 languages have) and "slots" (tagging, BIO).

Splits are disjoint by template: no template of one split is used in another, and no sentence occurs in two.
Where an intent has fewer than three templates in a language, its templates are divided by their widest alternative
("cancel all timers", "stop all timers"); where even that gives fewer than three parts, dev, then test lacks that
intent. Both paths use the same split of the templates, so training on slots shows no test sentence of intents.

Sizes (train / dev / test): intents 930 / 200 / 330 in 40 languages, slightly less in dev or test of Irish, Icelandic,
Lithuanian and Latvian; slots 1800 / 200 / 330 in 24 languages, at least 1144 / 120 / 161 elsewhere. Short intents (what
time is it) have few sentences, sometimes only one for training; in French, Luxembourgish, Latvian, Nepali and Ukrainian
dev lacks one of them.

Tokens are separated by white space; in Thai and Chinese, which have none, they are graphemes (and runs of ASCII letters
or digits). A token that contains a slot and more ("50%", a suffix after a name) has the tag of the slot.
"""

from __future__ import annotations

import csv
import random
from collections.abc import Mapping, Sequence
from functools import cache
from importlib import metadata, resources
from typing import TYPE_CHECKING, Any

import regex

from xtreme_noise.errors import ConfigError, DataError, suggest

if TYPE_CHECKING:
    from xtreme_noise.data.embedded_grammar import Piece, Sampler, Unit

VERSION = 1  # raised whenever the rows below change
SEED = 0
# fmt: off
LANGUAGES: tuple[str, ...] = (
    "af", "ar", "bg", "bn", "ca", "cs", "cy", "da", "de", "el", "en", "es", "eu", "fa", "fi", "fr",
    "ga", "gl", "he", "hi", "hr", "hu", "is", "it", "ko", "lb", "lt", "lv", "ml", "nb", "ne", "nl",
    "pl", "pt", "ro", "ru", "sk", "sl", "sr", "sv", "th", "uk", "vi", "zh",
)
# fmt: on
FILES = {"zh": "zh-CN"}  # the package's name of a language where it differs
WITHOUT_SPACES = ("th", "zh")
PATHS = ("intents", "slots")
INTENTS: tuple[str, ...] = (
    "HassCancelAllTimers",
    "HassCancelTimer",
    "HassClimateGetTemperature",
    "HassGetCurrentDate",
    "HassGetCurrentTime",
    "HassGetWeather",
    "HassLightSet",
    "HassMediaNext",
    "HassMediaPause",
    "HassMediaUnpause",
    "HassPauseTimer",
    "HassStartTimer",
    "HassTimerStatus",
    "HassTurnOff",
    "HassTurnOn",
    "HassUnpauseTimer",
    "HassVacuumCleanArea",
)
SLOTS = {  # the package's slots -> ours; a timer's time is one kind of span, whatever the command
    "area": "area",
    "brightness": "brightness",
    "color": "color",
    "conversation_command": "command",
    "device_class": "device_class",
    "floor": "floor",
    "hours": "hours",
    "minutes": "minutes",
    "name": "name",
    "seconds": "seconds",
    "start_hours": "hours",
    "start_minutes": "minutes",
    "start_seconds": "seconds",
    "temperature": "temperature",
}
SLOT_TAGS: tuple[str, ...] = (
    "O",
    *(f"{part}-{slot}" for slot in dict.fromkeys(SLOTS.values()) for part in ("B", "I")),
)
SIZES = {
    "intents": {"train": 930, "dev": 200, "test": 330},
    "slots": {"train": 1800, "dev": 200, "test": 330},
}
SPLITS = ("test", "dev", "train")  # in the order in which they take sentences
SHARES = {"test": 0.22, "dev": 0.14}  # of an intent's units; at least one each
POOL = {"train": 180, "dev": 24, "test": 40}  # sentences drawn per intent before the sizes are applied
PATIENCE = 150  # draws without a new sentence (at least four of every unit) after which a grammar is exhausted
_IGNORED = regex.compile(r"[\s\p{P}]+")

Sentence = tuple[str, tuple[tuple[int, int, str], ...]]  # text, spans (start, end, slot) in code points


@cache
def version() -> str:
    """The versions that the rows depend on: of the packages and of this module."""
    try:
        parts = [f"{name}={metadata.version(name)}" for name in ("home-assistant-intents", "hassil")]
    except metadata.PackageNotFoundError as error:
        raise DataError(
            f"the embedded source needs a package that is not installed: pip install {error.name}"
        ) from error
    return " ".join([*parts, f"v{VERSION}"])


def rows(path: str, language: str, split: str) -> list[dict[str, Any]]:
    """The rows of one split in normal form.

    intents: id, text, label (index into INTENTS). slots: id, tokens, tags (indices into SLOT_TAGS), only
    sentences that have a slot. Intents alternate, so the classes are as balanced as the grammar allows.
    Raises ConfigError for an unknown path, language or split, DataError when the packages are missing.
    """
    for name, known, what in (
        (path, PATHS, "path"),
        (language, LANGUAGES, "language"),
        (split, SPLITS, "split"),
    ):
        if name not in known:
            raise ConfigError(f"embedded data: unknown {what} {name!r}{suggest(name, known, what + 's')}")
    version()  # reports a missing package before hassil is imported
    from xtreme_noise.data.embedded_grammar import shuffled

    pools = _pools(language)[split]
    wanted = {
        intent: [sentence for sentence in pool if path == "intents" or sentence[1]] for intent, pool in pools.items()
    }
    chosen = _in_turns(wanted, SIZES[path][split])
    order = shuffled(random.Random(f"{SEED} {language} {path} {split}"), chosen)
    made = []
    for number, (intent, (text, spans)) in enumerate(order):
        row: dict[str, Any] = {"id": f"{path}-{language}-{split}-{number:04d}"}
        if path == "intents":
            row |= {"text": text, "label": INTENTS.index(intent)}
        else:
            tokens, tags = bio(text, spans, language not in WITHOUT_SPACES)
            row |= {"tokens": tokens, "tags": [SLOT_TAGS.index(tag) for tag in tags]}
        made.append(row)
    return made


def bio(text: str, spans: Sequence[tuple[int, int, str]], spaces: bool) -> tuple[list[str], list[str]]:
    """Tokens and their BIO tags; `spans` are (start, end, slot) in code points and do not overlap."""
    pattern = r"\S+" if spaces else r"[A-Za-z0-9]+|\X"
    tokens, tags = [], []
    begun: set[int] = set()
    for match in regex.finditer(pattern, text):
        if not match.group().strip():
            continue
        shares = [(min(end, match.end()) - max(start, match.start())) for start, end, _ in spans]
        best = max(range(len(spans)), key=lambda index: shares[index], default=None)
        tokens.append(match.group())
        if best is None or shares[best] <= 0:
            tags.append("O")
        else:
            tags.append(f"{'I' if best in begun else 'B'}-{spans[best][2]}")
            begun.add(best)
    return tokens, tags


def _in_turns(pools: Mapping[str, Sequence[Sentence]], size: int) -> list[tuple[str, Sentence]]:
    """Up to `size` sentences, one of every intent in turn until its pool is empty."""
    chosen = [(position, intent, sentence) for intent, pool in pools.items() for position, sentence in enumerate(pool)]
    chosen.sort(key=lambda item: item[0])  # stable: intents keep their order
    return [(intent, sentence) for _, intent, sentence in chosen[:size]]


@cache
def _pools(language: str) -> dict[str, dict[str, list[Sentence]]]:
    """Distinct sentences by split and intent, in the order drawn."""
    divided, sampler = _grammar(language)
    taken: set[str] = set()
    pools: dict[str, dict[str, list[Sentence]]] = {}
    for split in SPLITS:
        drawn: dict[str, dict[str, Sentence]] = {}
        for intent in INTENTS:
            rng = random.Random(f"{SEED} {language} {intent} {split}")
            drawn[intent] = _draw(divided[intent][split], sampler[split], rng, POOL[split])
        meanings: dict[str, int] = {}
        for pool in drawn.values():
            for key in pool:
                meanings[key] = meanings.get(key, 0) + 1
        pools[split] = {
            intent: [sentence for key, sentence in pool.items() if meanings[key] == 1 and key not in taken]
            for intent, pool in drawn.items()
        }
        taken.update(meanings)
    for intent in INTENTS:
        if not pools["train"][intent]:  # all sentences are in test or dev: training needs those of dev
            pools["train"][intent], pools["dev"][intent] = pools["dev"][intent], []
    return pools


def _draw(parts: Sequence[Unit], sampler: Sampler, rng: random.Random, size: int) -> dict[str, Sentence]:
    """Up to `size` distinct sentences by key, drawn from the units in turn."""
    drawn: dict[str, Sentence] = {}
    stale = turn = 0
    while parts and len(drawn) < size and stale < max(PATIENCE, 4 * len(parts)):
        text, spans = _join(sampler.draw(parts[turn % len(parts)], rng))
        turn += 1
        stale += 1
        key = _key(text)
        if key and key not in drawn:
            drawn[key] = (text, spans)
            stale = 0
    return drawn


def _key(text: str) -> str:
    """The text without case, spaces and punctuation: sentences with the same key count as the same."""
    return str(_IGNORED.sub("", text.casefold()))


def _join(pieces: Sequence[Piece]) -> Sentence:
    """Text with single spaces, and the spans of its slots."""
    text = ""
    spans = []
    for piece, slot in pieces:
        start = len(text)
        for character in piece:
            if not character.isspace():
                text += character
            elif text and not text.endswith(" "):
                text += " "
        if slot is not None and text[start:].strip():
            lead = len(text[start:]) - len(text[start:].lstrip())
            spans.append((start + lead, len(text.rstrip()), SLOTS[slot]))
    return text.rstrip(), tuple(spans)


def _grammar(language: str) -> tuple[dict[str, dict[str, list[Unit]]], dict[str, Sampler]]:
    """The units of every intent by split, and the samplers of the splits."""
    import home_assistant_intents
    from hassil.intents import Intents

    from xtreme_noise.data.embedded_grammar import Sampler, pick, units

    package = home_assistant_intents.get_intents(FILES.get(language, language))
    if package is None:
        raise DataError(f"home-assistant-intents has no grammar for {language}; install the version of constraints.txt")
    package["intents"] = {intent: package["intents"][intent] for intent in INTENTS}
    grammar = Intents.from_dict(package)
    divided = {
        intent: _divide(
            units(grammar.intents[intent], grammar.expansion_rules),
            random.Random(f"{SEED} {language} {intent}"),
        )
        for intent in INTENTS
    }
    values = _values()[language]

    def sampler(split: str) -> Sampler:
        switches = [*divided["HassTurnOn"][split], *divided["HassTurnOff"][split]]

        def command(rng: random.Random) -> str:
            return _join(made.draw(pick(rng, switches), rng))[0]

        made = Sampler(grammar.slot_lists, values, language not in WITHOUT_SPACES, command)
        return made

    return divided, {split: sampler(split) for split in SPLITS}


def _divide(templates: Sequence[Unit], rng: random.Random) -> dict[str, list[Unit]]:
    """Units by split; the module's docstring says what happens to an intent with few templates."""
    from xtreme_noise.data.embedded_grammar import shuffled

    parts = list(templates)
    while len(parts) < len(SPLITS):
        branches = [(index, unit.split()) for index, unit in enumerate(parts)]
        index, widest = max(branches, key=lambda branch: len(branch[1]), default=(0, []))
        if len(widest) < 2:
            break
        parts[index : index + 1] = widest
    parts = shuffled(rng, parts)
    parts.append(parts.pop(max(range(len(parts)), key=lambda index: parts[index].size())))  # the largest goes to train
    test = max(1, round(SHARES["test"] * len(parts))) if len(parts) > 1 else 0
    dev = max(1, round(SHARES["dev"] * len(parts))) if len(parts) > 2 else 0
    return {"test": parts[:test], "dev": parts[test : test + dev], "train": parts[test + dev :]}


@cache
def _values() -> dict[str, dict[str, list[str]]]:
    """Fillers for the lists without values in the package, by language and column."""
    text = (resources.files(__package__) / "embedded_values.tsv").read_text(encoding="utf-8")
    return {
        row.pop("code"): {
            "robots": ["Robi", "Dusty"],
            **{column: cell.split(", ") for column, cell in row.items()},
        }
        for row in csv.DictReader(text.splitlines(), delimiter="\t")
    }
