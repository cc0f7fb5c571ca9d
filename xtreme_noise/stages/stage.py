"""One stage: what it is trained on, and its key, which contains everything that can change its weights."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from functools import cache, cached_property
from importlib.metadata import version
from typing import TYPE_CHECKING, Any, NamedTuple

from xtreme_noise import metrics, tasks
from xtreme_noise.config.schema import RecipeConfig, SamplingConfig
from xtreme_noise.data.sources import SplitRef, ranked, subsample
from xtreme_noise.data.training_noise import TrainingNoise
from xtreme_noise.errors import DataError
from xtreme_noise.store import Store, digest

if TYPE_CHECKING:
    from datasets import Dataset

# Raise this when the same configuration gives other weights, so that stages of the old version are not reused.
TRAINING_VERSION = 2
TRAINING = "training.json"  # the facts about the training of a finished stage
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


def cut_to(base: dict[str, Any], recipe: RecipeConfig) -> dict[str, Any]:
    """The identity of a pretrained model, with max_length limited to the recipe's."""
    return base | {"max_length": min(base["max_length"], recipe.max_length)}


class Interleave(NamedTuple):
    """Every `step`-th item from `first` on, among the first `size` items in an order that all languages share."""

    first: int
    step: int
    size: int


@dataclass(frozen=True)
class LanguageSample:
    """What one language contributes to a training set, from one split or several splits pooled.

    It is `size` examples, or a fraction `part` of the tokens in the examples of `tokens_of` (the English arm's).
    """

    reference: SplitRef
    size: int | None  # examples; None: all
    exact: bool  # fewer than `size` examples are an error (size-matched arms); otherwise all are taken
    test_sets: tuple[SplitRef, ...]
    tokens_of: LanguageSample | None = None
    part: float = 1.0
    more: tuple[SplitRef, ...] = ()  # further splits, sampled in proportion to their sizes
    interleave: Interleave | None = None  # parallel data whose items are distributed over the languages
    order: str = "random"  # which examples come first: random (by the hash) | shortest | longest

    @property
    def references(self) -> tuple[SplitRef, ...]:
        return (self.reference, *self.more)

    def reads(self) -> list[SplitRef]:
        """All splits that it reads: its own, those that it is measured by, and test sets that it must not overlap."""
        return [*self.references, *self.test_sets, *(self.tokens_of.reads() if self.tokens_of else [])]

    def name(self) -> str:
        """A readable name of the data."""
        return " + ".join(one.name() for one in self.references)

    def load(self, store: Store) -> Dataset:
        """All examples of the language; with several splits, ids get the number of the split as a prefix."""
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
        """`size` examples chosen by a hash of (seed, id); intermediate stages choose from the other end than targets.

        With `interleave`, `data` must contain only the items that all languages have.
        Raises DataError when there are too few examples.
        """
        if self.interleave is not None and len(data) < self.interleave.size:
            raise DataError(
                f"{self.name()}: {len(data)} examples exist in all languages, {self.interleave.size} are needed: lower "
                "size.train of this intermediate task, or leave out a language or items=distinct"
            )
        if self.exact and self.size is not None and len(data) < self.size:
            raise DataError(
                f"{self.name()}: {len(data)} examples, {self.size} are needed: "
                + (
                    f"lower shots.k or leave {self.reference.language} out of languages"
                    if role == "few-shot"
                    else "the arms would differ in size. Lower size.train of this intermediate task or leave "
                    f"{self.reference.language} out of its languages"
                )
            )
        if self.order != "random":
            lengths = [length(row) for row in data]
            sign = 1 if self.order == "shortest" else -1
            order = ranked(data, f"train|{seed}")  # decides between equals
            return data.select(sorted(sorted(order, key=lambda row: sign * lengths[row])[: self.size]))
        if self.interleave is not None:
            first, step, size = self.interleave
            order = ranked(data, f"train|{seed}", from_end=role == "intermediate")[:size]
            return data.select(sorted(order[first::step]))
        return subsample(data, self.size, f"train|{seed}", from_end=role == "intermediate")

    def key(self, overlap: str) -> dict[str, Any]:
        """Includes the test sets only when overlapping rows are dropped because of them."""
        test_sets = [test.identity() for test in self.test_sets] if overlap == "drop" else []
        return {
            "data": [one.identity() for one in self.references],
            "size": self.size,
            "left_out_for": test_sets,
            "order": self.order,
            "turn": list(self.interleave) if self.interleave else None,
            "tokens_of": self.tokens_of.key(overlap) | {"part": self.part} if self.tokens_of else None,
        }


