"""Studies on a hub: downloaded with a bar, repeated without a network, fetched into a folder; failures recorded."""

from __future__ import annotations

import fcntl
import json
import os
import pty
import struct
import subprocess
import sys
import termios
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests import hub_schemas
from tests.e2e.world import QUICK, cells
from tests.hub_client import NOBODY, connect
from tests.hub_server import Hub, Repo, serve
from xtreme_noise import cli
from xtreme_noise.config import compose
from xtreme_noise.config.sizes import DEFAULTS
from xtreme_noise.errors import JobFailed, ModelUnavailable, UserError
from xtreme_noise.models.random import make
from xtreme_noise.stages import plan as planning
from xtreme_noise.stages.run import run_job
from xtreme_noise.store import Store, digest

CONFIGS = [(code, split) for code in ("en", "de", "ar") for split in ("validation", "test")]
MODEL = ["model=xlmr_base", "model.path=tiny/xlmr", "model.revision=null", "model.max_length=64"]
STUDY = [*(word for word in QUICK if not word.startswith("model=")), *MODEL, "task=xnli", "languages=[en,de]",
         "noise=[char]", "noise.levels=[0,0.1]"]  # fmt: skip
HUB = ["source=hub"]


@pytest.fixture(scope="module")
def hub(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Hub]:
    folder = tmp_path_factory.mktemp("model")
    make({**DEFAULTS, "num_hidden_layers": 1}, folder)
    files = {file.name: file.read_bytes() for file in folder.iterdir()}
    xnli = hub_schemas.repository("facebook/xnli", CONFIGS)
    never = {"pytorch_model.bin": b"pickled", "modeling.py": b"raise SystemExit", "onnx/config.json": b"{}"}
    repos = [
        Repo("model", "tiny/xlmr", files | never),
        Repo("model", "tiny/pickled", {"config.json": files["config.json"], "pytorch_model.bin": b"pickled"}),
        xnli,
        hub_schemas.repository("nyu-mll/glue", [("mnli", "train")]),
        *(Repo("dataset", f"{owner}/nli", xnli.files) for owner in ("holey", "cut", "locked")),
    ]
    with serve(repos) as running:
        yield running


@pytest.fixture(scope="module")
def first(hub: Hub, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the study `s`, run on a terminal as users run it, its store and the hub's cache `home`."""
    folder = tmp_path_factory.mktemp("first")
    environment = os.environ | {
        "HF_ENDPOINT": hub.endpoint, "HF_HOME": str(folder / "home"), "HF_HUB_OFFLINE": "0", "OMP_NUM_THREADS": "1",
        "PYTHONPATH": os.pathsep.join(sys.path), "TERM": "xterm", "XTREME_NOISE_STORE": str(folder / "store"),
    }  # fmt: skip
    terminal, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 160, 0, 0))
    command = [sys.executable, "-m", "xtreme_noise", *STUDY, *HUB, "sweep=s"]
    process = subprocess.Popen(command, cwd=folder, env=environment, stdout=theirs, stderr=theirs)
    os.close(theirs)
    shown = b""
    while True:
        try:
            block = os.read(terminal, 65536)
        except OSError:  # the other end is closed
            break
        if not block:
            break
        shown += block
    (folder / "shown.txt").write_bytes(shown)
    assert process.wait(60) == 0, shown.decode()
    return folder


def keys(overrides: list[str]) -> set[str]:
    """The cells of a study, by what identifies them in the store: a finished one of the same key is reused."""
    [cfg] = compose.jobs(overrides)
    plan = planning.Plan(cfg)
    return {digest(plan.cell_key(cell, planning.test_reference(cfg, cell.language))) for cell in plan.cells}


def prepared(overrides: list[str], store: Path) -> list[tuple[str, list[dict[str, Any]]]]:
    """Key and rows of all that the study reads, prepared anew."""
    [cfg] = compose.jobs(overrides)
    references = [
        one
        for stage in planning.Plan(cfg).stages
        for one in (*(sample.reference for sample in stage.samples), stage.dev)
    ]
    references += [planning.test_reference(cfg, code) for code in cfg.wanted_languages()]
    return [(digest(one.identity()), one.load(Store(store)).to_list()) for one in references]


def offline(folder: Path) -> list[str]:
    return [*STUDY, f"model.path={folder}/models/${{model.name}}", "source=files", f"source.root={folder}"]


