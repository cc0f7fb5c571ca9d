"""A fetched folder: what its list may hold, what leads out of it, what is refused; nothing that runs code."""

from __future__ import annotations

import ast
import json
from pathlib import Path

import pytest
import yaml

from tests.e2e.world import QUICK, data, sentence, write
from xtreme_noise.commands.download import DataSet, Files, _copy
from xtreme_noise.commands.fetch import show, size
from xtreme_noise.config import compose, fetched
from xtreme_noise.config.fetched import Entry, Fetched, inside
from xtreme_noise.config.schema import ModelConfig
from xtreme_noise.config.splits import DataConfig, SplitConfig
from xtreme_noise.config.written import SafeLoader
from xtreme_noise.errors import DataError, ModelUnavailable
from xtreme_noise.models import fetched as checkpoints
from xtreme_noise.models.hub import HubLoader
from xtreme_noise.stages.build_stages import test_reference as evaluated
from xtreme_noise.stages.plan import Plan
from xtreme_noise.store import Store, digest, file_digest

PACKAGE = Path(__file__).resolve().parents[2] / "xtreme_noise"
COMMIT = "0123456789ab" + 28 * "0"
OUT = ("../x", "a/../../x", "/etc/passwd", "a\\..\\x", "", "..")


@pytest.mark.parametrize("path", OUT)
def test_no_path_leads_out(path: str, tmp_path: Path) -> None:
    with pytest.raises(DataError, match="not a path inside a folder"):
        inside(path)
    target = Files(what="files", target=Path(), files={path: 1}, root=tmp_path)
    with pytest.raises(DataError, match="not a path inside a folder"):
        target.bring(tmp_path / "fetched", offline=True)
    if path:
        with pytest.raises(DataError, match="not a path inside a folder"):
            fetched.folder(f"{path}/name", COMMIT)


def test_a_list_that_was_tampered_with(tmp_path: Path) -> None:
    """A file name in the list does not reach a file outside."""
    root = tmp_path / "fetched"
    secret = tmp_path / "secret"
    secret.write_text("x", encoding="utf-8")
    name = "../../../../secret"
    fetched.write(root, {("owner/name", ""): Entry(COMMIT, [name], {name: file_digest(secret)})})
    with pytest.raises(DataError, match="not a path inside a folder"):
        Fetched(str(root), "owner/name").download(True, [name])


def test_a_link_in_the_way(tmp_path: Path) -> None:
    root, outside = tmp_path / "fetched", tmp_path / "outside"
    root.mkdir()
    outside.mkdir()
    (root / "datasets").symlink_to(outside)
    source = tmp_path / "file"
    source.write_text("content", encoding="utf-8")
    with pytest.raises(DataError, match="leads out of"):
        _copy(source, root, Path("datasets/a/b"))
    assert not list(outside.rglob("b"))
    # What is copied is content, never a link.
    link = tmp_path / "link"
    link.symlink_to(source)
    _copy(link, root, Path("plain/b"))
    assert (root / "plain/b").read_text() == "content" and not (root / "plain/b").is_symlink()


@pytest.mark.parametrize("content", ["not JSON", "[]", '{"format": 1}', '{"format": 2, "datasets": []}'])
def test_a_list_that_cannot_be_read(content: str, tmp_path: Path) -> None:
    (tmp_path / fetched.MANIFEST).write_text(content, encoding="utf-8")
    with pytest.raises(DataError, match="fetch again"):
        fetched.read(tmp_path)


def test_what_a_folder_serves(tmp_path: Path) -> None:
    hub = DataConfig(test=SplitConfig(path="owner/name", revision="refs/convert/parquet"))
    data = {"hub": hub, "files": DataConfig()}
    assert not fetched.serves(None, data) and not fetched.serves(str(tmp_path), data)
    fetched.write(tmp_path, {("owner/name", ""): Entry(COMMIT, [])})
    assert not fetched.serves(str(tmp_path), data), "another revision"
    fetched.write(tmp_path, {("owner/name", "refs/convert/parquet"): Entry(COMMIT, [])})
    assert fetched.serves(str(tmp_path), data)
    with pytest.raises(ModelUnavailable, match=r"other/name \(revision main\) is not in the fetched folder"):
        Fetched(str(tmp_path), "other/name").files()


TOGETHER = [
    "intermediate=stilts", "intermediate.use=[mnli,hellaswag]",
    *(f"intermediate.tasks.{name}.size.dev=4" for name in ("mnli", "hellaswag")),
]  # fmt: skip
STUDIES = {
    "a translation beside each text": ["intermediate=tlm", "intermediate.arms.multilingual.languages=[de]"],
    "labels from a file": ["intermediate=ccg"],
    "several tasks at once, shots in each language": [*TOGETHER, "shots.k=2"],
}


