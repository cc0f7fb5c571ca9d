"""Parts of another package, in a temporary folder: a task family, a metric, noise, a loader, a source, a tracker."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from tests import program
from tests.e2e.world import data, sentence, write
from xtreme_noise import metrics, tasks
from xtreme_noise import parts as found
from xtreme_noise.config import compose
from xtreme_noise.errors import ConfigError

PARTS = '''
from dataclasses import dataclass
from pathlib import Path

from pytorch_lightning.loggers import CSVLogger

from xtreme_noise.data.readers import Reader
from xtreme_noise.languages.codes import fill
from xtreme_noise.metrics.accuracy import Accuracy
from xtreme_noise.models.random import RandomLoader
from xtreme_noise.modules.classification import ClassificationModule
from xtreme_noise.noise import NoisedTokens, Perturber
from xtreme_noise.noise.edits import between
from xtreme_noise.store import file_digest
from xtreme_noise.tasks import NoiseField, TaskFamily
from xtreme_noise.tasks.rows import label_index, text_of


class Sentiment(TaskFamily):
    name = "sentiment"
    module = "parts:SentimentModule"
    noise_fields = {"review": NoiseField(("text",))}
    metrics = ("accuracy",)
    identity = ("text",)
    head = labelled = True
    least_labels = 2

    def check(self, row, labels, where):
        return {"text": text_of(row, "review", where), "label": label_index(row.get("stars"), labels, where)}


class SentimentModule(ClassificationModule):
    family = "sentiment"


class Hits(Accuracy):
    name = "hits"
    families = ("sentiment",)


class Misses(Hits):
    name = "misses"
    higher_is_better = False


class Upside(Perturber):
    """Every second letter is written as a capital."""

    family = "upside"
    version = 1

    @dataclass(frozen=True)
    class Parameters:
        every: int = 2

    def __call__(self, text, level, uid, *, seed=0, language, protect=()):
        self.check(level, language)
        noisy = "".join(c.upper() if n % self.parameters.every else c for n, c in enumerate(text))
        return between(text, noisy)

    def tokens(self, tokens, level, uid, *, seed=0, language, protect=()):
        whole = self(" ".join(tokens), level, uid, seed=seed, language=language)
        return NoisedTokens(whole.text.split(" "), *whole[1:])

    def supports(self, language):
        return True


class Small(RandomLoader):
    pass


class Lines(Reader):
    """Text files: a label, a tab and a review on each line."""

    @property
    def revision(self):
        return file_digest(self._path)

    @property
    def _path(self):
        return Path(self.source.root) / fill(self.split.path, self.language)

    def rows(self, work):
        for number, line in enumerate(self._path.read_text(encoding="utf-8").splitlines(), 1):
            stars, review = line.split("\t")
            yield f"{self._path}, line {number}", {"stars": int(stars), "review": review}


def noting(cfg, directory, run_name):
    return CSVLogger(directory, name="noted")
'''
POINTS = """
[xtreme_noise.tasks]
sentiment = parts:Sentiment
[xtreme_noise.metrics]
hits = parts:Hits
[xtreme_noise.noise]
upside = parts:Upside
[xtreme_noise.loaders]
small = parts:Small
[xtreme_noise.sources]
lines = parts:Lines
[xtreme_noise.trackers]
noting = parts:noting
"""
TASK = """
name: reviews
version: 1
family: sentiment
labels: [bad, good]
metric: accuracy
noise_field: review
languages: [en, de]
data:
  files:
    train: [{path: "reviews/train.{language}.jsonl.gz"}]
    dev: [{path: "reviews/dev.{language}.jsonl.gz"}]
    test: {path: "reviews/test.{language}.jsonl.gz"}
  lines:
    train: [{path: "reviews/train.{language}.txt"}]
    dev: [{path: "reviews/dev.{language}.txt"}]
    test: {path: "reviews/test.{language}.txt"}