def test_downloaded_with_a_bar_then_without_a_network(
    first: Path, workdir: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert workdir.is_dir()
    shown, done = (first / "shown.txt").read_bytes(), cells(first / "s")
    assert b"%|" in shown and b"Download complete" in shown, "a bar on a terminal"
    assert b"HTTP Request" not in shown
    assert len(done) == 4 and all(row["status"] == "ok" for row in done)
    connect(monkeypatch, NOBODY, first / "home", offline=True)
    assert len(prepared([*STUDY, *HUB], tmp_path / "empty")) == 4, "data are in the cache"
    assert keys([*STUDY, *HUB]) == {row["cell"] for row in done}


def test_a_fetched_folder_is_the_hub(
    hub: Hub,
    first: Path,
    workdir: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """The same keys and rows; only what the study reads; no pickle, no code, no link."""
    assert workdir.is_dir()
    folder = tmp_path / "fetched"
    connect(monkeypatch, hub.endpoint, first / "home")
    fetch = [*STUDY, *HUB, "mode=fetch", f"fetch.folder={folder}"]
    assert cli.main(fetch) == 0
    said = capsys.readouterr().out
    assert "facebook/xnli @ " in said and "tiny/xlmr @ " in said and " MB" in said
    assert f"source=files source.root={folder} 'model.path={folder}/models/${{model.name}}'" in said
    there = sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())
    assert not [name for name in there if name.endswith((".bin", ".py")) or "onnx" in name]
    assert not [path for path in folder.rglob("*") if path.is_symlink()]
    [xnli] = {name.split("/")[2] for name in there if "facebook/" in name}
    wanted = [f"en/{split}-00000-of-00001.parquet" for split in ("test", "validation")]
    wanted += ["de/test-00000-of-00001.parquet", "README.md"]
    assert {f"datasets/facebook/{xnli}/{name}" for name in wanted} == {name for name in there if "facebook/" in name}

    hub.requests.clear()
    assert cli.main(fetch) == 0
    assert not [line for line in hub.requests if "/lfs/" in line], "what is there stays"
    want = prepared([*STUDY, *HUB], tmp_path / "one")
    connect(monkeypatch, NOBODY, tmp_path / "empty")
    assert prepared(offline(folder), tmp_path / "other") == want
    assert keys(offline(folder)) == {row["cell"] for row in cells(first / "s")}

    # Another language is not in it: an error that says how it gets there, not a gap.
    [cfg] = compose.jobs([*offline(folder), "languages=[ar]"])
    with pytest.raises(ModelUnavailable) as caught:
        planning.test_reference(cfg, "ar").load(Store(tmp_path / "other"))
    assert f"not in the fetched folder {folder}: its ar/test-00000-of-00001.parquet is not here" in str(caught.value)
    assert f"mode=fetch source=hub fetch.folder={folder}" in str(caught.value)

    # Other bytes are found, and put right by fetching again.
    for pattern, old, new in (("datasets/facebook/*/de/test*", b"PAR1", b"PAR2"), ("models/*/config.json", b"1", b"2")):
        [file] = folder.glob(pattern)
        content = file.read_bytes()
        file.write_bytes(content.replace(old, new, 1))
        connect(monkeypatch, NOBODY, tmp_path / "empty")
        with pytest.raises(UserError, match=r"is no longer .* as fetched|than when it was fetched"):
            prepared(offline(folder), tmp_path / "third")
        connect(monkeypatch, hub.endpoint, first / "home")
        assert cli.main(fetch) == 0
        assert file.read_bytes() == content


FAILURES = {
    "no such data set": ("tiny/none", "no such dataset"),
    "a missing file": ("holey/nli", "lists a file that it does not have"),
    "out of order": ("broken/nli", "HTTP 503"),
    "gated": ("locked/nli", "hf auth login, or set HF_TOKEN (HTTP 403)"),
    "cut off": ("cut/nli", "the download failed"),
}


def test_what_cannot_be_fetched_is_said_once(
    hub: Hub, workdir: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    assert workdir.is_dir()
    connect(monkeypatch, hub.endpoint, tmp_path)
    monkeypatch.setattr("huggingface_hub.file_download.time.sleep", lambda _: None)
    small = [*STUDY, *HUB, "languages=[de]", "mode=fetch", f"fetch.folder={tmp_path / 'fetched'}"]
    for path, says in FAILURES.values():
        assert cli.main([*small, f"task.data.hub.test.path={path}"]) == 1
        said = capfd.readouterr()
        assert says in said.out and "Traceback" not in said.out
        assert said.out.count("cannot be fetched:") == 1
        assert f"hf download {path} --repo-type dataset" in said.out
    assert cli.main([*small, "model.path=tiny/pickled"]) == 1
    assert "pickled weights are not opened" in capfd.readouterr().out
    assert list((tmp_path / "fetched").rglob("*.parquet")), "the rest is there"


def test_a_failure_in_one_language_is_recorded(
    hub: Hub, workdir: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every cell of a test set that is not to be had says why; the others go on."""
    connect(monkeypatch, hub.endpoint, tmp_path)
    words = ["model=tiny", "task=tatoeba", "languages=[de,fr]", "noise.levels=[0]", *HUB]
    [cfg] = compose.jobs([*words, "task.data.hub.test.path=locked/nli", "sweep=s"])
    with pytest.raises(JobFailed, match="2 of 2 cells failed"):
        run_job(cfg, workdir / "s")
    for row in json.loads((workdir / "s/job.json").read_text())["cells"]:
        assert row["status"] == "error" and "access is gated" in row["error"]
        assert "hf download locked/nli --repo-type dataset" in row["error"]
