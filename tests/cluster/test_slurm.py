"""Studies on a real Slurm of one node (tests/cluster/slurm.py), disturbed: the results are as if they were not."""

from __future__ import annotations

import hashlib
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from tests.cluster import slurm as cluster
from tests.machine import REPOSITORY

pytestmark = pytest.mark.slow
# Fits of 60 steps with a checkpoint after each, and four cells a job.
QUICK = [
    "task=intents", "source=embedded", "model=tiny", "languages=[en,de]", "noise.levels=[0,0.1]", "task.size.train=120",
    "task.size.dev=16", "task.size.test=20", "task.recipe.batch_size=4", "task.recipe.epochs=2",
    "task.recipe.learning_rate=1e-3", "trainer.checkpoint_minutes=0", "trainer.progress=false",
]  # fmt: skip
SLURM = ["hydra/launcher=submitit_slurm", "hydra.launcher.timeout_min=30"]
Outcome = tuple[dict[str, str], list[tuple[str, ...]], dict[str, str]]


@pytest.fixture(scope="module")
def slurm() -> Iterator[cluster.Slurm]:
    if (why := cluster.lacks()) is not None:
        pytest.skip(why)
    with tempfile.TemporaryDirectory(prefix="slurm-") as folder:  # short: sockets have short names
        Path(folder).chmod(0o755)
        with cluster.running(Path(folder)) as found:
            yield found


class Study:
    """Commands in a folder with a store of its own, on this Slurm."""

    def __init__(self, folder: Path, slurm: cluster.Slurm) -> None:
        self.folder, self.slurm = folder, slurm
        self.sweep, self.store = folder / "s", folder / "store"
        self.started: list[subprocess.Popen[str]] = []

    def start(self, *words: str) -> subprocess.Popen[str]:
        environment = os.environ | self.slurm.environment
        environment |= {"PYTHONPATH": str(REPOSITORY), "XTREME_NOISE_STORE": str(self.store)}
        process = subprocess.Popen(
            [sys.executable, "-m", "xtreme_noise", *words, f"sweep={self.sweep}"],
            cwd=self.folder, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        )  # fmt: skip
        self.started.append(process)
        return process

    def run(self, *words: str, code: int = 0) -> tuple[str, str]:
        return ended(self.start(*words), code)

    def job(self, states: Sequence[str] = ("RUNNING",)) -> str:
        """The id of a job of the study that is in one of these states."""
        found: list[str] = []

        def there() -> bool:
            listed = self.slurm.run("squeue", "-h", "-r", "-o", "%i %T").splitlines()
            found[:] = [line.split()[0] for line in listed if line.split()[1] in states]
            return bool(found)

        cluster.wait(there, lambda: f"no job is {' or '.join(states)}", 120)
        return found[0]

    def in_a_fit(self) -> None:
        """Wait until a fit has written a checkpoint."""
        cluster.wait(lambda: any(self.store.glob("unfinished/stages/*/last.safetensors")), lambda: "no fit", 240)

    def outcome(self) -> Outcome:
        """The weights of all stages, all cells with their scores, and the predictions."""
        stages = {path.parent.name: _digest(path) for path in self.store.glob("stages/*/model.safetensors")}
        names = ["task", "language", "noise", "level", "seed", "status", "cell", "stage", "score", "signature"]
        rows = pq.read_table(self.sweep / "cells.parquet", columns=names).to_pylist()
        cells = sorted(tuple(str(row[name]) for name in names) for row in rows)
        return stages, cells, {path.name: _digest(path) for path in (self.sweep / "predictions").glob("*.parquet")}


def _digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def ended(process: subprocess.Popen[str], code: int) -> tuple[str, str]:
    try:
        out, err = process.communicate(timeout=600)
    except subprocess.TimeoutExpired:
        process.kill()
        raise
    assert process.returncode == code, out + err
    return out, err


@pytest.fixture
def study(tmp_path: Path, slurm: cluster.Slurm) -> Iterator[Study]:
    found = Study(tmp_path, slurm)
    yield found
    for process in found.started:
        process.kill()
    slurm.run("scancel", "--user=root")
    cluster.wait(lambda: not slurm.run("squeue", "-h"), lambda: "jobs do not end", 120)


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory, slurm: cluster.Slurm) -> Outcome:
    """Two seeds, one after the other in one process."""
    found = Study(tmp_path_factory.mktemp("undisturbed"), slurm)
    found.run("-m", *QUICK, "seed=1,2")
    return found.outcome()


def test_usr1_and_usr2_in_a_fit(study: Study, undisturbed: Outcome) -> None:
    """USR1 ends a job and saves nothing of Lightning's; at USR2, submitit requeues it, and its command still waits."""
    words = ["-m", *QUICK, *SLURM, "seed=1,2", "hydra.launcher.max_num_timeout=3"]
    process = study.start(*words)
    study.in_a_fit()
    killed = study.job()
    study.slurm.run("scancel", "--signal=USR1", killed)
    _, err = ended(process, 1)
    assert "1 of 2 jobs did not finish" in err and killed in err
    assert not list(study.folder.rglob("hpc_ckpt*"))

    process = study.start(*words)
    study.in_a_fit()
    study.slurm.run("scancel", "--signal=USR2", study.job())
    study.job(("PENDING", "REQUEUED"))
    _, err = ended(process, 0)
    assert err.count("submitted ") == 2
    assert study.outcome() == undisturbed
    assert any("resumed in epoch" in path.read_text() for path in study.sweep.glob("jobs/*/xtreme_noise.log"))


