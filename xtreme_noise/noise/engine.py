"""The engine of our own families: an ordered stream of proposed changes, accepted until the budget is used up.

The proposed changes and their order depend on the example's key, not on the level. A level accepts the shortest prefix
whose measured distance reaches its budget: so a higher level adds to a lower one, and a swap, or any change that is
cheaper beside another, counts with its measured cost. A change that costs more than the rest of the budget (a whole
word) is accepted with probability rest / cost, so that the mean stays at the level.
"""

from __future__ import annotations

from abc import abstractmethod
from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Sequence
from functools import cached_property
from itertools import accumulate, compress
from typing import Any

from xtreme_noise.errors import NotApplicable
from xtreme_noise.noise.changes import Became, Change, applied, cut_at_tokens, edits_of, stay_apart
from xtreme_noise.noise.edits import NoisedText
from xtreme_noise.noise.perturber import NoisedTokens, Perturber, budget
from xtreme_noise.noise.stream import block, message, unit
from xtreme_noise.noise.text import Clusters, check_text, graphemes, is_lone

_KEPT = 1 << 16  # graphemes whose kind is cached; a language has thousands


class Table(dict[str, int]):
    """One language of a family: grapheme -> 0 (it cannot act here) or a kind of the family's own, 1 to 255."""

    def classify(self, grapheme: str) -> int:
        """The kind of a grapheme; cached."""
        raise NotImplementedError

    def __missing__(self, grapheme: str) -> int:
        kind = self.classify(grapheme)
        if len(self) < _KEPT:
            self[grapheme] = kind
        return kind

    @cached_property
    def _ascii(self) -> bytes:
        return bytes(self[chr(code)] if code < 128 else 0 for code in range(256))

    def kinds(self, text: str, units: Sequence[str]) -> Sequence[int]:
        """The kinds of the graphemes `units` of `text`. Families that act on words, or need context, override this."""
        if len(units) == len(text) and text.isascii():
            return text.encode().translate(self._ascii)
        return list(map(self.__getitem__, units))


