"""Emoji and emoticons inserted behind words, mostly at the ends of clauses."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from xtreme_noise.languages import LANGUAGES
from xtreme_noise.languages import language as language_row
from xtreme_noise.noise.changes import Change
from xtreme_noise.noise.engine import EngineFamily, Table
from xtreme_noise.noise.signs import MARKS
from xtreme_noise.noise.text import graphemes
from xtreme_noise.noise.weights import check_weights, thresholds

_CLAUSE, _WORD = 1, 2
_INSIDE = 32  # ends of words for every one that gets an emoji, as long as ends of clauses last
# Common ones, chosen by hand.
EMOJI = tuple("😂 ❤️ 😍 🤣 😊 🙏 😭 😘 👍 😅 🔥 😁 🥰 🤔 😎 💕 🎉 😢 🙄 💪 👏 😉 😱 🤦‍♀️".split())
_WESTERN = ":) :( ;) :-) :-( ;-) :/ :'( <3"
# By script; letters only where they are no foreign ones.
_EMOTICONS = {
    "Latn": f"{_WESTERN} :D :P xD",
    "Cyrl": f"{_WESTERN} )) ((",
    **dict.fromkeys(("Hans", "Jpan", "Kore"), "^^ ^_^ (^^) (^_^) -_- ;_; >_<"),
}


@dataclass(frozen=True)
class EmojiParameters:
    """Weights (>= 0, any scale) of emoji and of emoticons. All of either are equally likely."""

    emoji: float = 2.0
    emoticons: float = 1.0


def emoticons(code: str) -> tuple[str, ...]:
    """The emoticons of a language."""
    return tuple(_EMOTICONS.get(language_row(code).script, _WESTERN).split())


class _Ends(Table):
    """The last graphemes of clauses (_CLAUSE) and of other words (_WORD), with the marks behind them. In languages
    without spaces between words, a clause also ends at a mark.
    """

    def __init__(self, code: str) -> None:
        super().__init__()
        self.space = (" ",) if language_row(code).spaces else ()
        self.choices = [[tuple(graphemes(one)) for one in every] for every in (EMOJI, emoticons(code))]

    def kinds(self, text: str, units: Sequence[str]) -> Sequence[int]:  # noqa: ARG002
        kinds = bytearray(len(units))
        after = "\n"
        for at in range(len(units) - 1, -1, -1):
            unit = units[at]
            if not unit.isspace() and (after.isspace() or (not self.space and unit in MARKS)):
                kinds[at] = _CLAUSE if after in ("\n", "\r\n") or unit in MARKS else _WORD
            after = unit
        return kinds


class Family(EngineFamily):
    """An emoji or an emoticon is put behind a word and its punctuation, after a space where the language separates
    words by spaces. It would be a token of its own, so the family is refused for tagging.
    """

    family = "emoji"
    version = 1
    Parameters = EmojiParameters
    keeps_tokens = False

    def __init__(self, parameters: EmojiParameters) -> None:
        super().__init__(parameters)
        weights = (parameters.emoji, parameters.emoticons)
        check_weights("emoji noise: weights", weights)
        (self._emoji,) = thresholds(weights)

    def supports(self, language: str) -> bool:
        return language in LANGUAGES

    def table(self, language: str) -> _Ends:
        return _Ends(language)

    def propose(self, word: int, site: int, units: Sequence[str], kinds: Sequence[int], table: _Ends) -> Change | None:
        if kinds[site] == _WORD and word % _INSIDE:
            return None
        return self.replace(word // _INSIDE, site, units, kinds, table)

    def replace(
        self,
        word: int,
        site: int,
        units: Sequence[str],  # noqa: ARG002
        kinds: Sequence[int],  # noqa: ARG002
        table: _Ends,
    ) -> Change | None:
        choices = table.choices[(word & 0xFFFF) >= self._emoji]
        new = (*table.space, *choices[(word >> 16 & 0xFFF) % len(choices)])
        return site + 1, site + 1, new, len(new)
