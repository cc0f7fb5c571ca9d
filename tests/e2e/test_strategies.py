"""Strategies of intermediate training with the tiny model: chains, heads that go on, a first phase, matched arms."""

from __future__ import annotations

import gzip
import json
import re
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file

from tests.e2e import world
from tests.e2e.world import QUICK, WORDS, cells, nli, pos, qa, sentence, write
from xtreme_noise import cli
from xtreme_noise.commands.plan import survey
from xtreme_noise.config import compose
from xtreme_noise.config.schema import Config
from xtreme_noise.errors import ConfigError, DataError
from xtreme_noise.stages.build_stages import portions
from xtreme_noise.stages.model_cache import train
from xtreme_noise.stages.plan import Plan
from xtreme_noise.stages.run import _trained
from xtreme_noise.stages.training_set import check_overlap, training_data
from xtreme_noise.store import Store, digest, manifest_key

STILL = "task.recipe.learning_rate=1.0e-12"  # weights stay where they began
CHAIN = [
    *(f"intermediate.stages.{name}.size.{part}" for name in ("qa", "nli") for part in ("train=8", "dev=4")),
    "intermediate.stages.qa.recipe.max_length=64", "intermediate.stages.qa.recipe.stride=16",
]  # fmt: skip


def words(root: Path, *overrides: str) -> list[str]:
    return world.words(root, "noise.levels=[0]", *overrides)


def job(root: Path, *overrides: str) -> Config:
    return world.job(root, "noise.levels=[0]", *overrides)


def fitted(root: Path, *overrides: str) -> None:
    """Train the stages of a job, without evaluation and report."""
    cfg = job(root, *overrides)
    train(Plan(cfg), Store(cfg.store), False)


def trained(store: Path) -> dict[str, dict[str, Any]]:
    """stage name -> what is known of it, with its key and directory."""
    found = {}
    for path in (store / "stages").glob("*/training.json"):
        facts = json.loads(path.read_text())
        found[facts["stage"]] = facts | {"key": manifest_key(path.parent), "path": path.parent}
    return found


def test_a_chain_goes_on_with_the_encoder_and_shares_its_first_stage(root: Path, store_path: Path) -> None:
    common = ["task=xnli", "languages=[en]", "sweep=s"]
    assert cli.main(words(root, *common, "intermediate=chain", "intermediate.arm=english", *CHAIN)) == 0
    stages = trained(store_path)
    assert set(stages) == {"qa/english", "nli/english", "xnli"}
    parents = {name: facts["key"]["parent"] for name, facts in stages.items()}
    assert parents == {
        "qa/english": None,
        "nli/english": digest(stages["qa/english"]["key"]),
        "xnli": digest(stages["nli/english"]["key"]),
    }
    alone = [text.replace("stages.qa.", "") for text in CHAIN if ".qa." in text]
    plan = Plan(job(root, *common, "intermediate=qa", "intermediate.arm=english", *alone))
    assert digest(plan.stages[0].key()) == digest(stages["qa/english"]["key"])
    assert {row["intermediate"] for row in cells(Path("s"))} == {"chain/english"}
    page = Path("s/report.html").read_text(encoding="utf-8")
    tokens = stages["qa/english"]["tokens"]
    assert f"qa/english: 8 examples, {tokens:,} tokens, 1 updates; arms matched by examples" in page
    other = Plan(
        job(root, *common, "intermediate=chain", "intermediate.arm=english", "intermediate.use=[nli,qa]", *CHAIN)
    )
    assert [stage.name for stage in other.stages] == ["nli/english", "qa/english", "xnli"]


def test_a_head_goes_on_where_it_is_asked_for(root: Path, store_path: Path) -> None:
    sizes = ["intermediate.size.train=12", "intermediate.size.dev=6", "intermediate.recipe.learning_rate=0.01"]
    for kept in ("true", "false"):
        fitted(
            root, "task=xnli", "intermediate=nli", "intermediate.arm=english", *sizes, STILL, f"task.keep_head={kept}"
        )
    found = list((store_path / "stages").glob("*/training.json"))
    assert len(found) == 3
    heads: dict[tuple[str, bool], torch.Tensor] = {}
    for path in found:
        key = manifest_key(path.parent)
        weights = load_file(path.parent / "model.safetensors")
        heads[key["role"], key["keeps_head"]] = weights["classifier.out_proj.weight"]
    first = heads["intermediate", False]
    assert torch.allclose(heads["target", True], first, atol=1e-6)
    assert not torch.allclose(heads["target", False], first, atol=1e-3)