"""
NOISE = "families: {upside: {every: 3}}\n"
MODEL = "name: mine\nloader: small\nmax_length: 64\nparameters: {hidden_size: 32, num_hidden_layers: 2, seed: 0}\n"


@pytest.fixture
def package(tmp_path: Path) -> Path:
    """A folder on the path with a module and the entry points of a distribution, as pip would leave them."""
    folder = tmp_path / "site"
    info = folder / "parts-1.0.dist-info"
    info.mkdir(parents=True)
    (folder / "parts.py").write_text(PARTS)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: parts\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(POINTS)
    for group, name, text in (("task", "reviews", TASK), ("model", "mine", MODEL), ("noise", "upside", NOISE)):
        (tmp_path / "conf" / group).mkdir(parents=True)
        (tmp_path / "conf" / group / f"{name}.yaml").write_text(text)
    for part, count in (("train", 24), ("dev", 8), ("test", 12)):
        for language in ("en", "de"):
            rows = [{"review": sentence(language, n + len(part) * 100), "stars": n % 2} for n in range(count)]
            write(data(tmp_path / "data") / f"reviews/{part}.{language}.jsonl.gz", rows)
            lines = "".join(f"{row['stars']}\t{row['review']}\n" for row in rows)
            (tmp_path / "data" / f"reviews/{part}.{language}.txt").write_text(lines, encoding="utf-8")
    return folder


def run(package: Path, *words: str) -> subprocess.CompletedProcess[str]:
    root = package.parent
    repository = Path(__file__).resolve().parents[2]
    environment = os.environ | {"PYTHONPATH": os.pathsep.join([str(package), str(repository)])}
    where = [f"--config-dir={root / 'conf'}", "source=files", f"source.root={root / 'data'}", f"sweep={root / 's'}"]
    quick = ["task.size.train=24", "task.size.dev=8", "task.recipe.epochs=1", "trainer.progress=false"]
    return program.run(*where, *quick, *words, cwd=root, environment=environment)


def test_a_study_of_parts_from_outside(package: Path) -> None:
    done = run(package, "task=reviews", "model=mine", "languages=[en,de]", "noise=upside",
               "noise.levels=[0,0.2]", "task.metric=hits", "task.dev_metric=accuracy",
               "source.kind=lines", "tracker.kind=noting")  # fmt: skip
    assert done.returncode == 0, done.stderr[-2000:]
    rows = pq.read_table(package.parent / "s" / "cells.parquet").to_pylist()
    found = sorted((row["language"], row["noise"], row["status"]) for row in rows)
    assert found == [(code, noise, "ok") for code in ("de", "en") for noise in ("clean", "upside")]
    for row in rows:
        assert (row["family"], row["model"], row["metric"]) == ("sentiment", "mine", "hits")
        assert 0 <= row["score"] <= 1
    noisy = next(row for row in rows if row["noise"] == "upside")
    assert "upside" in noisy["signature"] and noisy["achieved"] > 0.1
    [sample, *_] = json.loads(noisy["samples"])
    assert list(package.parent.glob("s/jobs/*/noted/*/metrics.csv"))
    assert sample["clean"] != sample["noisy"] and sample["clean"].upper() == sample["noisy"].upper()


@pytest.fixture
def points(package: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The entry points of the package, in this process."""
    monkeypatch.syspath_prepend(package)
    _forget()
    yield package / "parts-1.0.dist-info" / "entry_points.txt"
    _forget()


def _forget() -> None:
    found.forget()
    tasks.family.cache_clear()


def test_a_metric_is_for_the_families_that_it_names(points: Path) -> None:
    assert points.is_file() and "hits" in metrics.names()
    with pytest.raises(ConfigError, match="'hits' is not for a classification task"):
        compose.jobs(["task=xnli", "task.metric=hits"])
    with pytest.raises(ConfigError, match=r"unknown 'upsid'.*did you mean 'upside'"):
        compose.jobs(["task=xnli", "noise.families={upsid: {}}"])
    [cfg] = compose.jobs(["task=xnli", "model.loader=small", "model.path=/some/place"])
    assert cfg.model.loader == "small"


@pytest.mark.parametrize(
    ("text", "words", "said"),
    [
        ("tasks]\nqa = parts:Sentiment", [], "has a name that is taken"),
        ("tasks]\nother = parts:Sentiment", ["task.family=other"], "give both the same name"),
        ("noise]\nupside = parts:Nothing", ["noise.families={upside: {}}"], "cannot be imported: AttributeError"),
        ("noise]\nupside = parts:Sentiment", ["noise.families={upside: {}}"], "expected Perturber"),
        ("noise]\nupside = parts:Perturber", ["noise.families={upside: {}}"], "lacks .*: __call__, supports, tokens"),
        (
            "metrics]\nmisses = parts:Misses",
            ["task.metric=misses"],
            "must have the same name, and higher must be better",
        ),
        ("metrics]\nmine = parts:Upside", ["task.metric=mine"], "expected Metric"),
    ],
)
def test_what_cannot_be_used_is_named(points: Path, text: str, words: list[str], said: str) -> None:
    points.write_text(f"[xtreme_noise.{text}\n")
    with pytest.raises(ConfigError, match=said):
        compose.jobs(["task=xnli", *words])


@pytest.mark.parametrize("broken", ["nowhere:Family", "ends:Family"])
def test_what_nobody_asks_for_disturbs_nobody(points: Path, broken: str) -> None:
    (points.parents[1] / "ends.py").write_text("raise SystemExit(3)")
    points.write_text(f"[xtreme_noise.tasks]\nother = {broken}\n")
    assert compose.jobs(["task=xnli"])
    with pytest.raises(ConfigError, match="cannot be imported"):
        compose.jobs(["task=xnli", "task.family=other"])
