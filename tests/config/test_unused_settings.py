"""What a person sets and nothing of the study would read is refused, for every key; what is used or shipped is not."""

from __future__ import annotations

import copy
import dataclasses
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from hydra.core.override_parser.overrides_parser import OverridesParser

from xtreme_noise import cli
from xtreme_noise.config import compose, idle
from xtreme_noise.config.schema import Config
from xtreme_noise.config.splits import SplitConfig
from xtreme_noise.config.where import Sources, split_key
from xtreme_noise.errors import ConfigError, Unusable

pytestmark = pytest.mark.usefixtures("workdir")

XNLI = "task=xnli source.root=data"
TATOEBA = "task=tatoeba source=hub"
ARM = f"{XNLI} intermediate=nli intermediate.arm=english"
CHAIN = f"{XNLI} intermediate=chain intermediate.arm=english"
# A command, and settings that nothing of it reads.
IDLE = {
    XNLI: [
        "model.path=/m", "model.revision=abc", "model.trust_remote_code=true", "model.parameters={seed:1}",
        "model.lora.alpha=8", "model.lora.dropout=0.1", "model.lora.targets=[query]", "model.prefix=x",
        "model.passage_prefix=x", "model.pooling=cls", "model.retrieval_layer=3",
        "task.recipe.stride=8", "task.data.hub.test.revision=abc", "task.data.files.test.name=de",
        "task.data.files.test.split=x", "source.offline=true", "intermediate.size.train=9", "intermediate.match=tokens",
        "intermediate.recipe.epochs=3", "shots.sampling=longest", "shots.epochs=3", "shots.learning_rate=0.1",
        "train_noise.level=0.2", "train_noise.schedule=linear", "train_noise.share=0.5", "train_noise.seed=7",
        "train_noise.stages=[intermediate]", "train_noise.field=text", "tracker.project=mine",
        "mine.language=de", "mine.paths=[a.tsv]", "score.folder=x", "fetch.folder=x",
        "power.hours=2",
    ],
    TATOEBA: ["source.root=data", "model.passage_prefix=x", "task.labels=[a,b]", "task.data.files.test.path=x"],
    "task=intents": ["source.root=data", "source.offline=true"],
    "task=lareqa source.root=data": ["model.retrieval_layer=3", "task.labels=[a,b]"],
    "task=xcopa source.root=data": ["task.first.size.test=9", "task.first.size.dev=9", "task.first.recipe.stride=8"],
    "model=tiny task=xnli source.root=data": ["model.path=/m", "model.revision=abc"],
    "model=xlmr_base task=xnli source=hub": ["model.parameters={seed:1}"],
    "model=xlmr_base model.path=. task=xnli source.root=data": ["model.revision=abc", "source.offline=true"],
    ARM: [
        "intermediate.size.test=9", "intermediate.items=distinct", "intermediate.weights={en:2}",
        "intermediate.evaluated=seen", "intermediate.noise_field=text",
        "intermediate.data.files.dev=[{path:x,split:y}]",
    ],
    f"{XNLI} intermediate=mlm intermediate.arm=english": ["intermediate.data.hub.dev=[{path:x}]"],
    f"{CHAIN} intermediate.use=[nli]": ["intermediate.stages.qa.size.train=9"],
    "+experiment=xtreme_r source.root=data task=xnli": ["noise=keyboard", "noise.seeds=[0,1]", "noise.field=text"],
    "task=attested/xnli noise=attested source.root=data": ["noise.level=0.1", "noise.seeds=[0,1]"],
    "tracker=tensorboard": ["tracker.project=mine"],
    "mode=noise_table": [
        "task=xnli", "model=tiny", "noise.levels=[0.1]", "noise.seeds=[1]", "noise.calibrate_by=word",
        "intermediate=slots", "intermediate.arm=english", "trainer.workers=2", "shots.k=4",
        "source.offline=true", "tracker=mlflow",
    ],
    "mode=preview": ["report.sensitivity=true"],
    "mode=mine_typos": ["task=xnli", "languages=[de]", "noise=keyboard", "source.root=data", "store=x"],
    "mode=power": ["model=tiny", "task.size.train=9", "languages=[de]", "noise=keyboard", "source.root=data", "seed=7"],
    "mode=typology": ["task=xnli", "noise=keyboard", "source.root=data", "seed=7", "report.sensitivity=true"],
}  # fmt: skip
# The same settings where something reads them, or where they are at their defaults.
USED = {
    XNLI: [
        "train_noise.level=0.05", "model.path=null", "model.lora.alpha=16.0", "intermediate.size.train=null",
        "task.data.files.test.path=x", "trainer.workers=2", "task.size.train=9", "seed=7", "strict=true",
        "noise.seeds=[0,1]", "noise.calibrate_by=word", "tracker.project=xtreme_noise",
    ],
    TATOEBA: [
        "model.prefix=x", "model.pooling=cls", "model.retrieval_layer=3", "source.offline=true",
        "task.data.hub.test.revision=abc", "task.size.train=9", "task.recipe.epochs=3", "task.layer_sweep=[cls]",
    ],
    "task=lareqa source.root=data": ["model.prefix=x", "model.passage_prefix=x", "model.pooling=cls"],
    "task=xquad source.root=data": ["task.recipe.stride=8", "task.labels=[unanswerable]"],
    "task=xcopa source.root=data": ["task.first.size.train=9", "task.first.recipe.epochs=2"],
    "model=tiny task=xnli source.root=data": ["model.parameters={seed:1}"],
    "model=xlmr_base task=xnli source=hub": ["model.path=a/b", "model.revision=abc", "model.trust_remote_code=true"],
    "model=xlmr_base task=xnli source.root=data": ["source.offline=true"],
    "model=e5_small_lora task=xnli source.root=data": ["model.lora.alpha=8", "model.lora.targets=[query]"],
    ARM: ["intermediate.size.train=9", "intermediate.size.dev=9", "intermediate.match=tokens"],
    f"{ARM} train_noise=char train_noise.stages=[intermediate]": ["intermediate.noise_field=text"],
    f"{XNLI} train_noise=char": ["train_noise.level=0.2", "train_noise.field=text", "train_noise.seed=7"],
    f"{XNLI} shots.k=4": ["shots.sampling=longest", "shots.epochs=3"],
    "task=intents intermediate=nli intermediate.arm=english": ["source.root=data"],
    "tracker=mlflow": ["tracker.project=mine"],
    "mode=noise_table": ["noise=keyboard", "noise.level=0.1", "languages=[de]", "source.root=data"],
    "mode=mine_typos": ["mine.language=de", "mine.output=x.tsv"],
    "task=attested/xnli noise=[attested,char] source.root=data": ["noise.level=0.1", "noise.seeds=[0,1]"],
    "+experiment=xtreme_r source.root=data task=xnli noise.levels=[0,0.1]": ["noise=keyboard", "noise.seeds=[0,1]"],
    "mode=fetch": ["fetch.folder=x"],
    "mode=score": ["score.folder=x"],
    "mode=power": ["power.hours=2", "power.items=9", "task=xnli"],
}  # fmt: skip


