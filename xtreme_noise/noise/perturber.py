"""The base class of noise families: called with a text, a level and the id of the example."""

from __future__ import annotations

import dataclasses
import math
from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any, ClassVar, NamedTuple

from xtreme_noise.errors import ConfigError
from xtreme_noise.languages import LANGUAGES
from xtreme_noise.languages import language as language_row
from xtreme_noise.noise.edits import Edit, NoisedText


class NoisedTokens(NamedTuple):
    """tokens: as many as given, none empty; edits: of the clean sentence (tokens joined by one space);
    achieved and capacity: as in NoisedText, over the graphemes of all tokens (spaces between them not
    counted).
    """

    tokens: list[str]
    edits: tuple[Edit, ...]
    achieved: float
    capacity: float


class Perturber(ABC):
    """A noise family with its parameters.

    Called as `perturber(text, level, uid, seed=, language=, protect=)`: a pure function of its arguments.
    `level` is the expected grapheme error rate in [0, 1]; `uid` names the example and its column; `protect`
    holds code point spans (start, end) that stay byte-identical. ConfigError for a level out of range or a
    language the family cannot act in, DataError for text that is not Unicode.
    """

    family: ClassVar[str]
    version: ClassVar[int]  # raised whenever the same arguments give another output
    stream: ClassVar[int] = 1  # seeds the random numbers; stays when a new version changes only some texts
    Parameters: ClassVar[type]  # a frozen dataclass
    label_preserving: bool = True
    keeps_tokens: bool = True  # False: may change the number of words, so no token labels
    paired: ClassVar[bool] = False  # True: attested noise, the noisy side of the test set
    keeps_script: bool = True  # False: writes letters of scripts that the language does not use

    def __init__(self, parameters: Any) -> None:
        self.parameters = parameters

    @abstractmethod
    def __call__(
        self,
        text: str,
        level: float,
        uid: str,
        *,
        seed: int = 0,
        language: str,
        protect: Sequence[tuple[int, int]] = (),
    ) -> NoisedText: ...

    @abstractmethod
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
        """The same for a tokenised sentence: one budget for the sentence; no token is removed or emptied. `protect`:
        spans of the tokens joined with one space.
        """

    @abstractmethod
    def supports(self, language: str) -> bool: ...

    def languages(self) -> list[str]:
        """Codes of the languages that the family supports."""
        return [code for code in LANGUAGES if self.supports(code)]

    def prepare(self, texts: Sequence[str], level: float, language: str) -> None:  # noqa: B027
        """Calibrate on `texts`, if the family needs it; depends only on the arguments."""

    @property
    def signature(self) -> str:
        """family/version and every parameter that differs from its default: everything that changes the output."""
        changed = [
            f"{field.name}={value}"
            for field in dataclasses.fields(self.Parameters)
            if (value := getattr(self.parameters, field.name)) != _default(field)
        ]
        return f"{self.family}/v{self.version}" + (f"({','.join(changed)})" if changed else "")

    def check(self, level: float, language: str) -> None:
        """Raises ConfigError unless `level` is in [0, 1] and the family supports `language`."""
        if isinstance(level, bool) or not isinstance(level, (int, float)) or not 0 <= level <= 1:
            raise ConfigError(f"noise level {level!r} is not a number in [0, 1]: it is a grapheme error rate")
        if not self.supports(language):
            language_row(language)
            known = ", ".join(self.languages())
            raise ConfigError(f"noise family {self.family!r} cannot act in {language!r}. It supports: {known}")


def _default(field: dataclasses.Field[Any]) -> Any:
    return field.default_factory() if callable(field.default_factory) else field.default


def budget(level: float, size: int, uniform: float) -> int:
    """The number of edits for `size` graphemes: floor(level * size + u), unbiased even for short texts."""
    return math.floor(level * size + uniform)
