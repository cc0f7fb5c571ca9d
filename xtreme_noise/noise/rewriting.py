"""Rules that rewrite graphemes in their context. `spelling` explains the notation of Letters."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache
from typing import NamedTuple

import regex

from xtreme_noise.noise.changes import Change
from xtreme_noise.noise.text import distance, graphemes, nfc

_RULE = regex.compile(
    r"(?P<first>[-^]?)(?:\[(?P<after>[^\]]+)\])?(?P<old>[^>\[]+)(?:\[(?P<before>[^\]]+)\])?>(?P<new>[^$]+)(?P<last>\$?)"
)
_LONGEST = 40  # graphemes of a run; a longer one is neither a word nor a number
_REMEMBERED = 1 << 14  # cached pairs of neighbours
_VIRAMA, _ANUSVARA, _ZWNJ = "\u094d", "\u0902", "\u200c"


class Rule(ABC):
    """A rule that rewrites some place in a text."""

    @abstractmethod
    def concerns(self, grapheme: str) -> bool:
        """Whether the rule may rewrite this grapheme, depending on its context."""

    def always(self, grapheme: str) -> bool:  # noqa: ARG002
        """Whether the rule rewrites this grapheme in any context."""
        return False

    @abstractmethod
    def rewritings(self, units: Sequence[str], site: int) -> Iterator[Change]:
        """Changes that include `site`."""


class _Pattern(NamedTuple):
    old: tuple[str, ...]
    new: tuple[str, ...]
    first: str
    last: str
    after: str | None
    before: str | None

    @property
    def is_free(self) -> bool:
        """Whether it concerns one grapheme, in any context."""
        return len(self.old) == 1 and not (self.first or self.last or self.after or self.before)

    def fits(self, units: Sequence[str], start: int) -> bool:
        """Whether the context of `old` matches."""
        end = start + len(self.old)
        return (
            (not self.first or _is_letter(units, start - 1) == (self.first == "-"))
            and (not self.last or not _is_letter(units, end))
            and _among(units, start - 1, self.after)
            and _among(units, end, self.before)
        )

    def rewritten(self, old: Sequence[str], loud: bool) -> tuple[str, ...]:
        """The new letters with the marks and case of the old ones (`loud`: more capitals follow); () if the pattern
        does not match.
        """
        rests = []
        for letter, unit in zip(self.old, old, strict=True):
            small = unit.lower()
            if not (small if len(small) == len(unit) else unit).startswith(letter):
                return ()
            rests.append(unit[len(letter) :])
        if len(self.old) == len(self.new):
            pairs = zip(self.new, old, rests, strict=True)
            new = tuple((letter.upper() if unit.isupper() else letter) + rest for letter, unit, rest in pairs)
        elif any(rests):
            return ()
        else:
            capitals = [old[0].isupper()] + [loud and old[0].isupper()] * (len(self.new) - 1)
            new = tuple(letter.upper() if up else letter for letter, up in zip(self.new, capitals, strict=True))
        return new if new != tuple(old) and graphemes("".join(new)) == list(new) else ()


class Letters(Rule):
    """Rules of letters for letters."""

    def __init__(self, rules: Sequence[str]) -> None:
        self._at: dict[str, list[tuple[int, _Pattern]]] = {}  # first character of a unit -> offset in what pattern
        for rule in rules:
            if not (match := _RULE.fullmatch(rule)):
                raise ValueError(f"not a rule: {rule}")
            old, new = tuple(graphemes(match["old"])), tuple(graphemes(match["new"]))
            around = {name: match[name] for name in ("first", "last", "after", "before")}
            pattern = _Pattern(old=old, new=new, **around)
            for offset, letter in enumerate(old):
                self._at.setdefault(letter[0], []).append((offset, pattern))

    def concerns(self, grapheme: str) -> bool:
        return nfc(grapheme)[0].lower() in self._at

    def always(self, grapheme: str) -> bool:
        whole = nfc(grapheme)
        patterns = self._at.get(whole[0].lower(), ())
        return any(pattern.is_free and pattern.rewritten([whole], False) for _, pattern in patterns)

    def rewritings(self, units: Sequence[str], site: int) -> Iterator[Change]:
        for offset, pattern in self._at.get(nfc(units[site])[0].lower(), ()):
            start = site - offset
            end = start + len(pattern.old)
            if start < 0 or end > len(units) or not pattern.fits(units, start):
                continue
            old = [nfc(unit) for unit in units[start:end]]
            if new := pattern.rewritten(old, end < len(units) and units[end].isupper()):
                yield start, end, new, distance(old, new)


class Swaps(Rule):
    """One grapheme for another, in any context."""

    def __init__(self, table: Mapping[str, str]) -> None:
        self._table = table

    def concerns(self, grapheme: str) -> bool:
        return grapheme in self._table

    def always(self, grapheme: str) -> bool:
        return grapheme in self._table

    def rewritings(self, units: Sequence[str], site: int) -> Iterator[Change]:
        if new := self._table.get(units[site]):
            yield site, site + 1, (new,), 1


class Runs(Rule):
    """A whole run (a number, a word) in other characters. `shortest`: minimum length of a run; `alone`: skip runs that
    touch a Latin letter, as in B2.
    """

    def __init__(self, table: Mapping[str, str], shortest: int = 1, alone: bool = False) -> None:
        self._table, self._shortest, self._alone = table, shortest, alone

    def concerns(self, grapheme: str) -> bool:
        return grapheme in self._table

    def rewritings(self, units: Sequence[str], site: int) -> Iterator[Change]:
        table, start, end = self._table, site, site
        while start and units[start - 1] in table and site - start < _LONGEST:
            start -= 1
        while end < len(units) and units[end] in table and end - site < _LONGEST:
            end += 1
        if not self._shortest <= end - start < _LONGEST:
            return
        if self._alone and (_is_latin(units, start - 1) or _is_latin(units, end)):
            return
        new = tuple(table[unit] for unit in units[start:end])
        if cost := sum(map(str.__ne__, units[start:end], new)):
            yield start, end, new, cost


class Nasals(Rule):
    """Devanagari: anusvara before a stop for the nasal consonant of its row, and vice versa. `rows`: each nasal with
    its stops.
    """

    def __init__(self, rows: Sequence[str]) -> None:
        self._nasal = {stop: row[0] for row in rows for stop in row[1:]}
        self._joined = tuple(f"{nasal}{_VIRAMA}{stop}" for stop, nasal in self._nasal.items())
        self._other = lru_cache(maxsize=_REMEMBERED)(self._pair)

    def concerns(self, grapheme: str) -> bool:
        return grapheme[0].isalpha()  # any may stand before a nasal

    def rewritings(self, units: Sequence[str], site: int) -> Iterator[Change]:
        for start in (site - 1, site):
            if 0 <= start < len(units) - 1 and (new := self._other(units[start], units[start + 1])):
                yield start, start + 2, new, 2

    def _pair(self, here: str, there: str) -> tuple[str, str] | None:
        """Two neighbours in their other spelling; None where they have none."""
        if not here[0].isalpha():
            return None
        if here.endswith(_ANUSVARA) and there[0] in self._nasal:
            new = here[:-1], self._nasal[there[0]] + _VIRAMA + there
        elif there.startswith(self._joined) and here[-1] not in (_VIRAMA, _ANUSVARA, "\u0901", "\u0903"):
            new = here + _ANUSVARA, there[2:]
        else:
            return None
        return new if graphemes("".join(new)) == list(new) else None


class LostJoiners(Rule):
    """The zero width non-joiner within a word is left out."""

    def concerns(self, grapheme: str) -> bool:
        return len(grapheme) > 1 and grapheme.endswith(_ZWNJ)

    def rewritings(self, units: Sequence[str], site: int) -> Iterator[Change]:
        if self.concerns(units[site]) and _is_letter(units, site + 1):
            yield site, site + 1, (units[site].rstrip(_ZWNJ),), 1


def _is_letter(units: Sequence[str], at: int) -> bool:
    return 0 <= at < len(units) and units[at][0].isalpha()


def _is_latin(units: Sequence[str], at: int) -> bool:
    return _is_letter(units, at) and units[at].isascii()


def _among(units: Sequence[str], at: int, letters: str | None) -> bool:
    """Whether the letter at `at` is one of `letters` ("!...": none of them); None: always."""
    if letters is None:
        return True
    here = units[at][0].lower() if 0 <= at < len(units) else ""
    return here not in letters[1:] if letters[0] == "!" else here != "" and here in letters