@pytest.mark.parametrize("what", STUDIES)
def test_everything_that_a_study_reads_is_there(what: str, tmp_path: Path, workdir: Path, store_path: Path) -> None:
    """The same keys from the fetched folder as from the files themselves, and every split can be read there."""
    assert workdir.exists()
    root, folder = data(tmp_path / "data"), tmp_path / "fetched"
    for part in ("train", "validation"):
        for code in ("eng_Latn", "deu_Latn"):
            write(root / f"sib200/{part}.{code}.jsonl.gz", [{"index_id": n, "text": f"{n} {code}"} for n in range(9)])
    nli = [{"premise": sentence("en", n), "hypothesis": sentence("en", n + 1), "label": n % 3} for n in range(24)]
    write(root / "mnli/validation_matched.en.jsonl.gz", nli)
    ends = [{"ctx": sentence("en", n), "endings": ["cat", "dog", "sun", "mat"], "label": str(n % 4)} for n in range(40)]
    write(root / "hellaswag/validation.en.jsonl.gz", ends)
    (root / "ccg").mkdir()
    for name, text in (("train.en.tsv", "The\tA\n"), ("dev.en.tsv", "A\tB\n"), ("tags.txt", "A\nB\n")):
        (root / "ccg" / name).write_text(text, encoding="utf-8")
    study = [*QUICK, "source=files", "task=xnli", "languages=[de]", "noise.level=0", *STUDIES[what]]
    assert show(compose.jobs([*study, f"source.root={root}", f"fetch.folder={folder}", "mode=fetch"])) == 0
    keys = []
    for place in (folder, root):
        [cfg] = compose.jobs([*study, f"source.root={place}"])
        plan = Plan(cfg)
        keys.append(digest(plan.cell_key(plan.cells[0], evaluated(cfg, "de"))))
        if place == folder:
            for stage in (part for whole in plan.stages_for("de") for part in whole.parts):
                for one in (stage.dev, *(one for sample in stage.samples for one in sample.references)):
                    assert len(one.load(Store(store_path)))
    assert keys[0] == keys[1]


def test_a_model_directory_is_what_it_says(tmp_path: Path) -> None:
    """The identity of the hub while every byte is the hub's; another file, or other bytes, are refused."""
    (tmp_path / "config.json").write_text("{}", encoding="utf-8")
    cfg = ModelConfig(name="x", path=str(tmp_path))
    own = HubLoader().identity(cfg, offline=True)
    assert set(own["files"]) == {"config.json"}
    checkpoints.write(tmp_path, checkpoints.Origin("owner/name", COMMIT, own["files"]))
    theirs = HubLoader().identity(cfg, offline=True)
    assert theirs == {"path": "owner/name", "revision": COMMIT, "trust_remote_code": False}
    cfg.revision = "f" * 40
    with pytest.raises(ModelUnavailable, match=r"but model\.revision="):
        HubLoader().identity(cfg, offline=True)
    cfg.revision = COMMIT
    for name, text in (("adapter_config.json", "{}"), ("modeling.py", "1"), ("config.json", "{ }")):
        before = (tmp_path / name).read_bytes() if (tmp_path / name).exists() else None
        (tmp_path / name).write_text(text, encoding="utf-8")
        with pytest.raises(ModelUnavailable, match=rf"as fetched: {name} differ"):
            HubLoader().identity(cfg, offline=True)
        (tmp_path / name).unlink() if before is None else (tmp_path / name).write_bytes(before)
    (tmp_path / checkpoints.MARKER).write_text(json.dumps({"path": 1}), encoding="utf-8")
    with pytest.raises(ModelUnavailable, match="not what mode=fetch wrote"):
        HubLoader().identity(cfg, offline=True)


def test_nothing_is_left_of_a_copy_that_fails(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "source").write_text("content", encoding="utf-8")

    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("xtreme_noise.commands.download.os.fsync", full)
    with pytest.raises(OSError, match="No space left"):
        _copy(tmp_path / "source", tmp_path / "fetched", Path("a/b"))
    assert [path.name for path in (tmp_path / "fetched").rglob("*")] == ["a"]


def test_sizes() -> None:
    assert [size(n) for n in (0, 999, 1000, 1_234_567, 2_200_000_000)] == ["0 B", "999 B", "1.0 kB", "1.2 MB", "2.2 GB"]
    assert DataSet.there is Files.there


# --- nothing in the package unpickles, unpacks or runs what it was given

FORBIDDEN = {"pickle", "cPickle", "dill", "cloudpickle", "joblib", "marshal", "shelve", "tarfile", "zipfile"}
CALLS = {"eval", "exec", "torch.load", "numpy.load", "np.load", "yaml.load", "yaml.unsafe_load", "os.system",
         "shutil.unpack_archive"}  # fmt: skip
SAFE = {"mmap_mode", "weights_only", "allow_pickle", "Loader=SafeLoader"}  # without these a call may unpickle
REFUSED = FORBIDDEN | CALLS | {"shell=True", "trust_remote_code=True"}


def test_nothing_runs_what_it_reads() -> None:
    found = []
    for path in sorted(PACKAGE.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                names = {alias.name.split(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom):
                names = {(node.module or "").split(".")[0]}
            elif isinstance(node, ast.Call) and ast.unparse(node.func) in CALLS:
                given = {word.arg for word in node.keywords} | {ast.unparse(word) for word in node.keywords}
                names = set() if given & SAFE else {ast.unparse(node.func)}
            elif isinstance(node, ast.keyword) and node.arg in ("shell", "trust_remote_code"):
                always = isinstance(node.value, ast.Constant) and node.value.value is True
                names = {f"{node.arg}=True"} if always else set()
            else:
                continue
            found += [f"{path.name}: {name}" for name in sorted(names & REFUSED)]
    assert sorted(found) == ["archive.py: zipfile", "packs.py: zipfile"], "which read members, and extract none"
    for name in ("packs.py", "results/archive.py"):
        assert "extract" not in (PACKAGE / name).read_text(encoding="utf-8").replace("an unzip program extracts", "")
    assert issubclass(SafeLoader, yaml.CSafeLoader | yaml.SafeLoader)
