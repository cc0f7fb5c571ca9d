"""The jobs of a sweep: every combination of its values, without duplicates.

A job is one trained model. What is swept in its evaluation (language, noise, level) is a list in one job: jobs of their
own would load the model, or wait for it, once for each value.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from hydra._internal.core_plugins import basic_sweeper  # its rules, not a copy of them
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import Override, OverrideType
from hydra.core.plugins import Plugins

NONE = "intermediate=none"
WITHOUT = {NONE: "intermediate", "shots.k=null": "shots"}  # a word with which the settings of a group have no meaning
MANY = {"language": "languages", "noise.level": "noise.levels", "noise": "noise"}  # the key that takes a list
_product = basic_sweeper.BasicSweeper.split_arguments


def split(overrides: Sequence[Override], max_batch_size: int | None = None) -> list[list[list[str]]]:
    """Batches of jobs, each a list of overrides, as Hydra's basic sweeper makes them.

    In a sweep over intermediate tasks or arms, `none` has no arm, size or recipe: its job leaves out all settings of
    `intermediate`, and is one job for all arms. In the same way `shots.k=null`, zero-shot, is one job for all ways to
    sample.
    """
    overrides = [listed for override in overrides for listed in _listed(override, overrides)]
    idle = {word: _settings(overrides, word.split("=")[0], group) for word, group in WITHOUT.items()}
    found: list[list[list[str]]] = []
    seen: set[tuple[str, ...]] = set()
    for batch in _product(list(overrides), max_batch_size):
        jobs = []
        for words in batch:
            left_out = {key for word, keys in idle.items() if word in words for key in keys}
            job = [text for text in words if _key(text) not in left_out]
            if job == words or tuple(job) not in seen:
                seen.add(tuple(job))
                jobs.append(job)
        if jobs:
            found.append(jobs)
    return found


def _listed(override: Override, beside: Sequence[Override]) -> list[Override]:
    """A sweep over the evaluation of a job as one list: language=null languages=[de,fr] for language=de,fr."""
    key = override.key_or_group
    many = MANY.get(key)
    if many is None or not override.is_sweep_override() or override.type != OverrideType.CHANGE:
        return [override]
    values = list(override.sweep_string_iterator())
    if any(text.startswith("[") or text == "null" for text in values):
        return [override]
    if many != key and any(one.key_or_group == many for one in beside):
        return [override]  # both are given: the check of the job says which one to leave out
    words = [f"{key}=null"] if many != key else []  # an experiment may have set one value
    parser = OverridesParser.create()
    return list(parser.parse_overrides([*words, f"{many}=[{','.join(values)}]"]))


def _settings(overrides: Sequence[Override], switch: str, group: str) -> set[str]:
    """The settings of a group without the one that switches it off; if that is not swept, only those that are."""
    several = any(o.key_or_group == switch and o.is_sweep_override() for o in overrides)
    of_group = [o for o in overrides if o.key_or_group.startswith(f"{group}.") and o.key_or_group != switch]
    return {_key(o.input_line) for o in of_group if several or o.is_sweep_override()}


def of_intermediate(key: str) -> bool:
    """Whether a key is a setting of the intermediate task."""
    return key.startswith("intermediate.")


def _key(text: str | None) -> str:
    return str(text).split("=", 1)[0]


@contextmanager
def by_hydra() -> Iterator[None]:
    """In this context Hydra's own sweeper splits as `split` does, and does not compose jobs only to validate them."""
    Plugins.instance()  # looking for plugins runs the module again, which replaces the class
    sweeper = basic_sweeper.BasicSweeper
    validate = sweeper.validate_batch_is_legal
    sweeper.split_arguments = staticmethod(split)
    sweeper.validate_batch_is_legal = lambda _sweeper, _batch: None  # each job is checked (config/compose.py)
    try:
        yield
    finally:
        sweeper.split_arguments = staticmethod(_product)
        sweeper.validate_batch_is_legal = validate