def test_a_job_that_may_not_be_requeued_again_is_not_a_failed_cell(study: Study, undisturbed: Outcome) -> None:
    # submitit takes every warning of a job of ten minutes or less for its time limit.
    words = ["-m", *QUICK, *SLURM, "seed=1,2", "hydra.launcher.max_num_timeout=0", "hydra.launcher.timeout_min=10"]
    process = study.start(*words)
    study.in_a_fit()
    study.slurm.run("scancel", "--signal=USR2", study.job())
    _, err = ended(process, 1)
    assert "1 of 2 jobs did not finish" in err
    [failure] = study.sweep.glob("jobs/*/failure.txt")
    assert "the cluster stopped it: Job not requeued because: timed-out too many times" in failure.read_text()
    statuses = {row["status"] for row in pq.read_table(study.sweep / "cells.parquet").to_pylist()}
    assert statuses == {"ok"}
    study.run(*words)
    assert study.outcome() == undisturbed


def test_one_of_three_is_cancelled(study: Study) -> None:
    words = ["-m", *QUICK, *SLURM, "seed=1,2,3"]
    process = study.start(*words)
    study.in_a_fit()
    cancelled = study.job()
    study.slurm.run("scancel", cancelled)
    out, err = ended(process, 1)
    assert "1 of 3 jobs did not finish" in err and f"{cancelled}: CANCELLED" in err
    assert "8 ok" in out, "the table of the others"
    out, _ = study.run("mode=status", code=1)
    assert "2 finished, 1 failed" in out or "1 failed, 2 finished" in out
    study.run(*words)
    assert "3 finished" in study.run("mode=status")[0]


def test_the_command_is_interrupted_and_killed(study: Study, undisturbed: Outcome) -> None:
    """Its jobs go on: the same command waits for them again, and mode=cancel ends them."""
    words = ["-m", *QUICK, *SLURM, "seed=1,2"]
    process = study.start(*words)
    study.in_a_fit()
    process.send_signal(signal.SIGINT)
    _, err = ended(process, 130)
    array = study.job().split("_")[0]
    assert f"jobs of the cluster go on ({array})" in err and "mode=cancel" in err
    assert "2 running" in study.run("mode=status")[0]

    out, _ = study.run("mode=cancel")
    assert out.count("cancelled ") == 2
    cluster.wait(lambda: not study.slurm.run("squeue", "-h"), lambda: "jobs do not end")
    assert "no job of this study waits or runs" in study.run("mode=cancel")[0]
    assert "2 lost" in study.run("mode=status", code=1)[0]

    process = study.start(*words)
    study.in_a_fit()
    study.job()
    process.kill()
    process.communicate()
    _, err = study.run(*words)
    assert "submitted " not in err, "its jobs are in the queue"
    assert study.outcome() == undisturbed


def test_submit_and_leave(study: Study) -> None:
    """A stage that two jobs share comes first; what is queued or finished is not submitted again."""
    words = ["-m", *QUICK, *SLURM, "intermediate=slots", "intermediate.arm=english", "train_noise=none,char"]
    words += ["intermediate.size.train=64", "intermediate.recipe.epochs=1"]
    out, err = study.run("mode=submit", *words)
    assert "2 jobs submitted, 0 in the queue, 0 finished" in out
    stage = err.splitlines()[-3].split()[1].rstrip(":")
    assert err.count(f"(after {stage})") == 2
    assert "stage slots/english-tiny-s42" in study.run("mode=status")[0]
    assert "0 jobs submitted, 2 in the queue, 0 finished" in study.run("mode=submit", *words)[0]
    cluster.wait(lambda: not study.slurm.run("squeue", "-h"), lambda: "jobs do not end", 300)
    assert study.slurm.states(stage) == ["COMPLETED"]
    assert "2 finished" in study.run("mode=status")[0]
    assert "0 jobs submitted, 0 in the queue, 2 finished" in study.run("mode=submit", *words)[0]
    study.run("mode=report")

    apart = Study(study.folder / "apart", study.slurm)
    apart.folder.mkdir()
    apart.run(*[word for word in words if word not in SLURM])
    assert study.outcome() == apart.outcome()


def test_jobs_whose_stage_fails_say_so(study: Study) -> None:
    words = ["-m", *QUICK, *SLURM, "intermediate=slots", "intermediate.arm=english", "train_noise=none,char"]
    words += ["intermediate.size.train=64", "intermediate.recipe.learning_rate=1e30"]
    study.run("mode=submit", *words)
    cluster.wait(lambda: not study.slurm.run("squeue", "-h"), lambda: "jobs do not end", 300)
    out, _ = study.run("mode=status", code=1)
    assert "2 failed" in out and out.count("a stage that it needs failed: ") == 2


def test_preempted(study: Study, undisturbed: Outcome) -> None:
    """Slurm sends SIGTERM, and requeues a job that has not ended when its time of grace is over."""
    process = study.start("-m", *QUICK, *SLURM, "seed=1,2", "hydra.launcher.cpus_per_task=2")
    study.in_a_fit()
    study.slurm.run("sbatch", "-p", "urgent", "-n4", "-o", "/dev/null", "--wrap", "sleep 1")
    ended(process, 0)
    assert study.outcome() == undisturbed
