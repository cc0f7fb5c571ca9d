"""The same command lands in the same folder, whatever does not change its results; another one elsewhere."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from hydra.core.override_parser.overrides_parser import OverridesParser
from omegaconf import OmegaConf

from xtreme_noise.config import compose, paths
from xtreme_noise.errors import ConfigError

pytestmark = pytest.mark.usefixtures("workdir")


def folder(*overrides: str, multirun: bool = False) -> str:
    """The folder name of a command's study."""
    return compose.study(overrides, multirun).sweep.name


def test_a_plain_command_is_named_after_its_experiment_or_task(workdir: Path) -> None:
    assert folder() == "intents"
    assert folder("task=xnli") == "xnli"
    assert folder("+experiment=quickstart") == "quickstart"
    assert compose.study(["task=xnli"]).sweep == workdir / "multirun_outputs" / "xnli"


NEUTRAL = [
    "mode=plan", "tracker=mlflow", "trust_config_code=true", "trainer.progress=false", "trainer.workers=1",
    "store=elsewhere", "strict=true", "source.offline=true", "hydra/launcher=joblib", "hydra.verbose=true",
    "report.sensitivity=true",
]  # fmt: skip


def test_what_changes_no_result_changes_no_folder() -> None:
    one = compose.study(["task=xnli", "seed=3"])
    for neutral in NEUTRAL:
        other = compose.study([neutral, "task=xnli", "seed=3"])
        assert (one.sweep, one.folders) == (other.sweep, other.folders), neutral


def test_a_gate_changes_no_folder() -> None:
    study = ["task=xnli", "intermediate=nli", "intermediate.arm=english"]
    one, other = compose.study(study), compose.study([*study, "intermediate.gate.at_least=.5"])
    assert (one.sweep, one.folders) == (other.sweep, other.folders)
    assert [job.intermediate.gate.at_least for job in (*one.jobs, *other.jobs)] == [0.6, 0.5]


def test_a_study_is_called_as_the_person_says(workdir: Path) -> None:
    named = compose.study(["task=xnli", "seed=3", "experiment_name=mine"])
    assert re.fullmatch(r"mine-[0-9a-f]{8}", named.sweep.name)
    assert named.folders[0].name == compose.study(["task=xnli", "seed=3"]).folders[0].name
    own = workdir / "own" / "experiment"
    own.mkdir(parents=True)
    (own / "copied.yaml").write_text("# @package _global_\nexperiment_name: quickstart\nseed: 3\n", encoding="utf-8")
    copied = compose.study(["+experiment=copied"], config_dir=workdir / "own").sweep.name
    assert re.fullmatch(r"quickstart-[0-9a-f]{8}", copied), "the name was not changed: another study all the same"


def test_the_order_of_overrides_changes_no_folder() -> None:
    one = compose.study(["task=xnli", "seed=3", "languages=[de]"])
    other = compose.study(["languages=[de]", "task=xnli", "seed=3"])
    assert (one.sweep, one.folders) == (other.sweep, other.folders)


def test_other_results_get_other_folders() -> None:
    commands = [
        ["task=xnli"],
        ["task=xnli", "seed=0"],
        ["task=xnli", "seed=1"],
        ["task=xnli", "languages=[de]"],
        ["task=xnli", "source.root=a"],
        ["task=xnli", "trainer.deterministic=false"],
        ["+experiment=quickstart", "seed=1"],
    ]
    assert len({folder(*command) for command in commands}) == len(commands)
    assert folder("task=xnli", "seed=0,1", multirun=True) != folder("task=xnli", "seed=0,2", multirun=True)


def test_a_given_folder_is_absolute_and_taken_literally(workdir: Path) -> None:
    study = compose.study(["task=xnli", "sweep='a b=c,d ünï'"])
    assert study.sweep == workdir / "a b=c,d ünï"
    assert study.jobs[0].sweep == str(study.sweep)
    # what Hydra is told gives the same folder back
    [told] = [text for text in study.overrides if text.startswith("sweep=")]
    assert OverridesParser.create().parse_override(told).value() == str(study.sweep)


def test_every_job_knows_its_study_and_has_its_own_short_folder() -> None:
    study = compose.study(["task=xnli", "train_noise=none,char", "model=tiny,e5_small", "seed=0,1"], multirun=True)
    assert len(study.jobs) == len(set(study.folders)) == 8
    assert {job.sweep for job in study.jobs} == {str(study.sweep)}
    for path in study.folders:
        assert path.parent == study.sweep / "jobs"
        assert "=" not in path.name
        assert len(path.name) == 8


def test_no_folder_name_is_too_long_for_a_file_system() -> None:
    name = paths.study_name("x" * 400, [("languages", "[" + "de," * 400 + "en]")])
    assert len(name.encode()) <= 255
    assert "=" not in name


def test_the_neutral_keys_are_those_of_the_configuration(repository: Path) -> None:
    cfg = OmegaConf.load(repository / "conf" / "config.yaml")
    assert tuple(cfg.hydra.job.config.override_dirname.exclude_keys) == paths.NEUTRAL


def test_a_job_of_a_sweep_is_the_job_of_the_single_command() -> None:
    swept = compose.study(["task=xnli", "seed=3,4"], multirun=True)
    single = compose.study(["task=xnli", "seed=3"])
    assert swept.folders[0].name == single.folders[0].name


def test_a_broken_installation_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(paths, "__file__", str(tmp_path / "xtreme_noise" / "config" / "paths.py"))
    paths.conf_dir.cache_clear()
    with pytest.raises(FileNotFoundError, match="installation is broken"):
        paths.conf_dir()


def test_a_study_has_one_folder() -> None:
    with pytest.raises(ConfigError, match="one sweep"):
        compose.study(["sweep=a,b"], multirun=True)
