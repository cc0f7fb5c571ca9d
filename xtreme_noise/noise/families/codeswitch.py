"""Code-switching: words of the text in another language, from a bilingual lexicon."""

from __future__ import annotations

from dataclasses import dataclass

from xtreme_noise.noise.lexicon import LexiconFamily


@dataclass(frozen=True)
class CodeswitchParameters:
    """path: a lexicon of source word, target word and, if you like, weight (see xtreme_noise.noise.lexicon);
    {language} in it stands for the code of the text's language.
    """

    path: str | None = None


class Family(LexiconFamily):
    """A word of the lexicon becomes one of its translations, in the case of the word.

    Not label-preserving: the lexicon sees no context, so a word of several senses may get the wrong one, and
    negation, number and tense are lost with the ending. Tokens are kept where every translation is one word.
    """

    family = "codeswitch"
    version = 2
    Parameters = CodeswitchParameters
    label_preserving = False
    keeps_script = False

    def __init__(self, parameters: CodeswitchParameters) -> None:
        super().__init__(parameters)
        self.keeps_tokens = not self.several
