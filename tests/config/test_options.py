"""Every option of every group and every experiment composes and passes the strict check."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from xtreme_noise.config import compose, paths
from xtreme_noise.config.splits import names_language
from xtreme_noise.config.where import Sources

CONF = Path(__file__).resolve().parents[2] / "conf"
SOURCES = Sources(folders=(CONF,))
GROUPS = [group for group in SOURCES.groups() if group != "experiment"]

TABLES = Path(__file__).resolve().parents[1] / "golden" / "tables"
# What only a user can give, or a task that the noise belongs to.
ONE_ARM = {"none", "tlm", "stilts", "stilts_with_stand_ins", "anli_plus", "ccg", "commonsenseqa", "cosmosqa",
    "hellaswag", "mnli", "pan_for_qqp", "qqp", "squad1", "squad2", "streusle_for_ccg"}  # fmt: skip
NEEDED = {
    "attested": ["task=attested/xnli"],
    "codeswitch": [f"noise.families.codeswitch.path={TABLES}/codeswitch.path.tsv"],
    "own": ["model.path=org/own"],
    "robust_contrastive": ["train_noise=char", "train_noise.stages=[intermediate]"],
    "disjoint": ["task=xnli"],
    "two_cores": ["task=xnli"],
    "natural": [f"noise.families.natural.path={TABLES}/natural.path.tsv"],
}


def test_the_groups_are_those_of_the_checkout() -> None:
    assert paths.conf_dir() == CONF
    assert set(GROUPS) == {
        "model",
        "intermediate",
        "task",
        "noise",
        "train_noise",
        "preset",
        "source",
        "trainer",
        "tracker",
    }


@pytest.mark.parametrize(
    ("group", "option"), [(group, option) for group in GROUPS for option in SOURCES.options(group)]
)
@pytest.mark.usefixtures("workdir")
def test_option(group: str, option: str) -> None:
    value = f"[{option}]" if group == "noise" else option
    arm = ["intermediate.arm=english"] if group == "intermediate" and option not in ONE_ARM else []
    [job] = compose.jobs([f"{group}={value}", *arm, *NEEDED.get(option, ())])
    if group == "model":
        assert job.model.name == option
    if group == "task":  # attested/noiseqa_asr is xquad with other questions
        assert job.task.name in option or option.endswith(job.reported_task())
    if group == "noise":
        assert option in job.noise.families
    if group == "train_noise":
        assert list(job.train_noise.families) == ([] if option == "none" else [option])
    if group == "intermediate":
        assert option == job.intermediate.name
        for name in job.intermediate.arms:
            again = compose.jobs([f"{group}={option}", f"intermediate.arm={name}", *NEEDED.get(option, ())])
            assert [one.intermediate.title for one in again] == [f"{option}/{name}"]
    if group in ("source", "tracker"):
        assert getattr(job, group).kind == option
    if group in ("task", "intermediate"):
        parts: list[Any] = [job.task, job.task.first] if group == "task" else job.intermediate.trained_on()
        for kind, data in ((kind, data) for part in parts if part for kind, data in part.data.items()):
            for split in [] if kind == "embedded" else [*data.train, *data.dev]:
                assert split.languages or names_language(split), f"{kind}: English rows for any language: {split.path}"


PARTS = [path.relative_to(CONF / "preset").with_suffix("") for path in sorted((CONF / "preset").rglob("*/*/**/*.yaml"))]


@pytest.mark.parametrize("part", PARTS, ids=str)
@pytest.mark.usefixtures("workdir")
def test_preset(part: Path) -> None:
    """Every file of a preset changes an option that there is, and the command line beats it."""
    preset, group, *names = part.parts
    option = "/".join(names)
    assert option in SOURCES.options(group)
    words = ["task=xnli", f"{group}={option}", *(["intermediate.arm=english"] if group == "intermediate" else [])]
    [full] = compose.jobs(words)
    [small] = compose.jobs([*words, f"preset={preset}"])
    assert getattr(small, group) != getattr(full, group)
    size = "test" if group == "task" else "train"
    within = ("tasks", "stages") if group == "intermediate" else ()
    inner = [f".{kind}.{name}" for kind in within for name in getattr(getattr(full, group), kind)]
    place = "".join(inner[:1])
    [own] = compose.jobs([*words, f"preset={preset}", f"{group}{place}.size.{size}=7"])
    [changed] = own.intermediate.trained_on()[:1] if group == "intermediate" else [own.task]
    assert getattr(changed.size, size) == 7


@pytest.mark.parametrize("name", sorted(path.stem for path in (CONF / "experiment").glob("*.yaml")))
def test_experiment(name: str, workdir: Path) -> None:
    embedded = name in (
        "quickstart",
        "smoke",
        "effective_robustness",
        "intermediate_size",
        "depth",
    )  # data of a package
    root = [] if embedded else ["source.root=data"]
    study = compose.study([f"+experiment={name}", *root, "seed=42"])  # one seed: composing takes time
    assert study.jobs
    assert len(set(study.folders)) == len(study.jobs)
    assert study.sweep.is_relative_to(workdir / "multirun_outputs")
