"""Any stock nlpaug augmenter, with its rate calibrated so that the level has the same meaning as in other families.

A wrapper splits text into whole graphemes and restores spaces, removes minimum and maximum counts, seeds the global
random generators for each example and restores them, and refuses augmenters that do nothing in a language or change
text at rate 0. Not guaranteed: the same output on every Python version (the augmenter uses its own generators), nested
levels, and the script of the language (RandomCharAug writes ASCII unless `candidates: "@alphabet"`).
"""

from __future__ import annotations

import importlib
import inspect
import json
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from itertools import accumulate
from statistics import fmean
from typing import Any, NamedTuple

from xtreme_noise.errors import ConfigError, DataError, NotApplicable, suggest
from xtreme_noise.languages import LANGUAGES
from xtreme_noise.noise import stock
from xtreme_noise.noise.alphabets import alphabet
from xtreme_noise.noise.edits import Edit, NoisedText, edits_between, spelt_like
from xtreme_noise.noise.foreign import augmenter_class, bisect, pieces, restored, seed_from, uncapped
from xtreme_noise.noise.perturber import NoisedTokens, Perturber
from xtreme_noise.noise.retokenize import Tokenizer
from xtreme_noise.noise.stream import message
from xtreme_noise.noise.text import check_text, distance, graphemes, nfc

_COARSE = 100  # draws for each step of a bisection
_FINE = 1000  # draws for each of two refinements, fewer for long texts
_GRAPHEMES = 60_000  # about as many graphemes in a refinement
_CAPS = ("aug_min", "aug_max", "aug_char_min", "aug_char_max", "aug_word_min", "aug_word_max")
_GUARDED = ("tokenizer", "reverse_tokenizer")


@dataclass(frozen=True)
class NlpaugParameters:
    """augmenter: class path inside nlpaug; parameters: of its constructor, where the text "@alphabet"
    stands for the letters of the language; rate: the one of its parameters that is calibrated (aug_char_p,
    aug_p ...).
    """

    augmenter: str = "nlpaug.augmenter.char.RandomCharAug"
    parameters: dict[str, Any] = field(default_factory=dict)
    rate: str = "aug_char_p"


class Calibration(NamedTuple):
    """rate: reaches the level on the sample; ceiling: the largest mean error rate, that of rate 1 or of rate 0.5."""

    rate: float
    ceiling: float


