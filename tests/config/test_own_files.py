"""Files of one's own: text stays as it was written, an option is what its name says, nothing foreign is called."""

from __future__ import annotations

import logging
from pathlib import Path

import pytest
from omegaconf import OmegaConf

from xtreme_noise import cli
from xtreme_noise.config import compose, trusted, where, written
from xtreme_noise.config.where import Sources
from xtreme_noise.errors import ConfigError

CONF = Path(__file__).resolve().parents[2] / "conf"
TASK = """\
name: {name}
version: 1
family: classification
metric: accuracy
labels: {labels}
languages: [en, de]
noise_field: text
data:
  files:
    train: [{{path: "yn/train.{{language}}.jsonl"}}]
    dev: [{{path: "yn/dev.{{language}}.jsonl"}}]
    test: {{path: "yn/test.{{language}}.jsonl"{more}}}
"""


@pytest.fixture
def own(workdir: Path) -> Path:
    """A folder of options, as --config-dir takes it."""
    folder = workdir / "own"
    folder.mkdir()
    return folder


def write(own: Path, name: str, content: str) -> None:
    path = own / f"{name}.yaml"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(content, encoding="utf-8")


def refused(own: Path, *words: str) -> str:
    """The message of a command that these files make wrong."""
    with pytest.raises(ConfigError) as error:
        compose.study(words, config_dir=own)
    assert "\n" not in str(error.value)
    return str(error.value)


# In a list of names: what YAML 1.1 reads as something else, and what it leaves alone.
OTHER = ["yes", "no", "on", "Off", "true", "010", "0x1F", "12:30", "1_000", "1e3", "1.50", ".5", "+1", ".inf", "1:30.5"]
SAME = ['"yes"', "'010'", "7", "1.5", "y", "2020-01-01", "2020-01-01T10:00:00", "a:b", "True", "!!str 010"]


@pytest.mark.parametrize("word", OTHER)
def test_a_text_that_yaml_reads_as_something_else(word: str, own: Path) -> None:
    write(own, "task/yn", TASK.format(name="yn", labels=f"[{word}, maybe]", more=""))
    message = refused(own, "task=yn", "source.root=data")
    assert message.startswith("task.labels (own/task/yn.yaml, line 5): YAML reads a bare")
    assert f"`{word}`" in message and f'in quotes, "{word}"' in message


@pytest.mark.parametrize("word", SAME)
def test_a_text_that_yaml_leaves_alone(word: str, own: Path) -> None:
    write(own, "task/yn", TASK.format(name="yn", labels=f"[{word}, maybe]", more=""))
    [job] = compose.jobs(["task=yn", "source.root=data"], config_dir=own)
    assert job.task.labels == [word.strip("\"'").removeprefix("!!str "), "maybe"]


@pytest.mark.parametrize(
    ("more", "place"),
    [
        (", drop: [no]", "task.data.files.test.drop (own/task/yn.yaml, line 12)"),
        (", values: {label: {yes: a, x: b}}", "task.data.files.test.values.label (own/task/yn.yaml, line 12)"),
        (", values: {label: {x: on}}", "task.data.files.test.values.label.x (own/task/yn.yaml, line 12)"),
        (", revision: 1234567e8", "task.data.files.test.revision (own/task/yn.yaml, line 12)"),
    ],
)
def test_everywhere_in_a_file(more: str, place: str, own: Path) -> None:
    write(own, "task/yn", TASK.format(name="yn", labels="[a, b]", more=more))
    assert refused(own, "task=yn", "source.root=data").startswith(place)


def test_a_mapping_where_a_text_is_wanted(own: Path) -> None:
    write(own, "task/yn", TASK.format(name="yn", labels="[a: b, c]", more=""))
    message = refused(own, "task=yn", "source.root=data")
    assert message.startswith("task.labels[0] must be text, not {'a': 'b'} (own/task/yn.yaml, line 5)")


