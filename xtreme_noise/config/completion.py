"""Shell completion of options in subfolders. Hydra offers intermediate/nli=english, which is no choice here."""

from __future__ import annotations

import re
from collections.abc import Sequence

from xtreme_noise.config.paths import conf_dir
from xtreme_noise.config.where import Sources


def is_query(overrides: Sequence[str]) -> bool:
    """Whether `--shell-completion` is asked for words (query=bash), not for the script to install."""
    return any(text.startswith("query=") for text in overrides)


def options(line: str) -> list[str] | None:
    """The words that may replace the last one of a command line that chooses from a group; None when it does not.

    Options in lists and sweeps are completed as well: `noise=[char,key`, `model=e5_small,xl`.
    """
    word = line.rsplit(" ", 1)[-1]
    match = re.fullmatch(r"\+?(\w+)=\[?(.*)", word)
    sources = Sources(folders=(conf_dir(),))
    if match is None or match[1] not in sources.groups():
        return None
    typed = match[2].rpartition(",")[2]
    before = word[: len(word) - len(typed)]
    return [before + option for option in sources.options(match[1]) if option.startswith(typed)]