class _Draws:
    """Noise at any rate on texts spread over a list: draw number n is the same at every rate."""

    def __init__(self, augment: Callable[[str, float, str], str], texts: Sequence[str], language: str) -> None:
        self.augment = augment
        self.language = language
        texts = [piece for text in texts for piece in pieces(text)]
        length = fmean(map(len, texts[:: max(1, len(texts) // _COARSE)]))
        self.fine = max(_COARSE, min(_FINE, int(_GRAPHEMES / length)))
        self.texts = texts[:: max(1, len(texts) // self.fine)]

    def mean(self, rate: float, draws: int, start: int = 0) -> float:
        """The grapheme error rate at `rate` over draws number start, start + 1, ..."""
        achieved = []
        with restored():
            for number in range(start, start + draws):
                text = self.texts[number % len(self.texts)]
                seed_from(message(number, "calibration", 1, self.language, ""))
                units = graphemes(text)
                noisy = graphemes(self.augment(text, rate, self.language))
                achieved.append(distance(units, noisy) / len(units))
        return fmean(achieved)


class Family(Perturber):
    """Calls need `prepare(texts, level, language)` first; the rate found there depends on those arguments
    only.
    """

    family = "nlpaug"
    version = 2
    Parameters = NlpaugParameters
    keeps_script = False

    def __init__(self, parameters: NlpaugParameters) -> None:
        super().__init__(parameters)
        self._class = augmenter_class(parameters.augmenter)
        self._accepted = inspect.signature(self._class.__init__).parameters
        self._check_parameters()
        name = parameters.augmenter.rpartition(".")[2]
        self.keeps_tokens = "augmenter.char" in parameters.augmenter
        self.label_preserving = self.keeps_tokens or name in {"SpellingAug", "SplitAug"}
        if stock.check(parameters.augmenter, parameters.parameters):
            self._made("en")
        self._calibrations: dict[tuple[float, str], Calibration] = {}
        self._augmenters: dict[str, Any] = {}

    def _check_parameters(self) -> None:
        path, rate = self.parameters.augmenter, self.parameters.rate
        names = [name for name in self._accepted if name not in {"self", "verbose", *_CAPS, *_GUARDED}]
        for name in self.parameters.parameters:
            if name in _CAPS:
                raise ConfigError(f"{path}: {name} would make the level depend on the length of a text; leave it out")
            if name not in names:
                raise ConfigError(f"{path} has no parameter {name!r}{suggest(name, names, 'parameters')}")
        rates = [name for name in names if name.startswith("aug_") and name.endswith("_p")]
        if not rates:
            raise ConfigError(f"{path} has no parameter for the amount of noise, so no level can be set")
        if rate not in rates:
            raise ConfigError(f"{path} has no rate {rate!r} to calibrate{suggest(rate, rates, 'rates')}")
        if rate in self.parameters.parameters:
            raise ConfigError(f"{path}: the level sets {rate}; leave it out of the parameters")

    @property
    def signature(self) -> str:
        chosen = json.dumps(self.parameters.parameters, sort_keys=True, ensure_ascii=False)
        version = importlib.import_module("nlpaug").__version__
        return (
            f"nlpaug/v{self.version}(nlpaug={version},augmenter={self.parameters.augmenter},"
            f"parameters={chosen},rate={self.parameters.rate})"
        )

    def supports(self, language: str) -> bool:
        """All languages of the table; `prepare` tests whether the augmenter does anything in one."""
        return language in LANGUAGES

    def prepare(self, texts: Sequence[str], level: float, language: str) -> None:
        """Find the rate that reaches `level` on `texts`.

        NotApplicable where the augmenter changes text at rate 0, or cannot reach half of the level at any rate.
        """
        self.check(level, language)
        if not level:
            return
        sample = [text for text in texts if text.strip()]
        if not sample:
            raise DataError(f"there is no text to calibrate {self.parameters.augmenter} on")
        draws = _Draws(self._augment, sample, language)
        if draws.mean(0.0, _COARSE) > 0:
            raise NotApplicable(
                f"{self.parameters.augmenter} changes {language} text even at {self.parameters.rate}=0: "
                "it does not reproduce unchanged text, or this rate does not control it"
            )
        top, ceiling = 1.0, draws.mean(1.0, _COARSE)
        # Two swaps of the same letters cancel out: some augmenters do more at a lower rate.
        if ceiling < level and (half := draws.mean(0.5, _COARSE)) > ceiling:
            top, ceiling = 0.5, half
        if ceiling < level / 2:
            raise NotApplicable(
                f"{self.parameters.augmenter} does almost nothing in {language}: at {self.parameters.rate}={top:g} "
                f"it reaches a grapheme error rate of {ceiling:.4f}, not {level}"
            )
        rate = top if ceiling <= level else top * bisect(lambda share: draws.mean(top * share, _COARSE), level)
        # Then the slope near that rate, from many more draws: what bisection found holds for few of them.
        tried, reached = [], []
        for start in (1, 2):
            tried.append(rate)
            reached.append(draws.mean(rate, draws.fine, start * _COARSE))
            rate = min(top, level * sum(tried) / max(sum(reached), 1e-9))
        self._calibrations[level, language] = Calibration(rate, ceiling)

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
        self.check(level, language)
        check_text(text)
        if not level:
            return NoisedText(text, (), 0.0, 1.0 if text.strip() else 0.0)
        calibration = self._calibration(level, language)
        if not text.strip():
            return NoisedText(text, (), 0.0, 0.0)
        units = graphemes(text)
        noisy, at = "", 0
        edits: list[Edit] = []
        with restored():
            seed_from(message(seed, self.family, self.stream, language, uid))
            for start, end in [*_whole(units, protect), (len(text), len(text))]:
                if start >= at:
                    # Aligned piece by piece: a shortest alignment of the whole may reach into what is protected.
                    piece = self._augment(text[at:start], calibration.rate, language)
                    edits += _moved(edits_between(text[at:start], piece), at, len(noisy))
                    noisy += piece + text[start:end]
                    at = end
                elif end > at:
                    noisy += text[at:end]
                    at = end
        return NoisedText(noisy, tuple(edits), distance(units, graphemes(noisy)) / len(units), calibration.ceiling)

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
        """Token by token; what would empty a token or put a space into it is not done. The rate was found
        on text whose spaces count as graphemes, here they do not, so it is scaled by their share.
        """
        self.check(level, language)
        for token in tokens:
            check_text(token)
        if not level or not tokens:
            return NoisedTokens(list(tokens), (), 0.0, 1.0 if tokens else 0.0)
        calibration = self._calibration(level, language)
        cut = [graphemes(token) for token in tokens]
        size = sum(map(len, cut))
        rate = calibration.rate * size / (size + len(tokens) - 1)
        with restored():
            seed_from(message(seed, self.family, self.stream, language, uid))
            drafts = [self._augment(token, rate, language) for token in tokens]
        starts = accumulate((len(token) + 1 for token in tokens), initial=0)
        noisy = [
            draft if draft and len(draft.split()) == len(token.split()) and not _meets(start, token, protect) else token
            for draft, token, start in zip(drafts, tokens, starts, strict=False)
        ]
        errors = sum(distance(old, graphemes(new)) for old, new in zip(cut, noisy, strict=True))
        return NoisedTokens(noisy, edits_between(" ".join(tokens), " ".join(noisy)), errors / size, calibration.ceiling)

    def _calibration(self, level: float, language: str) -> Calibration:
        calibration = self._calibrations.get((level, language))
        if calibration is None:
            raise ConfigError(
                f"{self.parameters.augmenter}: call prepare(texts, {level}, {language!r}) before perturbing text"
            )
        return calibration

    def _augment(self, text: str, rate: float, language: str) -> str:
        """The noisy text. A very long one is augmented piece by piece; an augmenter meets letters in NFC."""
        whole = nfc(text)
        if whole != text:
            return spelt_like(text, self._augment(whole, rate, language))
        return "".join([self._piece(piece, rate, language) for piece in pieces(text)])

    def _piece(self, text: str, rate: float, language: str) -> str:
        core = text.strip()
        if not core:
            return text
        augmenter = self._augmenter(language)
        setattr(augmenter, self.parameters.rate, rate)
        try:
            result = augmenter.augment(core)
        except Exception as error:
            raise DataError(
                f"{self.parameters.augmenter} failed on {core[:80]!r}: {type(error).__name__}: {error}"
            ) from error
        noisy = result[0] if isinstance(result, list) and result else result or ""
        if not isinstance(noisy, str):
            raise DataError(f"{self.parameters.augmenter} does not return text: {noisy!r:.80}")
        start = text.index(core)
        return nfc(text[:start] + noisy + text[start + len(core) :])

    def _augmenter(self, language: str) -> Any:
        if language not in self._augmenters:
            self._augmenters[language] = self._made(language)
        return self._augmenters[language]

    def _made(self, language: str) -> Any:
        """A new, constrained augmenter. Raises ConfigError for whatever its constructor refuses."""
        tokenizer = Tokenizer(" " if LANGUAGES[language].spaces else "")
        chosen = {
            name: list(alphabet(language)) if value == "@alphabet" else value
            for name, value in self.parameters.parameters.items()
        }
        defaults: dict[str, Any] = {
            name: 1.0 for name in self._accepted if name.startswith("aug_") and name.endswith("_p")
        }
        if self.keeps_tokens and "min_char" in self._accepted:
            # Words of one letter cannot be swapped, and must not be deleted.
            defaults["min_char"] = 2 if chosen.get("action") in {"swap", "delete"} else 1
        defaults |= {
            name: hook
            for name, hook in (("tokenizer", tokenizer.split), ("reverse_tokenizer", tokenizer.join))
            if name in self._accepted
        }
        try:
            return uncapped(self._class(**defaults | chosen))
        except Exception as error:
            raise ConfigError(f"{self.parameters.augmenter}: {type(error).__name__}: {error}") from error


def _whole(units: Sequence[str], protect: Sequence[tuple[int, int]]) -> list[tuple[int, int]]:
    """The spans in order, each widened to whole graphemes."""
    if not protect:
        return []
    borders = [0, *accumulate(map(len, units))]
    return sorted(
        (borders[bisect_right(borders, start) - 1], borders[min(bisect_left(borders, end), len(units))])
        for start, end in protect
    )


def _moved(edits: Sequence[Edit], before: int, there: int) -> list[Edit]:
    """Edits of a piece of a text that begins at `before` in the clean and at `there` in the noisy text."""
    return [
        edit._replace(
            start=edit.start + before,
            end=edit.end + before,
            noisy_start=edit.noisy_start + there,
            noisy_end=edit.noisy_end + there,
        )
        for edit in edits
    ]


def _meets(start: int, token: str, protect: Sequence[tuple[int, int]]) -> bool:
    return any(first < start + len(token) and last > start for first, last in protect)