@cache
def composed(command: str) -> Config:
    """The job of a command, without the checks of its modes."""
    words = [word for word in command.split() if not word.startswith("mode=")]
    [job] = compose.jobs(words)
    return dataclasses.replace(job, mode=next((word[5:] for word in command.split() if word[:5] == "mode="), "run"))


def with_(job: Config, text: str) -> Config:
    """A job with one more setting."""
    key, value = text.split("=", 1)[0], OverridesParser.create().parse_override(text).value()
    if isinstance(value, list):  # of files, where it is one of mappings
        value = [SplitConfig(**item) if isinstance(item, dict) else item for item in value]
    changed: Config = copy.deepcopy(job)
    *way, name = split_key(key)
    node: Any = changed
    for part in way:
        node = getattr(node, str(part)) if dataclasses.is_dataclass(node) else node[part]
    if not dataclasses.is_dataclass(getattr(node, str(name), None)):  # of a group the option: task=xnli
        setattr(node, str(name), value)
    return changed


@pytest.mark.parametrize(("command", "text"), [(command, text) for command in IDLE for text in IDLE[command]])
def test_what_nothing_reads(command: str, text: str) -> None:
    sources = Sources((*(word for word in command.split() if "mode=" not in word), text))
    with pytest.raises(Unusable) as refused:
        idle.check([with_(composed(command), text)], [sources])
    message = str(refused.value)
    assert message.startswith(text.partition("=")[0]) and "command line: " in message


@pytest.mark.parametrize(("command", "text"), [(command, text) for command in USED for text in USED[command]])
def test_what_something_reads(command: str, text: str) -> None:
    idle.check([with_(composed(command), text)], [Sources((*command.split(), text))])


def test_the_whole_study_decides() -> None:
    """Of a sweep over train_noise=none,char the first job has no use for a level; a sweep over none alone has none."""
    plain = composed(XNLI)
    noisy = composed(f"{XNLI} train_noise=char")
    text = "train_noise.level=0.2"
    jobs, sources = [with_(plain, text), with_(noisy, text)], Sources((text,))
    idle.check(jobs, [sources, sources])
    with pytest.raises(Unusable, match=r"train_noise\.level"):
        idle.check([jobs[0], jobs[0]], [sources, sources])


def test_only_what_the_person_wrote_counts(tmp_path: Path) -> None:
    """Their words and experiments; of their options only what the option itself has no use for."""
    own = tmp_path / "own"
    files = {
        "model/mine": "name: mine\npath: org/mine\nprefix: 'query: '\nretrieval_layer: 3\nlora: {targets: [Wqkv]}\n",
        "model/wrong": "name: wrong\nloader: random\npath: org/mine\n",
        "experiment/idle": "# @package _global_\ntrain_noise: {level: 0.2}\n",
        "experiment/swept": "# @package _global_\n"
        "hydra:\n  mode: MULTIRUN\n  sweeper:\n    params: {shots.epochs: '3'}\n",
    }
    for name, content in files.items():
        (own / name).parent.mkdir(parents=True, exist_ok=True)
        (own / f"{name}.yaml").write_text(content, encoding="utf-8")
    assert compose.jobs(["task=xnli", "model=mine"], config_dir=own)[0].model.prefix == "query: "
    for words, message in (
        (["task=xnli", "model=wrong"], r"model\.path \(.*wrong\.yaml, line 3\) does nothing"),
        (["task=xnli", "+experiment=idle"], r"train_noise\.level \(.*idle\.yaml, line 2\) does nothing"),
        (["task=xnli", "+experiment=swept"], r"shots\.epochs \(.*hydra\.sweeper\.params.*\) does nothing"),
    ):
        with pytest.raises(ConfigError, match=message):
            compose.jobs(words, config_dir=own)


def test_the_command_ends_before_anything(workdir: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["task=intents", "model=tiny", "model.path=/some/model"]) == 2
    [line] = capsys.readouterr().err.splitlines()
    assert "model.path (command line: model.path=/some/model) does nothing: tiny makes a random model" in line
    assert not any(workdir.iterdir())


def test_every_key_of_the_rules_is_one() -> None:
    """A rule for a key that was renamed would never be asked."""
    from xtreme_noise.config.keys import schema_at

    for command in (*IDLE, *USED):
        for rule in idle.of(composed(command)):
            assert schema_at(split_key(rule.key)) is not None, rule.key
