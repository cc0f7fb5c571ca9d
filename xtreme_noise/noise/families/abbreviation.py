"""Abbreviations of chats and notes: you u, vielleicht vllt, километров км."""

from __future__ import annotations

from dataclasses import dataclass
from importlib.resources import files

from xtreme_noise.errors import ConfigError
from xtreme_noise.noise.lexicon import LexiconFamily


@dataclass(frozen=True)
class AbbreviationParameters:
    """path: a table of word, abbreviation and weight (see xtreme_noise.noise.lexicon) in place of the packaged ones;
    {language} in it stands for the language's code.
    """

    path: str | None = None


class Family(LexiconFamily):
    """A word becomes an abbreviation of it that its table has, in proportion to the weights. The words in the table
    limit the noise: `capacity` is the share of graphemes in them.
    """

    family = "abbreviation"
    version = 1
    Parameters = AbbreviationParameters
    packaged = str(files("xtreme_noise.noise").joinpath("abbreviations", "{language}.tsv"))

    def __init__(self, parameters: AbbreviationParameters) -> None:
        super().__init__(parameters)
        if self.several:
            raise ConfigError(f"{parameters.path}: an abbreviation with a space would change the number of tokens")