def test_in_a_file_that_another_one_takes_in(own: Path) -> None:
    write(own, "task/base", TASK.format(name="base", labels="[no, b]", more=""))
    write(own, "task/yn", "defaults:\n  - base\n  - _self_\nname: yn\n")
    assert "own/task/base.yaml, line 5" in refused(own, "task=yn", "source.root=data")


@pytest.mark.usefixtures("workdir")
@pytest.mark.parametrize(
    "word", ["task.labels=[true,false]", "task.name=1e3", "model.revision=1_000", "task.labels=[a,1.50]"]
)
def test_on_the_command_line(word: str) -> None:
    with pytest.raises(ConfigError, match="put it in quotes"):
        compose.study(["task=xnli", word])


def test_shipped_files_are_text_as_written() -> None:
    for path in CONF.rglob("*.yaml"):
        written.check(str(path.relative_to(CONF).with_suffix("")), path, where.stamp(path))


@pytest.mark.parametrize(
    ("files", "words", "message"),
    [
        ({"task/bad_name": "defaults: [xnli, _self_]\nsize: {train: 9}\n"}, ["task=bad_name"], "another task, xnli"),
        ({"task/my_xnli": "defaults: [xnli, _self_]\n"}, ["task=my_xnli"], "another task, xnli"),
        ({"task/copy": "defaults: [mlqa, _self_]\n"}, ["task=copy"], "another task, mlqa"),
        ({"model/mine": "defaults: [tiny, _self_]\nmax_length: 32\n"}, ["model=mine"], "another model, tiny"),
        ({"intermediate/mine": "arms: {english: {}}\nfamily: qa\n"}, ["intermediate=mine"], "has no name"),
        (
            {"intermediate/my_nli": "defaults: [nli, _self_]\n"},
            ["intermediate=my_nli", "intermediate.arm=english"], "another intermediate, nli",
        ),
        ({"train_noise/mine": "level: 0.1\n"}, ["train_noise=mine"], "sets no train_noise.families"),
        ({"tracker/mine": "project: p\n"}, ["tracker=mine"], "sets no tracker.kind"),
        (
            {"intermediate/c": "name: c\narms: {english: {}}\nstages:\n  one: {family: qa, arm: english}\n"},
            ["intermediate=c"], "intermediate.stages.one.name",
        ),
    ],
)  # fmt: skip
def test_an_option_under_the_name_of_another(files: dict[str, str], words: list[str], message: str, own: Path) -> None:
    for name, content in files.items():
        write(own, name, content)
    assert message in refused(own, *(["task=xnli"] if "task=" not in words[0] else []), *words)


def test_a_stage_has_the_arm_of_its_chain_unless_it_says_another_one(own: Path) -> None:
    chain = "defaults:\n  - /intermediate@stages.pairs: tlm\n  - _self_\nname: mine\narms: {english: {}}\n"
    write(own, "intermediate/mine", chain)
    command = ["task=xnli", "source.root=.", "intermediate=mine"]
    assert "intermediate.stages.pairs.arm" in refused(own, *command)
    [job] = compose.jobs([*command, "intermediate.stages.pairs.arm=multilingual"], config_dir=own)
    assert job.intermediate.stages["pairs"].label == "tlm/multilingual"


def test_options_that_may_share_a_name(own: Path) -> None:
    write(own, "task/mine/xnli", "defaults: [/task/xnli@_here_, _self_]\nsize: {train: 9}\n")
    write(own, "task/other", "defaults: [/task/xnli@_here_, _self_]\nreported_as: other\n")
    write(own, "model/mine", "defaults: [tiny, _self_]\nname: small\n")
    assert compose.jobs(["task=mine/xnli"], config_dir=own)[0].task.name == "xnli"
    [job] = compose.jobs(["task=other", "model=mine"], config_dir=own)
    assert (job.reported_task(), job.model.name) == ("other", "small")


