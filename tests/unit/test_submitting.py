"""Submitting to a Slurm whose programs are stand-ins: what is submitted, after what, and what is not.

tests/cluster/test_slurm.py does the same on a real one.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from xtreme_noise import cli, launch, submitted, submitting
from xtreme_noise.config import compose, planned
from xtreme_noise.errors import NotFinite, UserError
from xtreme_noise.stages import speed
from xtreme_noise.submitted import Submitted
from xtreme_noise.submitting import Submission, TrainStage

STUDY = ["task=intents", "source=embedded", "model=tiny", "noise.levels=[0]", "languages=[en]", "sweep=s"]
SLURM = "hydra/launcher=submitit_slurm"
SHARED = ["-m", *STUDY, SLURM, "intermediate=slots", "intermediate.arm=english", "train_noise=none,char", "seed=1,2"]


class Cluster:
    """Stand-ins for the programs of Slurm: submitted scripts are kept, and a file says what is in the queue."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir()
        self.programs({
            "srun": "exit 0",
            "sbatch": f"n=$(ls {folder}/*.sh 2>/dev/null | wc -l); n=$((n + 7)); cp $1 {folder}/$n.sh\n"
            "echo Submitted batch job $n",
            "squeue": f"cat {folder}/queue",
            "scancel": f"echo $@ > {folder}/cancelled",
        })  # fmt: skip
        self.queue()

    def programs(self, texts: dict[str, str]) -> None:
        for name, text in texts.items():
            (self.folder / name).write_text(f"#!/bin/sh\n{text}\n")
            (self.folder / name).chmod(0o755)

    def queue(self, *lines: str) -> None:
        (self.folder / "queue").write_text("".join(f"{line}\n" for line in lines))

    def scripts(self) -> list[dict[str, str]]:
        """The options of each script."""
        paths = sorted(self.folder.glob("*.sh"), key=lambda path: int(path.stem))
        return [dict(re.findall(r"#SBATCH --([a-z-]+)=(\S+)", path.read_text())) for path in paths]


@pytest.fixture
def cluster(tmp_path: Path, workdir: Path, monkeypatch: pytest.MonkeyPatch) -> Cluster:
    assert workdir.exists()
    found = Cluster(tmp_path / "slurm")
    monkeypatch.setenv("PATH", f"{found.folder}{os.pathsep}{os.environ['PATH']}")
    return found


def units(sweep: str = "s") -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(Path(sweep, submitted.FILE).read_text())
    return found


@pytest.mark.usefixtures("kept_logging")
def test_shared_stages_are_jobs_of_their_own(cluster: Cluster, capsys: pytest.CaptureFixture[str]) -> None:
    extra = "hydra.launcher.additional_parameters={mail-type: END}"
    assert cli.main(["mode=submit", *SHARED, extra, "hydra.launcher.partition=gpu"]) == 0
    one, other, first, second = cluster.scripts()
    assert [one["job-name"], other["job-name"]] == ["slots/english-tiny-s1", "slots/english-tiny-s2"]
    assert [first["job-name"], second["job-name"]] == ["intents-tiny-slots-english"] * 2
    assert [first["dependency"], second["dependency"]] == ["afterok:7", "afterok:8"]
    assert [first["array"], second["array"]] == ["0-1%2", "0-1%2"]
    assert "dependency" not in one and "array" not in one
    for script in (one, other, first, second):
        assert script["partition"] == "gpu" and script["mail-type"] == "END"
        assert ("kill-on-invalid-dep" in script) == ("dependency" in script)

    said = capsys.readouterr()
    assert "submitted 7: slots/english-tiny-s1\n" in said.err
    assert "submitted 9_1: intents-tiny-slots-english-s1 (after 7)\n" in said.err
    assert "\n4 jobs submitted, 0 in the queue, 0 finished\nmode=status sweep=" in said.out
    assert [(unit["id"], unit["after"]) for unit in units()] == [
        ("7", None), ("8", None), ("9_0", "7"), ("9_1", "7"), ("10_0", "8"), ("10_1", "8"),
    ]  # fmt: skip
    assert len(list(Path("s").glob("jobs/*/unfinished"))) == 4
    assert "mode: run" in next(Path("s").glob("jobs/*/config.yaml")).read_text()


