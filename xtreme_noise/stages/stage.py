"""One trained stage: what it learns from, and the key that holds all that can change its weights."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import cache, cached_property
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

from xtreme_noise import metrics
from xtreme_noise.config.schema import RecipeConfig, SamplingConfig
from xtreme_noise.data.sources import Reference, ranked, subsample
from xtreme_noise.data.training_noise import TrainingNoise
from xtreme_noise.errors import DataError
from xtreme_noise.store import Store, digest

if TYPE_CHECKING:
    from datasets import Dataset

# Raise this when the same configuration gives other weights: finished work of the old version is not reused then.
TRAINING_VERSION = 1
TRAINING = "training.json"  # what is known of how a finished stage was trained
HOLDS = (TRAINING, "config.json")
SOFTWARE = ("torch", "transformers", "tokenizers", "pytorch-lightning")
NOISE_SOFTWARE = ("regex", "nlpaug")


def length(row: Mapping[str, Any]) -> int:
    """Characters of an example's inputs."""
    inputs = ("text", "text_pair", "question", "context", "choices", "tokens")
    return sum(len("".join(row[name]) if isinstance(row[name], list) else row[name]) for name in inputs if name in row)


def software(names: Sequence[str]) -> dict[str, str]:
    """Versions of the packages that can change a number."""
    return {name: _version(name) for name in names}


@cache
def _version(name: str) -> str:
    return version(name)


def recipe_key(recipe: RecipeConfig) -> dict[str, Any]:
    """A recipe without what is not set: keys from before there were such settings stay."""
    return {name: value for name, value in asdict(recipe).items() if value is not None and value is not False}


def cut_to(base: dict[str, Any], recipe: RecipeConfig) -> dict[str, Any]:
    """The identity of a pretrained model with the length of the inputs that it gets: the model's, or the recipe's."""
    return base | {"max_length": min(base["max_length"], recipe.max_length)}


@dataclass(frozen=True)
class Share:
    """The part that one language gives to a training set, from one split or from several that are one pool.

    It is `size` examples, or `part` of the tokens that the examples of `tokens_of` have (the English arm's).
    """

    reference: Reference
    size: int | None  # examples; None: all
    exact: bool  # fewer than `size` is an error (size-matched arms), otherwise all there are
    held_out: tuple[Reference, ...]
    tokens_of: Share | None = None
    part: float = 1.0
    more: tuple[Reference, ...] = ()  # further splits: each gives, by chance, in proportion to its size
    # Parallel data: of the first `turn[2]` examples in the order of all languages, every `turn[1]`-th from `turn[0]`.
    turn: tuple[int, int, int] | None = None
    order: str = "random"  # of what is taken first: random (by the hash) | shortest | longest

    @property
    def references(self) -> tuple[Reference, ...]:
        return (self.reference, *self.more)

    def reads(self) -> list[Reference]:
        """Its splits, those of the share that it is measured by, and what it must have nothing in common with."""
        return [*self.references, *self.held_out, *(self.tokens_of.reads() if self.tokens_of else [])]

    def name(self) -> str:
        """For people: which data this is."""
        return " + ".join(one.name() for one in self.references)

    def load(self, store: Store) -> Dataset:
        """All examples of the language; those of several splits have the number of the split before their ids."""
        parts = [one.load(store) for one in self.references]
        if not self.more:
            return parts[0]
        from datasets import concatenate_datasets

        return concatenate_datasets(
            [
                part.remove_columns("id").add_column("id", [f"{number}|{name}" for name in part["id"]])
                for number, part in enumerate(parts)
            ]
        )

    def take(self, data: Dataset, role: str, seed: int) -> Dataset:
        """`size` examples, chosen by a hash of (seed, id), an intermediate stage from the other end than the target.

        Of parallel data that are spread over languages, `data` are those that all languages have.
        Raises DataError when there are too few.
        """
        if self.turn is not None and len(data) < self.turn[2]:
            raise DataError(
                f"{self.name()}: {len(data)} examples that all languages have, {self.turn[2]} wanted: lower "
                "size.train of this intermediate task, or leave a language or items=distinct out"
            )
        if self.exact and self.size is not None and len(data) < self.size:
            raise DataError(
                f"{self.name()}: {len(data)} examples, {self.size} wanted: "
                + (
                    f"lower shots.k or leave {self.reference.language} out of languages"
                    if role == "few-shot"
                    else "the arms would not be of one size. Lower size.train of this intermediate task or leave "
                    f"{self.reference.language} out of its languages"
                )
            )
        if self.order != "random":
            lengths = [length(row) for row in data]
            sign = 1 if self.order == "shortest" else -1
            order = ranked(data, f"train|{seed}")  # decides between equals
            return data.select(sorted(sorted(order, key=lambda row: sign * lengths[row])[: self.size]))
        if self.turn is not None:
            first, step, size = self.turn
            order = ranked(data, f"train|{seed}", from_end=role == "intermediate")[:size]
            return data.select(sorted(order[first::step]))
        return subsample(data, self.size, f"train|{seed}", from_end=role == "intermediate")

    def key(self, overlap: str) -> dict[str, Any]:
        """Test sets are part of it only when rows are left out because of them."""
        held_out = [test.identity() for test in self.held_out] if overlap == "drop" else []
        key: dict[str, Any] = {"data": self.reference.identity(), "size": self.size, "left_out_for": held_out}
        if self.more:
            key["more"] = [one.identity() for one in self.more]
        if self.order != "random":
            key["order"] = self.order
        if self.turn:
            key["turn"] = list(self.turn)
        if self.tokens_of:
            key["tokens_of"] = self.tokens_of.key(overlap) | {"part": self.part}
        return key