@dataclass(frozen=True)
class Stage:
    """One stage. Its key contains everything that can change its weights, its parent's key included."""

    role: str  # intermediate | first | target | few-shot
    name: str
    version: int
    family: str
    labels: tuple[str, ...]
    metric: str
    recipe: RecipeConfig
    samples: tuple[LanguageSample, ...]
    dev: SplitRef
    dev_size: int | None
    overlap: str
    seed: int
    base: dict[str, Any]  # identity of the pretrained model and of how it is used
    parent: Stage | None
    noise: TrainingNoise | None = None
    keeps_head: bool = False  # starts with its parent's head
    match: str | None = None  # what the arms have equal: examples, tokens or updates
    updates: int | None = None  # batches of an epoch when updates are matched; None: all batches
    encoding: dict[str, Any] | None = None  # how inputs are encoded; see ranking.encoding
    run: int = 0  # which of several fits whose weights are averaged
    last: bool = False  # keep the last epoch, whatever the dev scores
    dev_sets: tuple[SplitRef, ...] = ()  # of the arm's other languages: scored after the fit, so not in the key
    tasks: tuple[tuple[str, Stage], ...] = ()  # of a multitask stage: (name, settings) of each task
    sampling: SamplingConfig | None = None  # how often each task is drawn

    @property
    def parts(self) -> tuple[Stage, ...]:
        """The tasks of a multitask stage, or the stage itself."""
        return tuple(part for _, part in self.tasks) or (self,)

    @property
    def masked(self) -> bool:
        """Whether it is masked language modelling: beside other tasks, its dev score does not choose the epoch."""
        return self.family in tasks.having("pretraining")

    @property
    def runs(self) -> list[Stage]:
        """The fits that its weights are the mean of: itself or, the first without averaging, several."""
        if self.recipe.averaged_runs is None:
            return [self]
        single = replace(self.recipe, averaged_runs=None)
        return [replace(self, recipe=single, run=number) for number in range(self.recipe.averaged_runs)]

    @property
    def order_seed(self) -> int:
        """Seed of dropout and of the order of the batches: the stage's seed, or one of its own in a further run."""
        return self.seed if not self.run else int(digest([self.seed, self.run])[:8], 16)

    def references(self) -> list[SplitRef]:
        """All splits that training reads, test sets that must not overlap included."""
        return [one for sample in self.samples for one in sample.reads()] + [self.dev]

    def key(self) -> dict[str, Any]:
        return self._key

    @cached_property
    def _key(self) -> dict[str, Any]:
        common = {
            "training": TRAINING_VERSION,
            "role": self.role,
            "name": self.name,
            "recipe": asdict(self.recipe),
            "parent": digest(self.parent.key()) if self.parent else None,
        }
        return common | (self._tasks_key() if self.tasks else self._task_key())

    def _tasks_key(self) -> dict[str, Any]:
        """Of a multitask stage. A list, because the order of the tasks decides which one is drawn when."""
        assert self.sampling is not None
        sampling = asdict(self.sampling)
        if not any(part.masked for part in self.parts):
            del sampling["mlm_weight"]  # does nothing
        return {"tasks": [[name, part.key()] for name, part in self.tasks], "sampling": sampling}

    def _task_key(self) -> dict[str, Any]:
        return {
            "version": self.version,
            "family": self.family,
            "labels": list(self.labels),
            "metric": metrics.build(self.metric).name,
            "train": [sample.key(self.overlap) for sample in self.samples],
            "dev": {"data": self.dev.identity(), "size": self.dev_size},
            "overlap": self.overlap,
            "seed": self.seed,
            "run": self.run or None,
            "base": cut_to(self.base, self.recipe),
            "software": software((*SOFTWARE, "peft") if self.base.get("lora") else SOFTWARE),
            "noise": self.noise.key(software(NOISE_SOFTWARE)) if self.noise else None,
            "keeps_head": self.keeps_head,
            "last_epoch": self.last,
            "updates": self.updates,
            "encoding": self.encoding,
        }
