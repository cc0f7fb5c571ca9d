"""Shell completion without Hydra, whose import alone takes too long: keys, and options of groups, also in subfolders
(Hydra offers them as keys, such as task/attested=xnli, which is not valid here).
"""

from __future__ import annotations

import dataclasses
import re
import typing
from collections.abc import Mapping, Sequence

from xtreme_noise.config.keys import inner, schema_at
from xtreme_noise.config.paths import conf_dir
from xtreme_noise.config.schema import LISTED, MODES
from xtreme_noise.config.where import Sources, split_key
from xtreme_noise.languages import LANGUAGES

VALUES: Mapping[str, Sequence[str]] = {
    "mode": MODES, "language": sorted(LANGUAGES), "languages": sorted(LANGUAGES), "list.what": LISTED,
}  # fmt: skip


def is_query(overrides: Sequence[str]) -> bool:
    """Whether `--shell-completion` is to return words (query=bash) and not the script to install."""
    return any(text.startswith("query=") for text in overrides)


def options(line: str) -> list[str] | None:
    """The words that may replace the last one of a command line; None where Hydra completes: other values and its own
    keys.

    Options in lists and sweeps are completed as well: `noise=[char,key`, `model=e5_small,xl`.
    """
    word = line.rsplit(" ", 1)[-1]
    sources = Sources(folders=(conf_dir(),))
    if "=" not in word:
        return _keys(word, sources.groups())
    match = re.fullmatch(r"\+?([\w.]+)=\[?(.*)", word)
    if match is None:
        return None
    known = sources.options(match[1]) if match[1] in sources.groups() else VALUES.get(match[1])
    if known is None:
        return None
    typed = match[2].rpartition(",")[2]
    before = word[: len(word) - len(typed)]
    return [before + option for option in known if option.startswith(typed)]


def _keys(word: str, groups: Sequence[str]) -> list[str] | None:
    """Groups and keys of the schema that begin with a word: `key=`, or `key.` where it contains keys."""
    start = word[: len(word) - len(word.lstrip("+"))]
    base, dot, typed = word[len(start) :].rpartition(".")
    parent = schema_at(split_key(base))
    if word.startswith(("hydra", "-", "~")) or not dataclasses.is_dataclass(parent):
        return None
    found = [] if dot else [f"{group}=" for group in groups]
    for name, hint in typing.get_type_hints(parent).items():
        kind = inner(hint)
        within = dataclasses.is_dataclass(kind) or typing.get_origin(kind) is dict
        found.append(f"{name}." if within else f"{name}=")
    return sorted({f"{start}{base}{dot}{name}" for name in found if name.startswith(typed)})
