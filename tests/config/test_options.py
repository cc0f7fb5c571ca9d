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
NEEDED = {
    "attested": ["task=attested/xnli"],
    "codeswitch": [f"noise.families.codeswitch.path={TABLES}/codeswitch.path.tsv"],
    "robust_contrastive/english": ["train_noise=char", "train_noise.stages=[intermediate]"],
    "robust_contrastive/multilingual": ["train_noise=char", "train_noise.stages=[intermediate]"],
    "natural": [f"noise.families.natural.path={TABLES}/natural.path.tsv"],
}


def test_the_groups_are_those_of_the_checkout() -> None:
    assert paths.conf_dir() == CONF
    assert set(GROUPS) == {"model", "intermediate", "task", "noise", "train_noise", "source", "trainer", "tracker"}


@pytest.mark.parametrize(
    ("group", "option"), [(group, option) for group in GROUPS for option in SOURCES.options(group)]
)
@pytest.mark.usefixtures("workdir")
def test_option(group: str, option: str) -> None:
    value = f"[{option}]" if group == "noise" else option
    [job] = compose.jobs([f"{group}={value}", *NEEDED.get(option, ())])
    if group == "model":
        assert job.model.name == option
    if group == "task":  # small/xnli is xnli, smaller; attested/noiseqa_asr is xquad with other questions
        assert job.task.name in option or option.endswith(job.reported_task())
    if group == "noise":
        assert option in job.noise.families
    if group == "train_noise":
        assert list(job.train_noise.families) == ([] if option == "none" else [option])
    if group == "intermediate":  # small/nli/english is nli/english, smaller
        assert option.endswith(job.intermediate.name)
    if group in ("source", "tracker"):
        assert getattr(job, group).kind == option
    if group in ("task", "intermediate"):
        parts: list[Any] = [job.task, job.task.first] if group == "task" else job.intermediate.trained_on()
        for kind, data in ((kind, data) for part in parts if part for kind, data in part.data.items()):
            for split in [] if kind == "embedded" else [*data.train, *data.dev]:
                assert split.languages or names_language(split), f"{kind}: English rows for any language: {split.path}"


@pytest.mark.parametrize("name", sorted(path.stem for path in (CONF / "experiment").glob("*.yaml")))
def test_experiment(name: str, workdir: Path) -> None:
    root = [] if name == "quickstart" else ["source.root=data"]  # its data come with a package
    study = compose.study([f"+experiment={name}", *root, "seed=42"])  # one seed: composing takes time
    assert study.jobs
    assert len(set(study.folders)) == len(study.jobs)
    assert study.sweep.is_relative_to(workdir / "multirun_outputs")
