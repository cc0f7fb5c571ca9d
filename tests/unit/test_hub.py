"""Models and data of a hub on a loopback address: fetched once, then without a network; failures explained."""

from __future__ import annotations

import io
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tests.hub_client import NOBODY, connect
from tests.hub_server import CONVERTED, TOKEN, Hub, Repo, serve
from xtreme_noise import models
from xtreme_noise.config.schema import ModelConfig
from xtreme_noise.config.sizes import DEFAULTS
from xtreme_noise.config.splits import SplitConfig
from xtreme_noise.data import hub as data_hub
from xtreme_noise.data.files import DataMissing
from xtreme_noise.data.hub import front_matter, split_files
from xtreme_noise.errors import ConfigError, DataError, UserError
from xtreme_noise.languages.codes import fill
from xtreme_noise.models.random import make
from xtreme_noise.store import Store

CARD = b"""---
configs:
- config_name: en
  data_files: [{split: train, path: en/train-*}, {split: test, path: en/test-*}]
- config_name: de
  data_files:
  - split: test
    path: [de/test-*]
---
# A data set
"""


def parquet(rows: list[dict[str, Any]]) -> bytes:
    buffer = io.BytesIO()
    pq.write_table(pa.Table.from_pylist(rows), buffer, compression="none")
    return buffer.getvalue()


def dataset(name: str) -> Repo:
    files = {
        "README.md": CARD,
        "en/train-00000-of-00001.parquet": parquet([{"text": f"sentence {n}", "label": n % 3} for n in range(400)]),
        "en/test-00000-of-00001.parquet": parquet([{"text": "one", "label": 1}]),
        "de/test-00000-of-00002.parquet": parquet([{"text": "eins", "label": 1}]),
        "de/test-00001-of-00002.parquet": parquet([{"text": "zwei", "label": 2}]),
    }
    return Repo("dataset", name, files)


@pytest.fixture(scope="module")
def hub(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Hub]:
    folder = tmp_path_factory.mktemp("model")
    make({**DEFAULTS, "num_hidden_layers": 1}, folder)
    files = {file.name: file.read_bytes() for file in folder.iterdir()}
    pickled = {"config.json": files["config.json"], "pytorch_model.bin": b"pickled"}
    script = {"script.py": b"", "test.csv": b""}
    converted = {
        "de/train/0000.parquet": parquet([{"text": "gut", "label": 0}]),
        "de/translate_train/0000.parquet": parquet([{"text": "übersetzt", "label": 0}]),
        "en/train/0000.parquet": parquet([{"text": "good", "label": 0}]),
        "en/partial-test/0000.parquet": parquet([{"text": "the beginning", "label": 0}]),
    }
    repos = [
        Repo("model", "tiny/xlmr", {**files, "pytorch_model.bin": b"never fetched", "code.py": b"never run"}),
        Repo("model", "cut/xlmr", files),
        Repo("model", "flaky/xlmr", files),
        Repo("model", "holey/xlmr", files),
        Repo("model", "locked/xlmr", files),
        Repo("model", "tiny/pickled", pickled),
        *(dataset(f"{owner}/nli") for owner in ("tiny", "cut", "flaky", "locked", "gated")),
        Repo("dataset", "tiny/broken", {"data/test.parquet": b"this is no parquet"}),
        Repo("dataset", "tiny/script", script, converted),
        Repo("dataset", "tiny/outside", {"README.md": CARD, "../../outside.parquet": parquet([{"text": "x"}])}),
    ]
    with serve(repos) as running:
        yield running


def model(path: str, offline: bool = False, **further: Any) -> tuple[dict[str, Any], list[str]]:
    """Identity and files of a model."""
    cfg = ModelConfig(name="x", loader="hub", path=path, **further)
    identity = models.identity(cfg, offline)
    return identity, sorted(file.name for file in models.materialise(cfg, Store("unused"), offline).iterdir())


def rows(path: str, language: str = "de", offline: bool = False, **further: Any) -> list[dict[str, Any]]:
    """The rows of a data set's test split."""
    split = SplitConfig(**{"path": path, "name": "{language}", "split": "test", **further})
    data_hub.revision(split, language, offline)
    found: list[dict[str, Any]] = data_hub.load(split, language, offline).to_list()
    return found


GERMAN = [{"text": "eins", "label": 1}, {"text": "zwei", "label": 2}]
FILES = ["config.json", "model.safetensors", "tokenizer.json", "tokenizer_config.json"]