class EngineFamily(Perturber):
    """A family that says where it can act and proposes one change at a time."""

    joins: bool = False  # True: may write characters that join with their neighbours

    def __init__(self, parameters: Any) -> None:
        super().__init__(parameters)
        self._tables: dict[str, Any] = {}

    @abstractmethod
    def table(self, language: str) -> Any:
        """A new Table of a language; it may contain further data of the family."""

    @abstractmethod
    def propose(self, word: int, site: int, units: Sequence[str], kinds: Sequence[int], table: Any) -> Change | None:
        """A change at `site` chosen by the uniform 32-bit `word`; None when this draw leads to nothing.

        A change must touch `site` or its borders. It may reach over its neighbours (a word): then kinds[start:end]
        must have no 0, which is how protected spans and token borders are marked.
        """

    def replace(self, word: int, site: int, units: Sequence[str], kinds: Sequence[int], table: Any) -> Change | None:
        """A change at `site` when neighbouring graphemes have changed already; by default that of `propose`."""
        return self.propose(word, site, units, kinds, table)

    @property
    def for_tokens(self) -> EngineFamily:
        """The family that acts on tokens, for families that do less on tokens than on text; by default itself."""
        return self

    def _table(self, language: str) -> Any:
        table = self._tables.get(language)
        if table is None:
            table = self._tables[language] = self.table(language)
        return table

    def __call__(
        self,
        text: str,
        level: float,
        uid: str,
        *,
        seed: int = 0,
        language: str,
        protect: Sequence[tuple[int, int]] = (),
    ) -> NoisedText:
        table = self._tables.get(language)
        if table is None or type(level) is not float or not 0 <= level <= 1:
            self.check(level, language)
            table = self._table(language)
        check_text(text)
        lone = is_lone(text)
        units: Sequence[str] = text if lone else graphemes(text)
        clusters = Clusters.of(text, units)
        asked = clusters.asked
        kinds = table.kinds(text if asked is units else "".join(asked), asked)
        if protect:
            kinds = _protected(units, kinds, protect)
        size = len(units)
        capacity = (size - kinds.count(0)) / size if size else 0.0
        if level == 0 or not capacity:
            return NoisedText(text, (), 0.0, capacity)
        key = message(seed, self.family, self.stream, language, uid)
        changes, noisy, measured = self._noise(
            clusters=clusters, kinds=kinds, size=size, level=level, key=key, table=table, lone=lone and not self.joins
        )
        if not changes:
            return NoisedText(text, (), 0.0, capacity)
        return NoisedText(noisy, edits_of(units, changes, lone), measured / size, capacity)

    def tokens(
        self,
        tokens: Sequence[str],
        level: float,
        uid: str,
        *,
        seed: int = 0,
        language: str,
        protect: Sequence[tuple[int, int]] = (),
    ) -> NoisedTokens:
        family = self.for_tokens
        if family is not self:
            return family.tokens(tokens, level, uid, seed=seed, language=language, protect=protect)
        self.check(level, language)
        if not self.keeps_tokens:
            raise NotApplicable(f"noise family {self.family!r} changes the number of tokens, which token labels forbid")
        units: list[str] = []
        borders = []
        for token in tokens:
            check_text(token)
            units += [*graphemes(token), " "]
            borders.append(len(units) - 1)
        size = len(units) - len(borders)
        table = self._table(language)
        clusters = Clusters.of("".join(units), units)
        kinds = list(table.kinds("".join(clusters.asked), clusters.asked))
        for border in borders:
            kinds[border] = 0
        kinds = _protected(units, kinds, protect)
        capacity = (len(units) - kinds.count(0)) / size if size else 0.0
        key = message(seed, self.family, self.stream, language, uid)
        if not level or not capacity:
            return NoisedTokens(list(tokens), (), 0.0, capacity)
        changes, noisy, measured = self._noise(
            clusters=clusters, kinds=kinds, size=size, level=level, key=key, table=table, lone=False
        )
        if not changes:
            return NoisedTokens(list(tokens), (), 0.0, capacity)
        edits = edits_of(units, changes, False)
        return NoisedTokens(cut_at_tokens(noisy, tokens, edits), edits, measured / size, capacity)

    def _noise(
        self,
        clusters: Clusters,
        kinds: Sequence[int],
        size: int,
        level: float,
        key: bytes,
        table: Any,
        lone: bool,
    ) -> tuple[list[Change], str, int]:
        """The changes of this level in text order, the noisy text and the measured distance."""
        first = block(key, 0)
        wanted = budget(level, size, unit(first[0]))
        changes: list[Change] = []
        noisy, measured = "", 0
        ordered = changes
        proposals = self._proposals(units=clusters.asked, kinds=kinds, key=key, words=first, table=table, lone=lone)
        if clusters.asked is not clusters.written:
            proposals = ((start, end, clusters.spell(new), cost) for start, end, new, cost in proposals)
        while measured < wanted:
            added, known = 0, len(changes)
            for change in proposals:
                changes.append(change)
                added += change[3]
                if added >= wanted - measured:
                    break
            if not added:
                if len(changes) > known:
                    raise ValueError(f"noise family {self.family!r} proposes changes that cost nothing: {changes[-1]}")
                break  # saturated: everything that can change has changed
            ordered = sorted(changes)
            noisy, measured = applied(clusters.written, ordered, wanted)
            if measured > wanted:
                # The last change costs more than the rest of the budget: a coin of its own decides.
                changes.pop()
                fewer = sorted(changes)
                without, before = applied(clusters.written, fewer, wanted)
                if _coin(key, len(changes) + 1) >= (wanted - before) / (measured - before):
                    ordered, noisy, measured = fewer, without, before
                break
        return ordered, noisy, measured

    def _proposals(
        self,
        units: Sequence[str],
        kinds: Sequence[int],
        key: bytes,
        words: tuple[int, ...],
        table: Any,
        lone: bool,
    ) -> Iterator[Change]:
        """Accepted changes, in an order that does not depend on the level."""
        sites = list(compress(range(len(kinds)), kinds))
        last = len(units)
        taken = bytearray(last + 2)  # one grapheme of margin on either side
        done: list[Change] = []
        propose = self.propose
        # First, scattered changes with an unchanged grapheme between any two, while places are easily found ...
        for site, number in _drawn(sites, key, words):
            if taken[site + 1]:
                continue
            change = propose(number, site, units, kinds, table)
            if change is None:
                continue
            start, end, new, _ = change
            if start >= site and end <= site + 1:  # `site` or one of its borders: the usual case, made quick
                low = high = site
                if taken[site] or taken[site + 2]:
                    continue
            else:
                low = start if start < site else site
                high = end if end > site else site + 1
                if 1 in taken[low : high + 2] or (end > start + 1 and 0 in kinds[start:end]):
                    continue
            if not lone and not stay_apart(units[start - 1] if start else "", new, units[end] if end < last else ""):
                continue
            if low == high:
                taken[site + 1] = 1
            else:
                taken[low + 1 : high + 1] = b"\1" * (high - low)
            done.append(change)
            yield change
        # ... then all unchanged graphemes in random order, also beside changed ones.
        yield from self._fill(
            units=units,
            kinds=kinds,
            key=key,
            sites=[site for site in sites if not taken[site + 1]],
            taken=taken,
            done=done,
            table=table,
        )

    def _fill(
        self,
        units: Sequence[str],
        kinds: Sequence[int],
        key: bytes,
        sites: list[int],
        taken: bytearray,
        done: Sequence[Change],
        table: Any,
    ) -> Iterator[Change]:
        became = Became(units, done)
        for turn in range(len(sites)):
            words = block(key, turn | 1 << 62)
            other = turn + words[0] % (len(sites) - turn)
            sites[turn], sites[other] = sites[other], sites[turn]
            site = sites[turn]
            if taken[site + 1]:
                continue
            change = self.replace(words[1] >> 32, site, units, kinds, table)
            if change is None:
                continue
            start, end, new, _ = change
            low, high = min(start, site), max(end, site + 1)
            if 1 in taken[low + 1 : high + 1] or (end > start + 1 and 0 in kinds[start:end]):
                continue
            # Neighbours may have become anything this family writes: nothing may join on either side of any
            # of it.
            if stay_apart(became.before(start), new, became.after(end)):
                taken[low + 1 : high + 1] = b"\1" * (high - low)
                became.add(change)
                yield change


def _drawn(sites: Sequence[int], key: bytes, words: tuple[int, ...]) -> Iterator[tuple[int, int]]:
    """Sites with a number of 32 bits each, about four times as many as there are sites. words: the key's block 0."""
    many = len(sites)
    for turn in range(1, 4 * many + 8):
        if not turn & 7:
            words = block(key, turn >> 3)
        word = words[turn & 7]
        yield sites[(word >> 32) % many], word & 0xFFFFFFFF


def _coin(key: bytes, number: int) -> float:
    """Uniform in [0, 1), one for every number of changes. The lowest bit of the word counts most: what was decided
    by that bit alone in version 1 of char and keyboard stays as it was.
    """
    word = block(key, number | 1 << 63)[0]
    return unit((word >> 1) | (word & 1) << 63)


def _protected(units: Sequence[str], kinds: Sequence[int], protect: Sequence[tuple[int, int]]) -> list[int]:
    left = list(kinds)
    borders = [0, *accumulate(map(len, units))] if protect else []
    for start, stop in protect:
        first, last = bisect_right(borders, start, 1) - 1, bisect_left(borders, stop, 0, len(units))
        left[first:last] = [0] * (last - first)
    return left
