"""What is suggested in place of a wrong key exists in every job, and with it the command composes."""

from __future__ import annotations

import random
import re
from collections.abc import Iterator
from typing import Any

import pytest

from xtreme_noise.config import compose, keys
from xtreme_noise.config.schema import Config
from xtreme_noise.config.where import split_key
from xtreme_noise.errors import ConfigError, Unusable, composes

pytestmark = pytest.mark.usefixtures("workdir")
HINT = re.compile(r"; did you mean '([^']+)'\?")


def mistyped(key: str) -> Iterator[str]:
    """A key as it is got wrong: a letter too few, two the wrong way round, one too many, in the wrong group."""
    parent, dot, name = key.rpartition(".")
    middle = len(name) // 2
    yield f"{parent}{dot}{name[:middle]}{name[middle + 1 :]}"
    yield f"{parent}{dot}{name[: middle - 1]}{name[middle]}{name[middle - 1]}{name[middle + 1 :]}"
    yield f"{parent}{dot}{name}{name[-1]}"
    yield from (f"{group}.{name}" for group in ("task", "model", "trainer", "noise", "intermediate"))


def error_of(dotted: str) -> str | None:
    """What is said of a key; None when there is one."""
    parts = split_key(dotted)
    for depth in range(1, len(parts) + 1):
        if keys.schema_at(parts[:depth]) is None:
            parent: Any = keys.schema_at(parts[: depth - 1])
            known = list(getattr(parent, "__dataclass_fields__", {}))
            return str(keys.unknown_key(".".join(map(str, parts[:depth])), known, "", ["model", "task", "noise"]))
    return None


def test_what_is_suggested_is_in_every_job() -> None:
    """Also where nothing can be tried out, as the wrong key stands in a file."""
    seen = 0
    for wrong in (wrong for key in keys.all_keys()[::3] for wrong in mistyped(key)):
        found = HINT.search(error_of(wrong) or "")
        if found is not None:
            node: Any = Config()
            for part in split_key(found[1]):
                assert node is not None and hasattr(node, str(part)), f"{wrong}: {found[1]}"
                node = getattr(node, str(part))
            seen += 1
    assert seen > 150


def test_what_does_not_compose_is_not_suggested() -> None:
    """The nearest that does is; where none does, none."""
    token = composes.set(lambda _wrong, right, _strictly: right == "task.recipe.learning_rate")
    try:
        assert "did you mean 'task.recipe.learning_rate'?" in str(error_of("task.learning_rate"))
        assert "did you mean" not in str(error_of("task.epochs"))
    finally:
        composes.reset(token)


def followed(word: str, *command: str) -> str | None:
    """A command with a wrong word, and the same with what is suggested for it: what is suggested, if anything."""
    with pytest.raises(ConfigError) as refused:
        compose.study([*command, word])
    found = HINT.search(str(refused.value))
    if found is None:
        return None
    compose.study([*command, f"{found[1]}={word.partition('=')[2]}"])
    return found[1]


@pytest.mark.parametrize(
    ("word", "command", "wanted"),
    [
        ("task.epochs=3", ["task=xnli"], "task.recipe.epochs"),
        ("task.epochs=3", ["task=xcopa"], "task.recipe.epochs"),
        ("task.frist.name=x", ["task=xcopa"], "task.first"),
        (
            "intermediate.epochs=3",
            ["task=xnli", "intermediate=nli", "intermediate.arm=english"],
            "intermediate.recipe.epochs",
        ),
        ("intermediate.epochs=3", ["task=xnli"], "task.recipe.epochs"),
        ("model.lora.alhpa=8", ["model=e5_small"], None),
        ("model.lora.alhpa=8", ["model=e5_small_lora"], "model.lora.alpha"),
        ("train_noise.levl=0.1", ["task=xnli"], None),
        ("train_noise.levl=0.1", ["task=xnli", "train_noise=char"], "train_noise.level"),
    ],
)
def test_following_a_suggestion_composes(word: str, command: list[str], wanted: str | None) -> None:
    if wanted == "task.first":  # the first part of it that is wrong
        with pytest.raises(Unusable, match=r"did you mean 'task\.first'\?"):
            compose.study([*command, word])
    else:
        assert followed(word, *command) == wanted


@pytest.mark.usefixtures("workdir")
def test_of_a_sweep_one_job_that_has_a_use_for_it_is_enough() -> None:
    with pytest.raises(Unusable, match=r"did you mean 'train_noise\.level'\?"):
        compose.study(["task=xnli", "train_noise=none,char", "train_noise.levl=0.1"], multirun=True)


@pytest.mark.slow
def test_many_mistyped_keys() -> None:
    """At random, with a value that the right key could have."""
    drawn = random.Random(0)
    values = {int: "3", float: "0.5", bool: "true", str: "en"}
    every = [key for key in keys.all_keys() if keys.schema_at(split_key(key)) in values]
    for _ in range(20):
        key = drawn.choice(every)
        word = drawn.choice(list(mistyped(key)))
        if error_of(word):
            try:
                followed(f"{word}={values[keys.schema_at(split_key(key))]}", "task=xnli")
            except Unusable as error:
                pytest.fail(f"{word}: what was suggested is no good: {error}")
            except ConfigError:
                continue  # the value is not one of this key