def test_xcopa_learns_social_iqa_first_and_keeps_the_head(root: Path, store_path: Path) -> None:
    siqa = [
        {"context": sentence("en", n), "question": "Why?", "answerA": "cat", "answerB": "dog", "answerC": "sun",
         "label": str(n % 3 + 1)} for n in range(12)
    ]  # fmt: skip
    copa = [
        {
            "premise": sentence("en", n),
            "choice1": "cat",
            "choice2": "dog",
            "question": "cause",
            "idx": n,
            "label": n % 2,
        }
        for n in range(12)
    ]
    write(root / "social_i_qa/validation.en.jsonl.gz", siqa)
    for split in ("train", "validation"):
        write(root / f"copa/{split}.en.jsonl.gz", [row | {"premise": f"{split} {row['premise']}"} for row in copa])
    few = ["task.first.recipe.epochs=1", "task.first.recipe.learning_rate=0.01", STILL]
    fitted(root, "task=xcopa", *few)
    stages = trained(store_path)
    assert {name: facts["key"]["role"] for name, facts in stages.items()} == {
        "xcopa/social_i_qa": "first",
        "xcopa": "target",
    }
    one, two = (load_file(stages[name]["path"] / "model.safetensors") for name in ("xcopa/social_i_qa", "xcopa"))
    assert torch.allclose(one["classifier.weight"], two["classifier.weight"], atol=1e-6)


@pytest.mark.parametrize("match", ["examples", "tokens"])
def test_arms_have_the_same_number_of(match: str, root: Path, store_path: Path) -> None:
    """Chinese has fewer characters a sentence, so with the tiny model's tokens it takes more of them."""
    sizes = ["intermediate.size.train=20", "intermediate.size.dev=6", f"intermediate.match={match}"]
    fitted(root, "task=tatoeba", *sizes, "intermediate=nli", "intermediate.arm=english")
    fitted(
        root,
        "task=tatoeba",
        *sizes,
        "intermediate=nli",
        "intermediate.arm=multilingual",
        "intermediate.arms.multilingual.languages=[en,zh]",
    )
    one, other = (trained(store_path)[name] for name in ("nli/english", "nli/multilingual"))
    assert one["matched_by"] == other["matched_by"] == match
    assert one["examples"] == 20 and one["languages"] == {"en": 20}
    if match == "examples":
        assert other["languages"] == {"en": 10, "zh": 10} and one["updates"] == other["updates"]
        assert other["tokens"] < 0.9 * one["tokens"]
    else:
        assert one["tokens"] - 2 * 64 < other["tokens"] <= one["tokens"]
        assert other["languages"]["zh"] > other["languages"]["en"] > 5
        by_examples = Plan(job(root, "task=tatoeba", *sizes[:-1], "intermediate=nli", "intermediate.arm=english"))
        assert digest(one["key"]) == digest(by_examples.stages[0].key())
        assert [facts["matched_by"] for facts in _trained(by_examples, Store(store_path))] == ["examples"], (
            "that study's"
        )


def test_arms_have_the_same_number_of_updates(root: Path, store_path: Path) -> None:
    """Long contexts are several inputs each: without it the English arm would make more steps."""
    write(root / "jaquad/train.ja.jsonl.gz", qa("zh", 30, 700))
    common = [
        "task=tatoeba", "intermediate.size.train=18", "intermediate.recipe.epochs=2",
        "intermediate.recipe.batch_size=4", "intermediate.recipe.max_length=32", "intermediate.recipe.stride=4",
    ]  # fmt: skip
    arms = (
        ["intermediate=qa", "intermediate.arm=english"],
        ["intermediate=qa", "intermediate.arm=multilingual", "intermediate.arms.multilingual.languages=[en,ja]"],
    )
    steps = {}
    for match in ("examples", "updates"):
        for arm in arms:
            fitted(root, *common, *arm, f"intermediate.match={match}")
            planned = job(root, *common, *arm, f"intermediate.match={match}")
            plan = Plan(planned)
            [(_, work)] = survey([replace(planned, store=str(root / "nothing trained"))]).stages.values()
            facts = json.loads(
                (Store(planned.store).path("stages", plan.stages[0].key()) / "training.json").read_text()
            )
            assert work.inputs == [facts["windows"]]
            assert work.tokens == pytest.approx(facts["tokens"], rel=1e-9 if match == "examples" else 0.25)
        for path in (store_path / "stages").glob("*/training.json"):
            facts = json.loads(path.read_text())
            if facts["matched_by"]:
                steps[facts["matched_by"], facts["stage"]] = (facts["updates"], facts["tokens"])
    assert steps["examples", "qa/english"] > steps["examples", "qa/multilingual"]
    assert [steps["updates", f"qa/{arm}"][0] for arm in ("english", "multilingual")] == [10, 10]
    assert steps["updates", "qa/english"][1] < steps["examples", "qa/english"][1]


