"""Every family as an nlpaug Augmenter, for nlpaug's own flows (Sequential, Sometimes).

    flow = naf.Sequential([build("char").bind(level=0.05, language="de"), ...])
    flow.augment("Guten Tag")

In a module of its own, so that naming and checking families does not import nlpaug (which imports torch).
"""

from __future__ import annotations

from copy import copy
from functools import cache
from typing import Any

from nlpaug import Augmenter
from nlpaug.util import Action, Method

from xtreme_noise.errors import ConfigError
from xtreme_noise.noise.perturber import Perturber


class FlowAugmenter(Augmenter):  # type: ignore[misc]
    """The Augmenter interface of a Perturber. `bind` sets the level and language of `augment`."""

    bound: tuple[float, str, int] | None = None

    def bind(self, level: float, language: str, seed: int = 0) -> FlowAugmenter:
        """A copy that augments at `level` in `language`."""
        self.check(level, language)
        bound = copy(self)
        bound.bound = (level, language, seed)
        return bound

    def augment(self, data: str | list[str], n: int = 1, num_thread: int = 1) -> list[str]:  # noqa: ARG002
        """`n` noisy variants of a text, or one of each text in a list. The same text always gets the same noise;
        variants differ by their number. `num_thread` is ignored.
        """
        if self.bound is None:
            raise ConfigError(f"{self.family}: bind(level=..., language=...) before augment() in a nlpaug flow")
        level, language, seed = self.bound
        texts = [(0, text) for text in data] if isinstance(data, list) else [(i, data) for i in range(n) if data]
        return [
            self(text, level, f"nlpaug|{number}|{text}", seed=seed, language=language).text for number, text in texts
        ]

    @classmethod
    def clean(cls, data: Any) -> Any:
        return data

    @classmethod
    def is_duplicate(cls, dataset: list[Any], data: Any) -> bool:
        return data in dataset

    def __reduce__(self) -> tuple[Any, ...]:
        return _restore, (type(self).__mro__[1], self.parameters, self.bound)


def _restore(cls: type[Perturber], parameters: Any, bound: tuple[float, str, int] | None) -> FlowAugmenter:
    perturber: Any = as_augmenter(cls)(parameters)
    perturber.bound = bound
    return perturber  # type: ignore[no-any-return]


@cache
def as_augmenter(cls: type[Perturber]) -> type[Perturber]:
    """The class of a family with the Augmenter interface added."""

    def initialise(self: Any, parameters: Any) -> None:
        cls.__init__(self, parameters)
        Augmenter.__init__(
            self, name=cls.family, method=Method.CHAR, action=Action.SUBSTITUTE, aug_min=None, aug_max=None
        )

    names = {"__init__": initialise, "__doc__": cls.__doc__, "__module__": cls.__module__}
    return type(cls.__name__, (cls, FlowAugmenter), names)
