"""Who beats whom: config.yaml < experiment < its sweep < the command line; own folders are added."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hydra.errors import MissingConfigException
from omegaconf import OmegaConf

from xtreme_noise.config import across, compose, earlier, keys
from xtreme_noise.config.explain import explain
from xtreme_noise.config.schema import Config
from xtreme_noise.config.where import Sources, split_key
from xtreme_noise.errors import ConfigError

pytestmark = pytest.mark.usefixtures("workdir")


@pytest.fixture
def own(workdir: Path) -> Path:
    """A folder of experiments, as a user adds it with --config-dir."""
    folder = workdir / "own"
    (folder / "experiment").mkdir(parents=True)
    (folder / "model").mkdir()
    (folder / "model" / "mine.yaml").write_text("name: mine\npath: org/mine\n", encoding="utf-8")
    (folder / "experiment" / "mine.yaml").write_text(
        "# @package _global_\n"
        "defaults:\n"
        "  - override /model: mine\n"
        "  - override /task: xnli\n"
        "seed: 7\n"
        "noise:\n"
        "  levels: [0.0, 0.2]\n",
        encoding="utf-8",
    )
    return folder


def test_an_experiment_beats_the_defaults_and_the_command_line_beats_it(own: Path) -> None:
    [job] = compose.jobs(["+experiment=mine"], config_dir=own)
    assert (job.seed, job.noise.levels, job.model.name, job.task.name) == (7, [0.0, 0.2], "mine", "xnli")
    [job] = compose.jobs(["+experiment=mine", "seed=0", "model=tiny", "noise.level=0.3"], config_dir=own)
    assert (job.seed, job.wanted_levels(), job.model.name, job.task.name) == (0, [0.3], "tiny", "xnli")


def test_an_own_folder_may_be_relative_and_hydras_search_path_goes_with_it(own: Path) -> None:
    [job] = compose.jobs(["+experiment=mine"], config_dir="own")
    assert job.model.path == "org/mine"
    [job] = compose.jobs(["+experiment=mine", f"hydra.searchpath=['file://{own}']"])
    assert job.model.path == "org/mine"


def test_an_experiment_may_sweep_and_the_command_line_beats_its_sweep() -> None:
    assert [job.intermediate.title for job in compose.jobs(["+experiment=quickstart"])] == [
        "none",
        "slots/english",
        "slots/multilingual",
    ]
    [job] = compose.jobs(["+experiment=quickstart", "intermediate=slots", "intermediate.arm=english"])
    assert job.intermediate.title == "slots/english"
    both = compose.jobs(["+experiment=quickstart", "intermediate=none,slots", "intermediate.arm=english", "seed=1,2"])
    assert [(job.intermediate.title, job.seed) for job in both] == [
        ("none", 1),
        ("none", 2),
        ("slots/english", 1),
        ("slots/english", 2),
    ]


def test_experiments_that_sweep_are_not_swept_over(own: Path) -> None:
    with pytest.raises(ConfigError, match="sweeps by itself"):
        compose.jobs(["+experiment=mine,quickstart"], multirun=True, config_dir=own)


def test_a_sweep_over_training_and_evaluation_axes_is_a_job_for_each_model() -> None:
    jobs = compose.jobs(
        [
            "model=e5_small,xlmr_base",
            "task=xnli",
            "noise=char,keyboard",
            "language=de,sw",
            "noise.level=0,0.1",
        ],
        multirun=True,
    )
    assert [job.model.name for job in jobs] == ["e5_small", "xlmr_base"]
    assert {tuple(job.noise.families) for job in jobs} == {("char", "keyboard")}
    assert {tuple(job.wanted_languages()) for job in jobs} == {("de", "sw")}
    assert {tuple(job.wanted_levels()) for job in jobs} == {(0.0, 0.1)}


@pytest.mark.parametrize("of_file", ["language: en", "languages: [en]", "noise: {level: 0.3}"])
def test_what_is_swept_beats_one_value_of_an_experiment(of_file: str, tmp_path: Path) -> None:
    (tmp_path / "experiment").mkdir()
    (tmp_path / "experiment" / "one.yaml").write_text(f"# @package _global_\n{of_file}\n")
    words = ["+experiment=one", "task=xnli", "language=de,sw", "noise.level=0,0.1", "seed=1,2"]
    jobs = compose.jobs(words, multirun=True, config_dir=tmp_path)
    assert [job.seed for job in jobs] == [1, 2]
    assert {(*job.wanted_languages(), *job.wanted_levels()) for job in jobs} == {("de", "sw", 0.0, 0.1)}


def test_a_list_and_a_sweep_of_the_same_are_refused_and_sweeps_over_lists_are_jobs() -> None:
    with pytest.raises(ConfigError, match="language"):
        compose.jobs(["task=xnli", "languages=[en]", "language=de,sw"], multirun=True)
    jobs = compose.jobs(["task=xnli", "noise=[char],[char,keyboard]", "languages=[de],[sw,th]"], multirun=True)
    assert len(jobs) == 4
    [job] = compose.jobs(["task=xnli", "noise.level=range(0,0.3,0.1)", "noise=glob(key*)"], multirun=True)
    assert job.wanted_levels() == [0.0, 0.1, 0.2] and list(job.noise.families) == ["keyboard"]


def test_keys_that_no_file_writes_can_be_set() -> None:
    [job] = compose.jobs(["model=tiny", "task=xnli", "model.layers=1", "model.parameters.max_position_embeddings=99",
                          "task.size.test=20"])  # fmt: skip
    assert (job.model.layers, job.model.parameters["max_position_embeddings"], job.task.size.test) == (1, 99, 20)


def test_a_family_that_cannot_act_in_some_language_is_a_gap_and_in_none_an_error() -> None:
    [job] = compose.jobs(["task=xnli", "languages=[de,zh]", "noise=[char,keyboard]"])
    assert list(job.noise.families) == ["char", "keyboard"]
    with pytest.raises(ConfigError, match=r"'keyboard' cannot act in zh \(command line: language=zh\)"):
        compose.jobs(["task=xnli", "language=zh", "noise=[char,keyboard]"])
    [job] = compose.jobs(["task=xnli", "language=zh", "noise=keyboard", "noise.level=0"])
    assert job.wanted_levels() == [0.0]


def test_a_family_that_may_change_the_number_of_tokens_is_for_other_tasks_than_tagging() -> None:
    with pytest.raises(ConfigError, match="'space' may change the number of tokens"):
        compose.jobs(["task=udpos", "noise=[char,space]"])
    assert len(compose.jobs(["task=udpos,xnli", "noise=[char,space]"], multirun=True)) == 2


def test_languages_of_training_by_those_of_one_job_are_not_swept() -> None:
    """Every language would have a model of its own under one name."""
    command = [
        "task=xnli",
        "intermediate=nli",
        "intermediate.arm=multilingual",
        "noise.level=0",
        "intermediate.evaluated=unseen",
    ]
    with pytest.raises(ConfigError, match=r"=\[zh\],\[de\]\).*languages=\[zh,de\]") as refused:
        compose.jobs([*command, "languages=[zh],[de]"], multirun=True)
    assert "intermediate.evaluated (command line: intermediate.evaluated=unseen)" in str(refused.value)

    [job] = compose.jobs([*command, "language=zh"])

    def check(*languages: list[str], evaluated: str = "unseen") -> None:
        stage = replace(job.intermediate, evaluated=evaluated)
        jobs = [replace(job, language=None, languages=some, intermediate=stage) for some in languages]
        across.check(jobs, Sources())

    for evaluated in ("seen", "unseen"):
        with pytest.raises(ConfigError, match=rf"{evaluated}.*languages=\[zh,de,ar\]"):
            check(["zh"], ["de", "ar"], evaluated=evaluated)
    check(["zh"], ["de"], evaluated="any")
    check(["ar"], ["de"])  # neither is trained on: one model
    check(["zh", "de"], ["zh", "de"])


@pytest.mark.parametrize(
    ("swept", "words"),
    [
        (
            ["intermediate=slots", "intermediate.arm=english", "intermediate.size.train=24,48"],
            r"intermediate\.size\.train \(24, 48\)",
        ),
        (["train_noise=char", "train_noise.share=0.5,1.0"], r"\+ char@0\.05 in training differ in train_noise\.share"),
        (["model.lora.rank=null,8"], r"model\.lora\.rank \(null, 8\)"),
        (["task.recipe.learning_rate=1e-5,3e-5", "language=en,de"], r"task\.recipe\.learning_rate \(1e-05, 3e-05\)"),
        (["task.size.test=10,20"], r"task\.size\.test \(10, 20\): scores on different test sets under one name"),
        (["task.size.test=10,20", "seed=1"], r"'task\.reported_as=intents-\$\{task\.size\.test\}'"),
    ],
)
def test_models_that_differ_in_a_setting_have_names_of_their_own(swept: list[str], words: str) -> None:
    """The report would find two scores for every place, and use none: it is said before anything is trained."""
    command = ["task=intents", "noise.level=0", *swept]
    with pytest.raises(ConfigError, match=words) as refused:
        compose.jobs(command, multirun=True)
    [way_out] = re.findall(r"'((?:model\.name|task\.reported_as)=\S+)'", str(refused.value))
    jobs = compose.jobs([*command, way_out], multirun=True)
    assert len({(job.model.name, job.reported_task()) for job in jobs}) == 2
    assert ("different models" in str(refused.value)) == ("model.name" in way_out)


def test_both_chains_of_a_sweep_are_set_at_once() -> None:
    command = ["task=xnli", "noise.level=0", "intermediate=chain", "intermediate.arm=english,multilingual"]
    jobs = compose.jobs([*command, "intermediate.stages.nli.size.train=20", "intermediate.use=[nli,qa]"], multirun=True)
    assert [job.intermediate.title for job in jobs] == ["chain/english[nli,qa]", "chain/multilingual[nli,qa]"]
    assert [job.intermediate.stages["nli"].size.train for job in jobs] == [20, 20]


def test_arms_of_several_stages_or_tasks_are_equal_in_all_that_is_set() -> None:
    chains = compose.jobs(
        ["task=xnli", "noise.level=0", "intermediate=chain", "intermediate.arm=english,multilingual"], multirun=True
    )
    across.check(chains, Sources())
    shorter = replace(chains[1].intermediate, stages={"nli": chains[1].intermediate.stages["nli"]})
    with pytest.raises(ConfigError, match=r"intermediate\.stages: \['qa', 'nli'\] and \['nli'\]"):
        across.check([chains[0], replace(chains[1], intermediate=shorter)], Sources())

    [job] = compose.jobs(["task=xnli", "noise.level=0", "intermediate=stilts"])
    whole = replace(job.intermediate, name="mine")
    other = replace(whole, arm="multilingual")

    def check(changed: Any) -> None:
        across.check([replace(job, intermediate=whole), replace(job, intermediate=changed)], Sources())

    check(other)
    with pytest.raises(ConfigError, match=r"intermediate\.sampling\.temperature: 1.* and 5"):
        check(replace(other, sampling=replace(other.sampling, temperature=5.0)))
    with pytest.raises(ConfigError, match=r"intermediate\.recipe\.epochs: 1 and 3"):
        check(replace(other, recipe=replace(other.recipe, epochs=3)))


def test_no_intermediate_task_is_none_in_a_sweep_over_parts_of_others() -> None:
    command = ["task=xnli", "noise.level=0", "intermediate=none,stilts", "intermediate.use=[mnli,squad1]"]
    titles = [job.intermediate.title for job in compose.jobs(command, multirun=True)]
    assert titles == ["none", "stilts/english[mnli,squad1]"]


def test_a_launcher_that_is_not_installed_is_named_with_its_package() -> None:
    missing = MissingConfigException("no", missing_cfg_file="hydra/launcher/joblib", options=["basic"])
    told = explain(missing, Sources(("hydra/launcher=joblib",)))
    assert "xtreme-noise[launchers]" in str(told) and "command line: hydra/launcher=joblib" in str(told)


def test_a_setting_of_what_a_model_is_not_trained_with_is_no_other_model() -> None:
    command = ["task=intents", "noise.level=0", "train_noise=none,char", "model.tokens_per_second.train=1,2"]
    assert len(compose.jobs(command, multirun=True)) == 4


@pytest.mark.parametrize(
    ("key", "expected"),
    [
        ("seed", int),
        ("task.data.files.train[0].languages", list[str]),
        ("noise.families.char.anything", Any),
        ("trainer.sed", None),
        ("nothing", None),
    ],
)
def test_the_declared_type_of_a_key(key: str, expected: object) -> None:
    assert keys.schema_at(split_key(key)) == expected
    assert "model.layers" in keys.all_keys()
    assert all(keys.schema_at(split_key(known)) is not None for known in keys.all_keys())
    assert set(vars(Config())) <= set(keys.all_keys())


@pytest.mark.usefixtures("workdir")
def test_the_data_folder_of_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """For files, where no root is given; the hub stays the hub."""
    monkeypatch.delenv("XTREME_NOISE_DATA", raising=False)
    assert compose.jobs(["task=xnli"])[0].source.root is None
    monkeypatch.setenv("XTREME_NOISE_DATA", "/data")
    for overrides, root in (([], "/data"), (["source=files"], "/data"), (["source=hub"], None)):
        [job] = compose.jobs(["task=xnli", *overrides])
        assert job.source.root == root
    [job] = compose.jobs(["task=xnli", "source.root=/other"])
    assert job.source.root == "/other"


def test_a_variable_that_is_empty_is_not_set_and_a_tilde_is_the_home(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/home/me")
    for value, root, store in (
        ("", None, "multirun_outputs/store"),
        (" ", None, "multirun_outputs/store"),
        ("~/x", "/home/me/x", "/home/me/x"),
    ):
        monkeypatch.setenv("XTREME_NOISE_DATA", value)
        monkeypatch.setenv("XTREME_NOISE_STORE", value)
        [job] = compose.jobs(["task=xnli"])
        assert (job.source.root, job.store) == (root, store)


def test_a_tilde_is_the_home_in_every_path(monkeypatch: pytest.MonkeyPatch) -> None:
    """Quoted or not: no shell expands it behind an equals sign."""
    monkeypatch.setenv("HOME", "/home/me")
    for word in ("source.root=~/x", "source.root='~/x'", 'source.root="~/x"'):
        [job] = compose.jobs(["task=xnli", word])
        assert job.source.root == "/home/me/x"
    study = compose.study(["task=xnli", "source.root=[~/a,~/b c]", "store=~/s", "sweep=~/w/x=1"])
    [job] = study.jobs
    assert (job.source.root, job.store) == (["/home/me/a", "/home/me/b c"], "/home/me/s")
    assert job.sweep == str(study.sweep) == "/home/me/w/x=1"
    [job] = compose.jobs(["task=xnli", "model=xlmr_base", "model.path=~/m/${model.name}"])
    assert job.model.path == "/home/me/m/xlmr_base"
    swept = compose.jobs(["task=xnli", "source.root=~/a,~/b", "task.reported_as=xnli-${source.root}"], multirun=True)
    assert [job.source.root for job in swept] == ["/home/me/a", "/home/me/b"]


def test_paths_of_every_mode_are_meant(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / "a.tsv").write_text("a\tb\n", encoding="utf-8")
    mining = ["mode=mine_typos", "mine.language=de", "mine.paths=[~/a.tsv,~/a.tsv]", "mine.output=~/out.tsv"]
    assert compose.jobs(mining)[0].mine.paths == [str(tmp_path / "a.tsv")] * 2
    assert compose.jobs(mining)[0].mine.output == str(tmp_path / "out.tsv")
    assert compose.jobs(["mode=score", "score.folder=~"])[0].score.folder == str(tmp_path)
    assert compose.jobs(["mode=fetch", "fetch.folder=~/f"])[0].fetch.folder == str(tmp_path / "f")
    [job] = compose.jobs(["task=xnli", "intermediate=ccg", "intermediate.labels_file=~/tags"])
    assert job.intermediate.labels_file == str(tmp_path / "tags")


def test_jobs_of_earlier_commands_are_read_as_they_were(tmp_path: Path) -> None:
    """Those that have something to be compared with; not those that run now, nor what nobody can read."""
    words = [
        "task=xnli",
        "intermediate=nli",
        "intermediate.arm=multilingual",
        "intermediate.weights={zh: 2}",
        "train_noise=char",
        "seed=3",
    ]
    [job] = compose.jobs([*words, "task.recipe.learning_rate=1e-5", "noise=[char,keyboard]"])
    for name, status in (("a", "ok"), ("b", "missing"), ("c", "ok"), ("d", "ok"), ("e", "ok")):
        folder = tmp_path / "jobs" / name
        folder.mkdir(parents=True)
        OmegaConf.save(OmegaConf.structured(job), folder / "config.yaml")
        (folder / "job.json").write_text(json.dumps({"cells": [{"status": status}]}), encoding="utf-8")
    (tmp_path / "jobs/d/config.yaml").write_text("of: another version\n", encoding="utf-8")
    (tmp_path / "jobs/e/job.json").write_text("{", encoding="utf-8")
    assert earlier.jobs(tmp_path, [tmp_path / "jobs/c"]) == [job]


def test_another_gate_is_no_other_model() -> None:
    """Also beside jobs of earlier versions, whose settings have none."""
    command = ["task=xnli", "noise.level=0", "intermediate=chain", "intermediate.arm=english"]
    jobs = compose.jobs([*command, "languages=[de]"])
    jobs += compose.jobs([*command, "languages=[zh]", "intermediate.stages.nli.gate.at_least=null"])
    across.check(jobs, Sources())