def test_the_examples_of_a_smaller_arm_are_in_the_larger_one(root: Path, store_path: Path) -> None:
    store, taken = Store(store_path), {}
    for size in (10, 20):
        for match in ("examples", "tokens"):
            arm = [
                "intermediate=nli",
                "intermediate.arm=multilingual",
                "intermediate.arms.multilingual.languages=[en,zh]",
            ]
            cfg = job(root, "task=tatoeba", *arm, f"intermediate.match={match}", f"intermediate.size.train={size}")
            parts, _ = training_data(Plan(cfg).stages[0], store, 42, lambda data: sum(map(len, data["text"])))
            taken[match, size] = {(part.language, name) for part in parts for name in part.data["id"]}
    for match in ("examples", "tokens"):
        assert taken[match, 10] < taken[match, 20]


def test_a_plan_says_what_is_matched(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    arms = [
        "intermediate=nli",
        "intermediate.arm=multilingual",
        "intermediate.arms.multilingual.languages=[en,zh]",
        "intermediate.size.train=20",
    ]
    assert cli.main(words(root, "mode=plan", "task=xnli", "languages=[en]", *arms, "intermediate.match=tokens")) == 0
    shown = capsys.readouterr().out
    spread = r"about \d+ examples \(en \d+, zh \d+\), \d updates"
    assert re.search(rf"nli/multilingual: arms matched by tokens; {spread}", shown), shown
    text = ["intermediate=mlm", "intermediate.arm=english", "intermediate.size.train=20"]
    assert cli.main(words(root, "mode=plan", "task=xnli", "languages=[en]", *text)) == 0
    assert re.search(r"20 examples, about \d+ updates", capsys.readouterr().out), "a long paragraph is several windows"
    steps = [
        "intermediate=qa",
        "intermediate.arm=english",
        "intermediate.size.train=18",
        "intermediate.recipe.batch_size=4",
    ]
    steps += ["intermediate.match=updates", "trainer.accumulate_grad_batches=2"]
    assert cli.main(words(root, "mode=plan", "task=tatoeba", "languages=[de]", *steps)) == 0
    assert "18 examples, 3 updates" in capsys.readouterr().out, "two batches of the five are an optimizer step"


def test_an_intermediate_stage_of_four_targets_is_trained_once(root: Path) -> None:
    targets = ["udpos", "xnli", "xquad", "tatoeba"]
    arm = [
        f"task={','.join(targets)}",
        "languages=[de]",
        "intermediate=nli",
        "intermediate.arm=english",
        "intermediate.size.train=12",
    ]
    jobs = compose.jobs(words(root, *arm), multirun=True)
    assert [cfg.task.name for cfg in jobs] == targets
    assert len({digest(Plan(cfg).stages[0].key()) for cfg in jobs}) == 1
    roles = [(stage.role, stage.name) for stage, _ in survey(jobs).stages.values()]
    assert roles == [("intermediate", "nli/english"), *(("target", name) for name in targets[:3])]


def nli_files(root: Path, *languages: str) -> None:
    """The same 30 examples in every language, as XNLI's validation set is."""
    for language in languages:
        write(root / f"xnli/validation.{language}.jsonl.gz", nli(language if language in WORDS else "en", 30, 300))


def ids(cfg: Config, store: Path) -> dict[str, set[str]]:
    parts, _ = training_data(Plan(cfg).stages[0], Store(store), 42, lambda data: sum(map(len, data["text"])))
    return {part.language: set(part.data["id"]) for part in parts}


def test_translated_arms_hold_the_same_examples(root: Path, store_path: Path) -> None:
    """In every language the same ones; or each in one language, and together those of the English arm."""
    nli_files(root, "en", "de", "zh")
    common = ["task=tatoeba", "intermediate.size.train=12"]
    many = [
        *common,
        "intermediate=nli_parallel",
        "intermediate.arm=translated",
        "intermediate.arms.translated.languages=[en,de,zh]",
    ]
    same = ids(job(root, *many, "intermediate.items=same"), store_path)
    assert same["en"] == same["de"] == same["zh"] and len(same["en"]) == 4
    distinct = ids(job(root, *many), store_path)
    english = ids(job(root, *common, "intermediate=nli_parallel", "intermediate.arm=english"), store_path)
    assert set.union(*distinct.values()) == english["en"] and sum(map(len, distinct.values())) == 12
    for size, count in ((31, 30), (26, 25)):
        write(root / "xnli/validation.de.jsonl.gz", nli("de", count, 300))  # the second time it lacks five
        words = [*many, f"intermediate.size.train={size}"]
        with pytest.raises(DataError, match=f"{count} examples exist in all languages, {size} are needed"):
            ids(job(root, *words), store_path)
    distinct = ids(job(root, *many, "intermediate.size.train=25"), store_path)
    assert set.union(*distinct.values()) == ids(
        job(root, *many[:-1], "intermediate.arms.translated.languages=[de]", "intermediate.size.train=25"), store_path
    )["de"] and [len(distinct[code]) for code in distinct] == [9, 8, 8]


def test_mixtures_by_weight(root: Path, store_path: Path) -> None:
    nli_files(root, "en", "de", "zh")
    arm = [
        "task=tatoeba",
        "intermediate=nli_parallel",
        "intermediate.arm=translated",
        "intermediate.arms.translated.languages=[en,de,zh]",
    ]
    arm.append("intermediate.items=same")
    weights = "intermediate.weights={en:2,zh:0.5}"
    for size, wanted in ((14, [8, 4, 2]), (20, [11, 6, 3])):
        found = ids(job(root, *arm, weights, f"intermediate.size.train={size}"), store_path)
        assert [len(found[code]) for code in ("en", "de", "zh")] == wanted
    assert portions(10, [1, 1, 1]) == [4, 3, 3]
    with pytest.raises(ConfigError, match="none of the 14 examples would be in de"):
        Plan(job(root, *arm, "intermediate.weights={de:0.001}", "intermediate.size.train=14"))


def test_the_languages_that_are_evaluated_or_not(root: Path) -> None:
    arm = ["task=xnli", "languages=[de,zh]", "intermediate=nli_parallel", "intermediate.arm=translated"]

    def languages(*overrides: str) -> list[str]:
        cfg = job(root, *arm, *overrides)
        return cfg.trained_languages(cfg.intermediate)

    assert languages("intermediate.evaluated=seen") == ["en", "de", "zh"]
    unseen = languages("intermediate.evaluated=unseen")
    assert unseen[0] == "en" and len(unseen) == 11 and not {"de", "zh"} & set(unseen)
    assert languages("intermediate.first_languages=3") == ["en", "ar", "de"]
    assert languages("task=mlqa_cross", "languages=[de-zh]", "intermediate.evaluated=seen") == ["en", "de", "zh"]
    assert job(root, *arm, "intermediate.evaluated=unseen").seen_languages() == set(unseen)
    matched = ["intermediate=topic", "intermediate.arm=matched"]
    assert languages(*matched) == ["en", "de", "zh"], "the arm itself says so"
    assert len(languages("intermediate=topic", "intermediate.arm=multilingual")) == 14
    tagged = ["intermediate=pos", "intermediate.arm=matched", "task=wikiann", "languages=[de,fi,zh]"]
    assert languages(*tagged) == ["en", "fi", "zh"], "there is no German training set"


def test_the_dev_set_of_the_target_is_no_training_data(root: Path) -> None:
    nli_files(root, "en", "de")
    arm = ["intermediate=nli_parallel", "intermediate.arm=translated", "intermediate.size.train=8"]
    for languages in ("[en,de]", "[de]"):  # a translation of what chooses the epoch is no better than itself
        with pytest.raises(ConfigError, match=r"chooses its epoch on files:xnli/validation\.en"):
            Plan(job(root, "task=xnli", "languages=[de]", *arm, f"intermediate.arms.translated.languages={languages}"))


@pytest.mark.parametrize(
    ("cut", "arm", "passes"), [("[0, 0.7]", "english", True), ("[0, 0.8]", "english", False), ("[0, 0.7]", "de", False)]
)
def test_two_cuts_of_a_file_may_be_dev_and_training_data(cut: str, arm: str, passes: bool, root: Path) -> None:
    nli_files(root, "en", "de")
    split = "{path: 'xnli/validation.{language}.jsonl.gz', columns: {text: premise, text_pair: hypothesis}, cut: %s}"
    arms = {"english": ["intermediate=nli_parallel", "intermediate.arm=english"]}
    chosen = arms.get(
        arm, ["intermediate=nli_parallel", "intermediate.arm=translated", "intermediate.arms.translated.languages=[de]"]
    )
    data = [f"intermediate.data.files.train=[{split % cut}]", f"task.data.files.dev=[{split % '[0.7, 1]'}]"]
    with nullcontext() if passes else pytest.raises(ConfigError, match="chooses its epoch on"):
        Plan(job(root, "task=xnli", "languages=[de]", *chosen, *data, "intermediate.size.train=8"))


@pytest.mark.usefixtures("workdir")
def test_made_data_are_made_apart() -> None:
    [found] = compose.jobs([*QUICK, "noise.levels=[0]", "task=slots", "intermediate=slots", "intermediate.arm=english"])
    assert Plan(found).stages


@pytest.mark.usefixtures("workdir")
@pytest.mark.parametrize(
    ("kind", "arm", "count"),
    [
        ("nli", "native", 5),
        ("qa", "native", 7),
        ("nli_parallel", "translated", 13),
        ("nli_translated", "translated", 2),
    ],
)
def test_native_and_translated_data_there_are(
    kind: str, arm: str, count: int, shared_data: Path, tmp_path: Path
) -> None:
    words = [f"intermediate={kind}", f"intermediate.arm={arm}", "source=files", f"source.root={shared_data}"]
    [cfg] = compose.jobs(["task=tatoeba", *words])
    parts, _ = training_data(Plan(cfg).stages[0], Store(tmp_path), 42, len)
    assert len(parts) == count and sum(len(part.data) for part in parts) == cfg.intermediate.size.train


@pytest.mark.usefixtures("workdir")
def test_every_language_has_its_share_of_parts_of_speech(shared_data: Path) -> None:
    words = ["intermediate=pos", "intermediate.arm=multilingual", "source=files", f"source.root={shared_data}"]
    [cfg] = compose.jobs(["task=tatoeba", *words])
    [stage] = Plan(cfg).stages
    assert sum(sample.size or 0 for sample in stage.samples) == cfg.intermediate.size.train
    for sample in stage.samples:
        with gzip.open(shared_data / f"udpos_xtreme/train.{sample.reference.language}.jsonl.gz") as file:
            assert sum(1 for _ in file) >= (sample.size or 0) == 700


def test_parts_of_speech_before_a_target_that_tests_the_same_sentences(root: Path, store_path: Path) -> None:
    """As in XTREME's English data."""
    write(root / "udpos_xtreme/train.en.jsonl.gz", [*pos("en", 30, 100), *pos("en", 1)])
    arm = ["intermediate=pos", "intermediate.arm=english", "intermediate.size.train=8"]
    stage = Plan(job(root, "task=udpos", "languages=[de]", *arm)).stages[0]
    with pytest.raises(DataError, match=r"pos/english.*1 of 31 training examples occur in the test set"):
        check_overlap(stage, Store(store_path))


def test_the_length_in_a_key_is_that_of_the_inputs(root: Path) -> None:
    """An intermediate stage is shared by targets of other lengths, and by a model that could take more."""

    def key(task: str, length: int) -> str:
        return digest(Plan(job(root, f"task={task}", f"model.max_length={length}")).stages[-1].key())

    assert key("xnli", 128) == key("xnli", 200) != key("xnli", 64)
    assert key("xquad", 128) != key("xquad", 200)