def test_one_option_a_group_in_a_file(own: Path) -> None:
    write(own, "experiment/mine", "# @package _global_\ndefaults:\n  - override /model: [tiny, e5_small]\n")
    message = refused(own, "+experiment=mine")
    assert "several options of model (own/experiment/mine.yaml, line 3)" in message and "-m model=a,b" in message
    write(
        own,
        "experiment/swept",
        "# @package _global_\nhydra:\n  mode: MULTIRUN\n  sweeper:\n    params: {model: '[tiny,e5_small],mbert'}\n",
    )
    assert "several options of model" in refused(own, "+experiment=swept", "source.root=null")


CALLED: list[str] = []


class Handler(logging.StreamHandler):  # type: ignore[type-arg]
    """What a foreign file would have called."""

    def __init__(self, *_: object, **__: object) -> None:
        super().__init__()
        CALLED.append("handler")


HERE = f"{__name__}.Handler"
FOREIGN = {
    "hydra.job_logging.handlers.x.()": f"job_logging: {{handlers: {{x: {{'()': {HERE}}}}}, root: {{handlers: [x]}}}}",
    "hydra.job_logging.handlers.file.class": f"job_logging: {{handlers: {{file: {{class: {HERE}}}}}}}",
    "hydra.hydra_logging.formatters.simple.()": f"hydra_logging: {{formatters: {{simple: {{'()': {HERE}}}}}}}",
    "hydra.job_logging.filters.x.()": f"job_logging: {{filters: {{x: {{'()': {HERE}}}}}}}",
    "hydra.job_logging.handlers.console.stream": "job_logging: {handlers: {console: {stream: 'ext://os.environ'}}}",
    "hydra.callbacks.x._target_": f"callbacks: {{x: {{_target_: {HERE}}}}}",
    "hydra.launcher._target_": f"launcher: {{_target_: {HERE}}}",
    "hydra.sweeper._target_": f"sweeper: {{_target_: {HERE}}}",
    "hydra.launcher.x._target_": f"launcher: {{x: {{_target_: {HERE}}}}}",
}


@pytest.mark.parametrize("key", FOREIGN)
def test_no_file_has_foreign_code_called(key: str, own: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write(own, "experiment/mine", f"# @package _global_\nhydra:\n  {FOREIGN[key]}\n")
    words = ["+experiment=mine", "--config-dir", str(own)]
    for flags in ([], ["--help"], ["--cfg", "hydra"]):
        assert cli.main([*words, *flags]) == 2
        [line] = capsys.readouterr().err.splitlines()
        assert "add trust_config_code=true" in line or "Hydra has no key" in line
    assert not CALLED


def test_who_trusts_a_folder_says_so(own: Path) -> None:
    key = "hydra.job_logging.handlers.file.class"
    write(own, "experiment/mine", f"# @package _global_\nhydra:\n  {FOREIGN[key]}\n")
    assert compose.jobs(["+experiment=mine", "trust_config_code=true"], config_dir=own)
    assert compose.jobs(["+experiment=mine", f"{key}={HERE}"], config_dir=own), "typed: nobody else's"
    write(own, "experiment/itself", f"# @package _global_\ntrust_config_code: true\nhydra:\n  {FOREIGN[key]}\n")
    assert "no file can vouch for itself" in refused(own, "+experiment=itself")


def test_what_hydra_ships_may_be_called(own: Path) -> None:
    write(own, "experiment/mine", "# @package _global_\ndefaults:\n  - override /hydra/job_logging: stdout\n")
    for words in (["hydra/launcher=joblib"], ["hydra/launcher=submitit_slurm"], ["hydra/hydra_logging=hydra_debug"]):
        assert compose.jobs(["+experiment=mine", *words], config_dir=own)
    callback = "{_target_: hydra.experimental.callbacks.PickleJobInfoCallback}"
    trusted.check(OmegaConf.create({"hydra": {"callbacks": {"x": callback}}}), Sources())
