"""Few-shot: one fit a language on top of one zero-shot model; which examples; what the results are called."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.e2e import world
from tests.e2e.world import WORDS, cells, nli, write
from xtreme_noise import cli
from xtreme_noise.data.files import DataMissing
from xtreme_noise.errors import ConfigError, DataError
from xtreme_noise.stages.model_cache import train
from xtreme_noise.stages.plan import Plan
from xtreme_noise.stages.stage import length
from xtreme_noise.stages.training_set import training_data
from xtreme_noise.store import Store, digest, manifest_key


@pytest.fixture
def root(root: Path) -> Path:
    for language in ("de", "zh"):
        assert language in WORDS
        write(root / f"xnli/validation.{language}.jsonl.gz", nli(language, 30, 300))
        write(root / f"xnli/test.{language}.jsonl.gz", nli(language, 12))
    return root


def words(root: Path, *overrides: str) -> list[str]:
    return world.words(root, "task=xnli", "noise.levels=[0]", *overrides)


def plan(root: Path, *overrides: str) -> Plan:
    return Plan(world.job(root, "task=xnli", "noise.levels=[0]", *overrides))


def test_one_fit_a_language_on_one_zero_shot_model(root: Path, store_path: Path) -> None:
    (root / "xnli/test.sw.jsonl.gz").write_bytes((root / "xnli/test.de.jsonl.gz").read_bytes())
    languages = "languages=[en,de,zh,sw]"
    assert cli.main(words(root, "-m", languages, "shots.k=null,6", "task.recipe.epochs=2", "sweep=s")) == 0
    facts = {}
    for path in (store_path / "stages").glob("*/training.json"):
        facts[json.loads(path.read_text())["stage"]] = manifest_key(path.parent), json.loads(path.read_text())
    shots = {f"xnli, 6 random shots in {code}" for code in ("de", "zh")}
    assert set(facts) == {"xnli", *shots}
    zero = digest(facts["xnli"][0])
    assert all(facts[name][0]["parent"] == zero and facts[name][1]["examples"] == 6 for name in shots)
    assert all(facts[name][1]["chosen_epoch"] == 2 for name in shots), "the last one, whatever English dev says"
    rows = {(row["task"], row["language"]): row for row in cells(Path("s"))}
    few = "xnli, 6 random shots"
    assert {key: row["status"] for key, row in rows.items()} == {
        **{("xnli", code): "ok" for code in ("en", "de", "zh", "sw")},
        **{(few, code): "ok" for code in ("en", "de", "zh")},
        (few, "sw"): "missing",
    }
    assert "validation.sw.jsonl.gz" in rows[few, "sw"]["error"]
    assert {(row["zero_shot_task"], row["shots"], row["sampling"]) for row in rows.values() if row["task"] == few} == {
        ("xnli", 6, "random")
    }
    assert (rows["xnli", "de"]["zero_shot_task"], rows["xnli", "de"]["sampling"]) == (None, None)
    assert rows[few, "en"]["score"] == rows["xnli", "en"]["score"] and f"stage:{zero}" in rows[few, "en"]["signature"]
    assert f"stage:{zero}" not in rows[few, "de"]["signature"]


@pytest.mark.parametrize("sampling", ["random", "shortest", "longest"])
def test_which_examples(sampling: str, root: Path, store_path: Path) -> None:
    taken = []
    for k in (5, 10):
        stage = plan(root, f"shots.k={k}", f"shots.sampling={sampling}").stages_for("de")[-1]
        [part], _ = training_data(stage, Store(store_path), 42, len)
        taken.append(part.data)
    small, large = (set(some["id"]) for some in taken)
    assert len(small) == 5 and small < large and len(large) == 10
    lengths = sorted(length(row) for row in nli_rows(root))
    found = sorted(length(row) for row in taken[1])
    assert found == {"shortest": lengths[:10], "longest": lengths[-10:]}.get(sampling, found)
    assert sampling != "random" or found not in (lengths[:10], lengths[-10:])


def nli_rows(root: Path) -> list[dict[str, object]]:
    del root
    return [{"text": row["premise"], "text_pair": row["hypothesis"]} for row in nli("de", 30, 300)]


def test_keys_and_too_few(root: Path, store_path: Path) -> None:
    keys = {
        digest(plan(root, *some).stages_for("de")[-1].key())
        for some in (
            ["shots.k=5"], ["shots.k=6"], ["shots.k=5", "shots.sampling=longest"], ["shots.k=5", "shots.epochs=3"],
            ["shots.k=5", "shots.learning_rate=0.1"], [],
        )
    }  # fmt: skip
    assert len(keys) == 6
    assert plan(root, "shots.k=5").stages_for("en") == plan(root).stages
    with pytest.raises(DataError, match=r"lower shots\.k or leave de out of languages"):
        training_data(plan(root, "shots.k=99").stages_for("de")[-1], Store(store_path), 42, len)
    with pytest.raises(DataError, match=r"lower shots\.k or leave de out of languages"):
        train(plan(root, "shots.k=99"), Store(store_path), False, "de")
    assert not (store_path / "stages").exists(), "known before the target is trained"


def test_english_shots_are_no_others(root: Path) -> None:
    """Data whose place names no language: a gap where they say that they are English, refused where they do not."""
    dev = "{path: xnli/validation.en.jsonl.gz, columns: {text: premise, text_pair: hypothesis}%s}"
    said = plan(root, "shots.k=5", f"task.data.files.dev=[{dev % ', languages: [en]'}]")
    with pytest.raises(DataMissing, match="no dev data in 'de'"):
        said.stages_for("de")
    assert len(said.stages_for("en")) == 1
    with pytest.raises(ConfigError, match=r"task\.data\.files\.dev\[0\] is xnli/validation\.en.* for every language"):
        plan(root, "shots.k=5", f"task.data.files.dev=[{dev % ''}]")
    unsaid = plan(root, f"task.data.files.dev=[{dev % ''}]")
    assert unsaid.stages[-1].key() == plan(root, f"task.data.files.dev=[{dev % ', languages: [en]'}]").stages[-1].key()


def test_the_scores_on_english_dev_end_no_few_shot_fit(root: Path) -> None:
    stages = plan(root, "shots.k=5", "task.recipe.patience=1").stages_for("de")
    assert [stage.recipe.patience for stage in stages] == [1, None]