@pytest.mark.usefixtures("kept_logging")
def test_a_job_that_shares_no_stage_waits_for_nothing(cluster: Cluster) -> None:
    arms = ["intermediate=slots,none", "intermediate.arm=english", "train_noise=none,char"]
    assert cli.main(["mode=submit", "-m", *STUDY, SLURM, *arms]) == 0
    stage, waits, free = cluster.scripts()
    assert [one["job-name"] for one in (stage, waits, free)] == [
        "slots/english-tiny-s42", "intents-tiny-slots-english", "intents-tiny-none",
    ]  # fmt: skip
    assert ["dependency" in one or "kill-on-invalid-dep" in one for one in (stage, waits, free)] == [False, True, False]


@pytest.mark.usefixtures("kept_logging")
def test_the_same_command_submits_what_is_neither_queued_nor_finished(
    cluster: Cluster, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(["mode=submit", *SHARED]) == 0
    finished, failed, lost, running = (Path("s", unit["unit"]) for unit in units()[2:])
    cluster.queue("8|RUNNING|None", "10_1|PENDING|Dependency", "99|RUNNING|None")
    for folder in (finished, failed):
        (folder / planned.UNFINISHED).unlink()
        (folder / planned.JOB).write_text("{}")
    (failed / planned.FAILURE).write_text("a defect\n")
    capsys.readouterr()
    assert cli.main(["mode=status", "sweep=s"]) == 1
    out = capsys.readouterr().out
    for folder, state in ((finished, "finished"), (failed, "failed: a defect"), (running, "pending (Dependency)")):
        assert re.search(rf"\({folder.parent.name}/{folder.name}\) +\d+_\d +{re.escape(state)}", out), out
    assert re.search(rf"{lost.name}\) +10_0 +lost: neither in the queue nor finished; its log is in", out)
    assert "stage slots/english-tiny-s2" in out and not re.search(r" 99 ", out)
    assert sorted(out.splitlines()[-1].split(", ")) == ["1 failed", "1 finished", "1 lost", "1 pending"]

    assert cli.main(["mode=submit", *SHARED]) == 0
    said = capsys.readouterr()
    assert "\n2 jobs submitted, 1 in the queue, 1 finished\n" in said.out
    assert "submitted 12: intents-tiny-slots-english-s1\n" in said.err, "it alone needs its stage"
    assert "submitted 11: intents-tiny-slots-english-s2 (after 8)\n" in said.err, "the stage is in the queue"
    assert not (failed / planned.FAILURE).exists()

    still = ["8|RUNNING|None", "10_1|PENDING|Dependency"]
    cluster.queue(*still, "9_0|COMPLETING|None", "11|RUNNING|None", "12|RUNNING|None")
    assert cli.main(["mode=submit", *SHARED]) == 0
    assert "0 jobs submitted, 4 in the queue, 0 finished\n" in capsys.readouterr().out, "each job counts once"
    cluster.queue(*still)
    assert cli.main(["mode=cancel", "sweep=s"]) == 0
    assert (cluster.folder / "cancelled").read_text().split() == ["8", "10_1"]
    assert "cancelled 10_1: intents-tiny-slots-english-s2 (pending (Dependency))" in capsys.readouterr().out
    cluster.queue()
    assert cli.main(["mode=cancel", "sweep=s"]) == 0
    assert "no job of this study waits or runs" in capsys.readouterr().out


def test_slurm_that_is_not_there_or_fails(cluster: Cluster, workdir: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (workdir / "s" / "jobs" / "a" / "b").mkdir(parents=True)
    assert cli.main(["mode=status", "sweep=s"]) == 0, "nothing was submitted: Slurm is not asked"
    submitted.add(workdir / "s", [Submitted("7", "jobs/a", "a job")])
    cluster.programs({"squeue": "echo cannot reach the controller >&2; exit 1"})
    assert cli.main(["mode=status", "sweep=s"]) == 1
    assert "squeue failed: cannot reach the controller" in capsys.readouterr().err
    (cluster.folder / "squeue").unlink()
    assert cli.main(["mode=cancel", "sweep=s"]) == 1
    assert "squeue was not found: run this where the commands of Slurm are" in capsys.readouterr().err
    (workdir / "s" / submitted.FILE).write_text("[{")
    with pytest.raises(UserError, match=r"is damaged .* squeue --me, then delete the file"):
        submitted.read(workdir / "s")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["mode=submit", "-m", *STUDY], "mode=submit is for a Slurm cluster: add hydra/launcher=submitit_slurm"),
        ([*STUDY, SLURM], "xtreme-noise -m task=intents source=embedded"),
        (["mode=submit", *STUDY, SLURM], "for sweeps: without -m, the job would run in this process"),
        (["-m", *STUDY, SLURM, "hydra.launcher.tasks_per_node=2"], "would run every job 2 times"),
        (["-m", *STUDY, SLURM, "hydra.launcher.nodes=3", "trainer.devices=2"], "would run every job 3 times"),
    ],
)
def test_what_a_launcher_would_not_do_is_refused(
    words: list[str], said: str, cluster: Cluster, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(words) == 2
    assert said in capsys.readouterr().err
    assert not cluster.scripts() and not list(Path("s").glob("jobs/*"))


class Job:
    """A job of a cluster that ends, or has ended without a result."""

    def __init__(self, error: Exception | None = None) -> None:
        self.job_id, self.error = "12_1", error

    def results(self) -> list[str]:
        if self.error is not None:
            raise self.error
        return ["done"]

    def get_info(self, mode: str) -> dict[str, str]:
        assert mode == "force"
        return {"State": "CANCELLED by 0"}


def test_a_lost_job_does_not_end_the_wait_for_the_others() -> None:
    from submitit.core.utils import FailedJobError, UncompletedJobError

    study = compose.study([*STUDY, "seed=1,2,3"], multirun=True)
    submission = Submission(study)
    for number, error in enumerate((None, UncompletedJobError("no result"), FailedJobError("trace"))):
        assert len(submitting._Waited(submission, number, Job(error)).results()) == 1
    assert submission.lost == {1: "12_1: CANCELLED by 0", 2: "12_1: CANCELLED by 0"}
    with pytest.raises(ZeroDivisionError):
        submitting._Waited(submission, 0, Job(ZeroDivisionError())).results()


def test_what_a_cluster_says_of_lost_jobs_is_said(workdir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    study = compose.study(["-m", *STUDY, SLURM, "seed=1,2,3"][1:], multirun=True)
    planned.write(study.jobs, study.folders)

    def run_hydra(_: Any) -> int:
        from submitit.core.core import Executor

        executor = SimpleNamespace(_executor=None)
        monkeypatch.setattr(Submission, "_submit", lambda *_: dict.fromkeys(range(3), None))
        Executor.map_array(executor, None, [[]] * 3, ["hydra.sweep.dir"] * 3, range(3))  # type: ignore[arg-type]
        (study.folders[0] / planned.UNFINISHED).unlink()
        (study.folders[2] / planned.FAILURE).write_text("the cluster stopped it: too often\n")
        return 0

    monkeypatch.setattr(launch, "run_hydra", run_hydra)
    real = Submission.array

    def array(self: Submission, *arguments: Any) -> list[Any]:
        self.lost[1] = "12_1: CANCELLED by 0"
        return real(self, *arguments)

    monkeypatch.setattr(Submission, "array", array)
    code, lost = launch.run(study)
    assert code == 0 and lost.folders == study.folders[1:]
    assert lost.why == "12_1: CANCELLED by 0; the launcher ended first"
    assert (study.folders[1] / planned.FAILURE).read_text().endswith("did not finish: 12_1: CANCELLED by 0\n")
    assert (study.folders[2] / planned.FAILURE).read_text() == "the cluster stopped it: too often\n"
    assert workdir.exists()


def test_an_interrupted_command_says_which_jobs_go_on(workdir: Path, capsys: pytest.CaptureFixture[str]) -> None:
    submission = Submission(compose.study([*STUDY], multirun=True))
    with pytest.raises(KeyboardInterrupt), submitting.submitting(submission):
        raise KeyboardInterrupt
    assert capsys.readouterr().err == ""
    submission.ids |= {"stages/a": "7", "jobs/b": "8_0", "jobs/c": "8_1"}
    with pytest.raises(KeyboardInterrupt), submitting.submitting(submission):
        raise KeyboardInterrupt
    err = capsys.readouterr().err
    assert err.startswith("xtreme-noise: jobs of the cluster go on (7 8): the same command waits for them again")
    assert f"mode=cancel sweep={workdir / 's'} ends them" in err


@pytest.mark.parametrize(
    ("error", "said"), [(NotFinite("nan in the loss"), "nan in the loss"), (KeyError("x"), "KeyError: 'x'")]
)
def test_a_shared_stage_that_fails_is_said_in_the_folders_of_its_jobs(
    error: Exception, said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    [cfg] = compose.jobs(STUDY)

    def fails(_: TrainStage) -> None:
        raise error

    monkeypatch.setattr(TrainStage, "_train", fails)
    folders = [tmp_path / "a", tmp_path / "b"]
    with pytest.raises(type(error)):
        TrainStage(cfg, folders, "digest")()
    assert {(folder / planned.FAILURE).read_text() for folder in folders} == {f"a stage that it needs failed: {said}\n"}


def test_a_shared_stage_is_trained_up_to_itself(root: Path, tmp_path: Path) -> None:
    from tests.e2e.world import job
    from xtreme_noise.stages.plan import Plan
    from xtreme_noise.store import Store, digest

    cfg = job(root, "task=xnli", "intermediate=nli", "intermediate.arm=english", "intermediate.size.train=24")
    before, target = Plan(cfg).stages
    (tmp_path / "folder").mkdir()
    assert TrainStage(cfg, [tmp_path / "folder"], digest(before.key()))() == "done"
    store = Store(cfg.store)
    assert store.there("stages", before.key()) and not store.there("stages", target.key())
    assert list(tmp_path.glob("folder/csv/*/metrics.csv")), "its curves"


def test_a_plan_shows_the_jobs_of_the_cluster(
    store_path: Path, workdir: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    store_path.mkdir(exist_ok=True)
    (store_path / speed.MEMORY).write_text('{"tiny": 1.52}')
    assert cli.main(["mode=plan", *SHARED]) == 0
    out = capsys.readouterr().out
    rows = [line.split() for line in out[out.index("jobs of the cluster") :].splitlines()]
    for seed in (1, 2):
        assert ["stage", f"slots/english-tiny-s{seed}", "1", "1.5", "GB"] in rows
    assert [row[-4:] for row in rows if row and row[0].startswith("intents-")] == [
        [f"slots/english-tiny-s{seed}", "1", "1.5", "GB"] for seed in (1, 2, 1, 2)
    ]
    assert cli.main(["mode=plan", *(word for word in SHARED if word != SLURM)]) == 0
    assert "jobs of the cluster" not in capsys.readouterr().out
    assert not list(workdir.glob("s/jobs/*"))


@pytest.mark.usefixtures("kept_logging")
def test_a_job_that_the_cluster_refuses(cluster: Cluster, capsys: pytest.CaptureFixture[str]) -> None:
    cluster.programs({"sbatch": "echo 'invalid partition specified: gpo' >&2; exit 1"})
    assert cli.main(["mode=submit", "-m", *STUDY, SLURM, "seed=1,2"]) == 1
    said = capsys.readouterr().err
    assert "the cluster refused a job" in said and "invalid partition specified: gpo" in said


def test_lines_of_the_queue_that_are_no_jobs(cluster: Cluster) -> None:
    submitted.add(Path("s"), [Submitted("7", "jobs/a", "a")])
    cluster.queue("CLUSTER: one", "7|RUNNING|None", "")
    assert {unit: state for unit, (_, state) in submitted.queued(Path("s")).items()} == {"jobs/a": "running"}


@pytest.mark.usefixtures("kept_logging")
def test_two_commands_at_once_submit_a_study_once(cluster: Cluster) -> None:
    """The second waits for the first, and then finds its jobs in the queue."""
    sbatch = (cluster.folder / "sbatch").read_text().partition("\n")[2]
    cluster.programs({"sbatch": f'sleep .5; {sbatch.strip()}; echo "$n|PENDING|None" >> {cluster.folder}/queue'})
    command = [sys.executable, "-m", "xtreme_noise", "mode=submit", "-m", *STUDY, SLURM, "seed=1"]
    both = [subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) for _ in range(2)]
    assert [one.wait() for one in both] == [0, 0]
    assert len(cluster.scripts()) == len(units()) == 1