def test_fetched_once_then_without_a_network(hub: Hub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    connect(monkeypatch, hub.endpoint, tmp_path)
    identity, files = model("tiny/xlmr")
    commit = next(repo.commit for repo in hub.repos if repo.name == "tiny/xlmr")
    assert (identity["path"], identity["revision"]) == ("tiny/xlmr", commit)
    assert files == FILES
    assert rows("tiny/nli") == GERMAN
    assert not [line for line in hub.requests if "en/" in line and "/resolve/" in line]  # only the wanted split

    hub.requests.clear()
    connect(monkeypatch, hub.endpoint, tmp_path)
    assert model("tiny/xlmr", offline=True) == (identity, files)
    assert rows("tiny/nli", offline=True) == GERMAN
    assert hub.requests == []
    with pytest.raises(UserError, match="the cache has no complete copy"):
        rows("tiny/nli", "en", offline=True)

    connect(monkeypatch, NOBODY, tmp_path)
    assert model("tiny/xlmr") == (identity, files)  # a branch goes on with the cached commit
    assert rows("tiny/nli") == GERMAN
    begin = time.perf_counter()
    for missing in (lambda: rows("tiny/nli", "en"), lambda: model("tiny/other", revision="0" * 40)):
        with pytest.raises(UserError, match="refused"):
            missing()
    assert time.perf_counter() - begin < 5

    connect(monkeypatch, NOBODY, tmp_path, offline=True)  # HF_HUB_OFFLINE=1
    assert model("tiny/xlmr") == (identity, files)
    assert rows("tiny/nli") == GERMAN
    with pytest.raises(UserError, match="the cache has no complete copy"):
        model("tiny/other")


UNAVAILABLE: dict[str, tuple[str, dict[str, Any], str]] = {
    "a branch that is not there": ("tiny/xlmr", {"revision": "v9"}, "no revision 'v9' (HTTP 404)"),
    "a commit that is not there": ("tiny/xlmr", {"revision": "0" * 40}, "no revision '000"),
    "no such model": ("tiny/none", {}, "no such model, or a private one"),
    "private": ("private/xlmr", {}, "hf auth login, or set HF_TOKEN (HTTP 401)"),
    "gated": ("gated/xlmr", {}, "access is gated"),
    "gated, 403": ("refused/xlmr", {}, "access is gated"),
    "gated files of an open page": ("locked/xlmr", {}, "access is gated: accept its terms on the hub"),
    "forbidden": ("forbidden/xlmr", {}, "HTTP 403"),
    "out of order": ("broken/xlmr", {}, "HTTP 503"),
    "no answer": ("slow/xlmr", {}, "timed out"),
    "a file that is listed and not there": ("holey/xlmr", {}, "lists a file that it does not have"),
    "no such data set": ("tiny/none", {"language": "de"}, "no such dataset"),
    "another branch of data": ("tiny/nli", {"revision": "v9", "language": "de"}, "no revision 'v9'"),
    "data out of order": ("broken/nli", {"language": "de"}, "HTTP 503"),
    "gated data": ("gated/nli", {"language": "de"}, "access is gated"),
    "gated parquet files": ("locked/nli", {"language": "de"}, "access is gated"),
}


@pytest.mark.parametrize("case", UNAVAILABLE)
def test_every_failure_is_explained_at_once(
    case: str, hub: Hub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    connect(monkeypatch, hub.endpoint, tmp_path)
    path, further, says = UNAVAILABLE[case]
    begin = time.perf_counter()
    with pytest.raises(UserError) as caught:
        rows(path, **further) if "language" in further else model(path, **further)
    message = str(caught.value)
    assert time.perf_counter() - begin < 10
    assert says in message
    assert message.count("is not available") == 1 and "Traceback" not in message
    kind = " --repo-type dataset" if "language" in further else ""
    revision = f" --revision {further['revision']}" if "revision" in further else ""
    assert f"hf download {path}{kind}{revision}" in message, "how to fetch it"
    assert ("source.root=" if kind else "model.path=/local/directory") in message, "how to use a copy"
    assert "HF_ENDPOINT" in message and "HF_HUB_OFFLINE" in message and hub.endpoint in message


def test_a_token_opens_what_is_gated(hub: Hub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    connect(monkeypatch, hub.endpoint, tmp_path, token=TOKEN)
    assert rows("locked/nli") == rows("gated/nli") == GERMAN


def test_data_that_are_not_as_wanted(hub: Hub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    connect(monkeypatch, hub.endpoint, tmp_path)
    with pytest.raises(UserError, match="pickled weights are not opened"):
        model("tiny/pickled")
    wrong: tuple[tuple[dict[str, Any], str], ...] = (
        ({"split": "train"}, "no split 'train'"),
        ({"language": "fr"}, "no configuration 'fr'"),
        ({"path": "tiny/script"}, "no parquet files.*refs/convert/parquet"),
    )
    for further, says in wrong:
        with pytest.raises(DataMissing, match=says):
            rows(**{"path": "tiny/nli", **further})
    with pytest.raises(DataError, match="cannot be read"):
        rows("tiny/broken", name=None)


def test_the_branch_of_the_conversion(hub: Hub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A revision with slashes; `train` is not `translate_train`; half a conversion is none."""
    connect(monkeypatch, hub.endpoint, tmp_path)
    assert rows("tiny/script", split="train", revision=CONVERTED) == [{"text": "gut", "label": 0}]
    with pytest.raises(DataMissing, match=r"only the beginning of the split 'test' was converted"):
        rows("tiny/script", "en", revision=CONVERTED)
    with pytest.raises(DataMissing, match="several configurations with a split 'train': de, en"):
        rows("tiny/script", split="train", name=None, revision=CONVERTED)
    connect(monkeypatch, NOBODY, tmp_path, offline=True)
    assert rows("tiny/script", split="train", revision=CONVERTED) == [{"text": "gut", "label": 0}]


def test_names_that_lead_out_of_a_repository(hub: Hub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    connect(monkeypatch, hub.endpoint, tmp_path / "home" / "deeper")
    with pytest.raises(UserError, match="leads out of it"):
        rows("tiny/outside", name=None)
    assert not list(tmp_path.rglob("outside.parquet"))
    for revision in ("../../main", "/etc", "main/", ""):
        with pytest.raises(ConfigError, match="not a branch, tag or commit"):
            rows("tiny/nli", revision=revision)


def test_a_transfer_that_is_cut_off_goes_on(hub: Hub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    connect(monkeypatch, hub.endpoint, tmp_path)
    monkeypatch.setattr("huggingface_hub.constants.DOWNLOAD_CHUNK_SIZE", 1 << 16)  # as if the file were a large one
    hub.requests.clear()
    assert model("flaky/xlmr")[1] == FILES
    [again] = [line for line in hub.requests if "bytes=" in line]
    whole = next(repo.files["model.safetensors"] for repo in hub.repos if repo.name == "flaky/xlmr")
    assert int(again.split("bytes=")[1].split("-")[0]) > len(whole) // 3, "the rest, not all of it again"
    [weights] = tmp_path.rglob("snapshots/*/model.safetensors")
    assert weights.read_bytes() == whole
    assert rows("flaky/nli") == GERMAN


def test_a_transfer_that_stays_cut_off(hub: Hub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The library tries again some times, then it is said; what did arrive is not taken for the whole."""
    connect(monkeypatch, hub.endpoint, tmp_path)
    monkeypatch.setattr("huggingface_hub.file_download.time.sleep", lambda _: None)
    for cut in (lambda: model("cut/xlmr"), lambda: rows("cut/nli")):
        with pytest.raises(UserError, match=r"the download failed: .*peer closed"):
            cut()
    with pytest.raises(UserError, match="the cache has no complete copy"):
        model("cut/xlmr", offline=True)


# --- which files make a split

PATHS = ["README.md", "de/test-0.parquet", "en/test-0.parquet", "en/train-0.parquet", "en/train-1.parquet"]


@pytest.mark.parametrize(
    "data_files",
    [
        [{"split": "train", "path": "en/train-*"}],
        [{"split": "train", "path": ["en/train-0.parquet", "en/train-1.parquet"]}],
        {"train": "en/train-*"},
        "en/train-*",
    ],
)
def test_the_notations_of_a_card(data_files: Any) -> None:
    card = {"configs": [{"config_name": "en", "data_files": data_files}]}
    assert split_files(PATHS, card, "en", "train", "x") == PATHS[3:]
    assert split_files(PATHS, card, None, "train", "x") == PATHS[3:]  # the only configuration


def test_without_a_card_folders_and_names_decide() -> None:
    assert split_files(PATHS, {}, "en", "train", "x") == PATHS[3:]
    assert split_files(PATHS, {}, "de", "test", "x") == PATHS[1:2]
    assert split_files(["data/dev.parquet", "data/contest.parquet"], {}, None, "validation", "x") == [
        "data/dev.parquet"
    ]
    with pytest.raises(DataMissing, match="files is of split"):
        split_files(["data/contest.parquet"], {}, None, "test", "x")
    with pytest.raises(DataMissing, match="no configuration 'fr'"):
        split_files(PATHS, {}, "fr", "test", "x")


def test_several_configurations_need_a_name() -> None:
    card = {"configs": [{"config_name": name, "data_files": f"{name}/*"} for name in ("en", "de")]}
    with pytest.raises(DataMissing, match=r"no configuration 'default'.*Known configurations: de, en"):
        split_files(PATHS, card, None, "train", "x")
    card["configs"][1]["default"] = True  # type: ignore[assignment]
    assert split_files(PATHS, card, None, "train", "x") == PATHS[1:2]


def test_cards() -> None:
    assert front_matter("no head", "x") == {}
    assert front_matter("---\na: 1\n---\ntext", "x") == {"a": 1}
    with pytest.raises(DataError, match="not YAML"):
        front_matter("---\na: [1\n---\n", "x")


def test_fields_of_names() -> None:
    assert fill("udpos.{language_name}", "sw") == "udpos.Swahili"
    assert fill("{iso639_3}-eng {language}", "zh") == "cmn-eng zh"
    with pytest.raises(ConfigError, match="has the field"):
        fill("{langauge}", "de")
    with pytest.raises(ConfigError, match="unknown language"):
        fill("{language}", "xx")