@dataclass(frozen=True)
class Stage:
    """One trained stage. Its key holds all that can change its weights; its parent's key among them.

    What came after the first studies (noise, a head that is carried on) is in the key only where it is used: the keys
    of stages that are trained already stay.
    """

    role: str  # intermediate | first | target | few-shot
    name: str
    version: int
    family: str
    labels: tuple[str, ...]
    metric: str
    recipe: RecipeConfig
    shares: tuple[Share, ...]
    dev: Reference
    dev_size: int | None
    overlap: str
    seed: int
    base: dict[str, Any]  # identity of the pretrained model and of how it is used
    parent: Stage | None
    noise: TrainingNoise | None = None
    keeps_head: bool = False  # begins with the head of its parent
    match: str | None = None  # what arms of this task have the same number of
    updates: int | None = None  # batches of an epoch, where updates are matched; None: as many as the examples make
    encoding: dict[str, Any] | None = None  # of a dual encoder: how a text becomes a vector
    last: bool = False  # the last epoch is kept, whatever the dev set says
    together: tuple[tuple[str, Stage], ...] = ()  # tasks, by name, that are trained at once, each with its own of these
    sampling: SamplingConfig | None = None  # how often each of them is drawn

    @property
    def parts(self) -> tuple[Stage, ...]:
        """Every task of this stage: the stage itself, or those trained together."""
        return tuple(part for _, part in self.together) or (self,)

    def references(self) -> list[Reference]:
        """All that is read to train one task, and what its examples are kept apart from."""
        return [one for share in self.shares for one in share.reads()] + [self.dev]

    def key(self) -> dict[str, Any]:
        return self._key

    @cached_property
    def _key(self) -> dict[str, Any]:
        if self.together:
            assert self.sampling is not None
            whole: dict[str, Any] = {
                "training": TRAINING_VERSION,
                "role": self.role,
                "name": self.name,
                "recipe": recipe_key(self.recipe),
                "together": {name: part.key() for name, part in self.together},
                "sampling": asdict(self.sampling),
                "parent": digest(self.parent.key()) if self.parent else None,
            }
            names = [name for name, _ in self.together]
            if names != sorted(names):  # a digest does not see it, and it decides what is drawn when
                whole["order"] = names
            # Both were not as the recipe said in the first studies: what those trained is not taken for these.
            if self.recipe.patience is not None:
                whole["ends"] = "by patience"
            grow = [part for part in self.parts if part.noise and part.noise.schedule == "linear"]
            if any(part.recipe.epochs != self.recipe.epochs for part in grow):
                whole["levels"] = "over the epochs of the whole"
            return whole
        key: dict[str, Any] = {
            "training": TRAINING_VERSION,
            "role": self.role,
            "name": self.name,
            "version": self.version,
            "family": self.family,
            "labels": list(self.labels),
            "metric": metrics.build(self.metric).name,
            "recipe": recipe_key(self.recipe),
            "train": [share.key(self.overlap) for share in self.shares],
            "dev": {"data": self.dev.identity(), "size": self.dev_size},
            "overlap": self.overlap,
            "seed": self.seed,
            "base": cut_to(self.base, self.recipe),
            "parent": digest(self.parent.key()) if self.parent else None,
            "software": software((*SOFTWARE, "peft") if "lora" in self.base else SOFTWARE),
        }
        if self.noise:
            key["noise"] = self.noise.key(software(NOISE_SOFTWARE))
        if self.keeps_head:
            key["head"] = "of the parent"
        if self.last:
            key["chosen"] = "last epoch"
        if self.recipe.epochs > 1:
            key["batches"] = "in another order in every epoch"  # the first studies had one order throughout
        if self.updates is not None:
            key["updates"] = self.updates
        if self.encoding:
            key["encoding"] = self.encoding
        return key
