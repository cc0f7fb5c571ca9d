"""A checkpoint's own head (task.train=false): its predictions are those of transformers alone, its labels the task's.

Small random checkpoints of four architectures with a head of every family, whose labels are in another order, and named
in another way, than those of the task.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import torch
import transformers
from transformers import AutoConfig, AutoTokenizer

from tests.e2e import world
from tests.hub_client import connect
from tests.hub_server import Repo, serve
from tests.unit.test_model_zoo import ZOO
from xtreme_noise import cli
from xtreme_noise.config import compose
from xtreme_noise.config.schema import Config
from xtreme_noise.data.sources import subsample
from xtreme_noise.errors import ConfigError, ModelUnavailable
from xtreme_noise.models import own_head
from xtreme_noise.modules.qa import MAX_ANSWER
from xtreme_noise.stages.model_cache import ModelCache
from xtreme_noise.stages.plan import Plan
from xtreme_noise.store import Store

NLI = ["CONTRADICTION", "Entailment", "neutral"]
UPOS = "x VERB noun ADJ ADP ADV AUX CCONJ DET INTJ NUM PART PRON PROPN PUNCT SCONJ SYM".split()
TASKS = {"classification": "xnli", "tagging": "udpos", "qa": "xquad", "multiple_choice": "xcopa"}
CLASSES = {
    "classification": "AutoModelForSequenceClassification", "tagging": "AutoModelForTokenClassification",
    "qa": "AutoModelForQuestionAnswering", "multiple_choice": "AutoModelForMultipleChoice",
}  # fmt: skip
LONGEST = {"classification": 40, "tagging": 64, "qa": 40, "multiple_choice": 40}  # tokens that a checkpoint can read
LANGUAGE = {"xnli": "de", "udpos": "de", "xquad": "de", "xcopa": "et"}


def named(names: list[str]) -> dict[str, Any]:
    return {"id2label": dict(enumerate(names)), "label2id": {name: at for at, name in enumerate(names)}}


def checkpoint(folder: Path, family: str, architecture: str = "xlmr", names: list[str] | None = None) -> Path:
    """A random checkpoint with a head, far from its small initial weights, so that its predictions differ."""
    folder.mkdir(parents=True, exist_ok=True)
    torch.manual_seed(1)
    ZOO[architecture](folder)
    names = names or {"classification": NLI, "tagging": UPOS}.get(family)
    head = named(names) if names else {}
    longest = LONGEST[family]
    positions = longest + 2 if architecture == "xlmr" else longest
    config = AutoConfig.from_pretrained(folder, initializer_range=0.5, max_position_embeddings=positions, **head)
    tokenizer = json.loads((folder / "tokenizer_config.json").read_text())
    tokenizer["model_max_length"] = 10**30 if architecture == "mbert" else longest  # mbert's limit is its positions
    (folder / "tokenizer_config.json").write_text(json.dumps(tokenizer))
    for file in folder.glob("*.safetensors"):
        file.unlink()
    getattr(transformers, CLASSES[family]).from_config(config).save_pretrained(folder)
    return folder


@pytest.fixture(scope="module")
def rows(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = world.data(tmp_path_factory.mktemp("rows"))
    world.choices(root)
    return root


def command(root: Path, task: str, model: Path | str, *more: str) -> list[str]:
    return [
        f"task={task}", "task.train=false", "model=own", f"model.path={model}", "source=files", f"source.root={root}",
        f"languages=[{LANGUAGE[task]}]", "trainer.progress=false", *more,
    ]  # fmt: skip


def ours(cfg: Config) -> tuple[dict[str, list[Any]], list[str]]:
    """The rows of the test set, and the framework's predictions for them."""
    plan, store = Plan(cfg), Store(cfg.store)
    [language] = cfg.wanted_languages()
    columns = subsample(plan.test(language).load(store), cfg.task.size.test, "test")[:]
    return columns, ModelCache(plan, store, False).get(language).predict(columns)


class Plainly:
    """What a user of transformers writes: own head, own tokenizer, one example at a time."""

    def __init__(self, folder: Path, family: str) -> None:
        self.tokenizer = AutoTokenizer.from_pretrained(folder)
        self.model = getattr(transformers, CLASSES[family]).from_pretrained(folder).eval()
        self.names = self.model.config.id2label

    def logits(self, **inputs: Any) -> Any:
        with torch.inference_mode():
            return self.model(**inputs)

    def classification(self, columns: Mapping[str, list[Any]], longest: int) -> list[str]:
        answers = []
        for text, pair in zip(columns["text"], columns["text_pair"], strict=True):
            inputs = self.tokenizer(text, pair, truncation=True, max_length=longest, return_tensors="pt")
            answers.append(self.names[int(self.logits(**inputs).logits.argmax())].lower())
        return answers

    def tagging(self, columns: Mapping[str, list[Any]], longest: int) -> list[str]:
        """The label of the first subword of every token."""
        answers = []
        for tokens in columns["tokens"]:
            ends = [len(" ".join(tokens[: at + 1])) for at in range(len(tokens))]
            inputs = self.tokenizer(" ".join(tokens), return_offsets_mapping=True, return_tensors="pt")
            spans = inputs.pop("offset_mapping")[0].tolist()
            assert len(spans) <= longest
            tags = self.logits(**inputs).logits[0].argmax(-1).tolist()
            first: dict[int, int] = {}
            for at, (low, high) in enumerate(spans):
                if high > low:
                    first.setdefault(next(word for word, end in enumerate(ends) if high <= end), tags[at])
            answers.append(" ".join(self.names[first[word]].upper() for word in range(len(tokens))))
        return answers

    def qa(self, columns: Mapping[str, list[Any]], longest: int) -> list[str]:
        """The best span over all windows; no null answer (SQuAD v1)."""
        answers = []
        for question, context in zip(columns["question"], columns["context"], strict=True):
            cut = min(64, longest // 3)
            ids = self.tokenizer(question, add_special_tokens=False, return_offsets_mapping=True)["offset_mapping"]
            question = question if len(ids) <= cut else question[: ids[cut - 1][1]]
            inputs = self.tokenizer(
                question, context, truncation="only_second", max_length=longest, stride=(longest - cut) // 3,
                return_overflowing_tokens=True, return_offsets_mapping=True, padding=True, return_tensors="pt",
            )  # fmt: skip
            parts = [inputs.sequence_ids(row) for row in range(len(inputs["input_ids"]))]
            spans = inputs.pop("offset_mapping").tolist()
            inputs.pop("overflow_to_sample_mapping")
            output = self.logits(**inputs)
            best, answer = float("-inf"), ""
            for row, offsets in enumerate(spans):
                inside = [at for at, part in enumerate(parts[row]) if part == 1 and offsets[at][1] > offsets[at][0]]
                for low in inside:
                    for high in (at for at in inside if low <= at < low + MAX_ANSWER):
                        score = float(output.start_logits[row, low] + output.end_logits[row, high])
                        if score > best:
                            best, answer = score, context[offsets[low][0] : offsets[high][1]]
            answers.append(answer)
        return answers

    def multiple_choice(self, columns: Mapping[str, list[Any]], longest: int) -> list[str]:
        answers = []
        for text, question, choices in zip(columns["text"], columns["question"], columns["choices"], strict=True):
            inputs = self.tokenizer(
                [f"{text} {question}"] * len(choices), choices, truncation=True, max_length=longest, padding=True,
                return_tensors="pt",
            )  # fmt: skip
            batch = {name: tensor.unsqueeze(0) for name, tensor in inputs.items()}
            answers.append(str(int(self.logits(**batch).logits.argmax())))
        return answers


@pytest.mark.parametrize("architecture", ZOO)
@pytest.mark.parametrize("family", TASKS)
def test_predictions_are_those_of_transformers(family: str, architecture: str, rows: Path, tmp_path: Path) -> None:
    folder = checkpoint(tmp_path / "mine", family, architecture)
    columns, predictions = ours(compose.jobs(command(rows, TASKS[family], folder))[0])
    assert predictions == getattr(Plainly(folder, family), family)(columns, LONGEST[family])
    assert len(set(predictions)) > 1


@pytest.mark.parametrize("architecture", ["mbert", "xlmr"])
@pytest.mark.parametrize("family", TASKS)
def test_on_real_rows(family: str, architecture: str, shared_data: Path, tmp_path: Path) -> None:
    folder = checkpoint(tmp_path / "mine", family, architecture)
    task, size = TASKS[family], 3 if family == "qa" else 12
    language = "languages=[tr]" if family == "tagging" else f"languages=[{LANGUAGE[task]}]"
    words = [*command(shared_data, task, folder, f"task.size.test={size}"), language]
    words.remove(f"languages=[{LANGUAGE[task]}]")
    columns, predictions = ours(compose.jobs(words)[0])
    if family == "tagging":  # longer sentences are split into windows, which transformers alone does not do
        fits = [at for at, tokens in enumerate(columns["tokens"]) if len(" ".join(tokens)) < LONGEST[family] - 2]
        assert len(fits) > 1
        columns = {name: [values[at] for at in fits] for name, values in columns.items()}
        predictions = [predictions[at] for at in fits]
    assert predictions == getattr(Plainly(folder, family), family)(columns, LONGEST[family])
    assert len(set(predictions)) > 1


NLI_MATCHES = {
    # names of the outputs, mapping -> labels of the task
    ("CONTRADICTION", "Entailment", "neutral"): ({}, ["contradiction", "entailment", "neutral"]),
    ("LABEL_0", "LABEL_1", "LABEL_2"): (
        {"LABEL_0": "neutral", "LABEL_1": "entailment", "LABEL_2": "contradiction"},
        ["neutral", "entailment", "contradiction"],
    ),
    ("yes", "neutral", "no"): (
        {"yes": "entailment", "no": "contradiction"},
        ["entailment", "neutral", "contradiction"],
    ),
    ("entailment", "not_entailment"): ({"not_entailment": "neutral"}, ["entailment", "neutral"]),
}


def _read(folder: Path, task: str, **labels: str) -> own_head.OwnHead:
    [cfg] = compose.jobs([f"task={task}", "task.train=false", "model=own", f"model.path={folder}", "source.root=data"])
    cfg.model.labels = labels
    return own_head.read(cfg.model, cfg.task, True)


def _config(folder: Path, architecture: str, names: tuple[str, ...]) -> Path:
    folder.mkdir(exist_ok=True)
    content = {"architectures": [architecture], "id2label": {str(at): name for at, name in enumerate(names)}}
    (folder / "config.json").write_text(json.dumps(content))
    return folder


@pytest.mark.parametrize("names", NLI_MATCHES)
def test_labels_are_matched(names: tuple[str, ...], tmp_path: Path) -> None:
    mapping, labels = NLI_MATCHES[names]
    assert (
        list(_read(_config(tmp_path, "XSequence" + "ForSequenceClassification", names), "xnli", **mapping).labels)
        == labels
    )


def test_separators_do_not_matter(tmp_path: Path) -> None:
    names = ("i_loc", "O", "B PER", "I-PER", "b-org", "I_ORG", "B_LOC")
    found = _read(_config(tmp_path, "BertForTokenClassification", names), "wikiann")
    assert found.labels == ("I-LOC", "O", "B-PER", "I-PER", "B-ORG", "I-ORG", "B-LOC")
    assert found.sources(["O", "B-PER"]) == [[1], [2]]


WRONG = {
    # names of the outputs, mapping, what the message says
    ("LABEL_0", "LABEL_1", "LABEL_2"): ({}, [
        "The model's: LABEL_0, LABEL_1, LABEL_2. The task's: entailment, neutral, contradiction",
        "'+model.labels={LABEL_0:?,LABEL_1:?,LABEL_2:?}'",
    ]),
    ("entailment", "not: this", "neutral"): ({}, [r"{entailment:entailment,not\: this:?,neutral:neutral}'"]),
    ("entailment", "neutral"): ({}, ["no label of the model has the name of contradiction"]),
    ("entailment", "neutral", "no"): ({"noo": "contradiction"}, ["the model has no label 'noo'"]),
    ("entailment", "neutral", "nope"): ({"nope": "contra"}, ["the task has no label 'contra'"]),
    ("a", "b", "c"): ({"a": "neutral"}, ["is not known for b, c", "{a:neutral,b:?,c:?}"]),
    ("Neutral", "neutral ", "entailment", "contradiction"): ({}, ["is not known for Neutral, neutral "]),
}  # fmt: skip


@pytest.mark.parametrize("names", WRONG)
def test_labels_that_differ_are_an_error(names: tuple[str, ...], tmp_path: Path) -> None:
    mapping, said = WRONG[names]
    with pytest.raises(ConfigError) as error:
        _read(_config(tmp_path, "BertForSequenceClassification", names), "xnli", **mapping)
    for words in said:
        assert words in str(error.value)


@pytest.mark.parametrize("names", [{"1": "entailment", "2": "neutral", "3": "contradiction"}, ["entailment"], "x"])
def test_names_that_are_not_those_of_the_outputs_are_an_error(names: Any, tmp_path: Path) -> None:
    """With a mapping, too: a label would stand for another output than its own."""
    content = {"architectures": ["BertForSequenceClassification"], "id2label": names}
    (tmp_path / "config.json").write_text(json.dumps(content))
    with pytest.raises(ConfigError, match=r"config\.json must have the name of every output"):
        _read(tmp_path, "xnli", LABEL_0="entailment")


@pytest.mark.parametrize("named", ["BertForSequenceClassification", {"a": 1}, [], [None], None])
def test_a_checkpoint_that_names_no_class_is_refused(named: Any, tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text(json.dumps({"architectures": named, "num_labels": 3}))
    with pytest.raises(ConfigError, match=r"names no class \(architectures in config\.json\)"):
        _read(tmp_path, "xnli")


def test_the_printed_option_can_be_given(tmp_path: Path) -> None:
    """With its question marks filled in, and special characters in the names."""
    names = ("a, b", "c: (d)", "e=f")
    folder = _config(tmp_path, "BertForSequenceClassification", names)
    text = own_head.option(dict(zip(names, ["neutral", "entailment", "contradiction"], strict=True)))
    words = ["task=xnli", "task.train=false", "model=own", f"model.path={folder}", "source.root=data", text.strip("'")]
    [cfg] = compose.jobs(words)
    assert own_head.read(cfg.model, cfg.task, True).labels == ("neutral", "entailment", "contradiction")


def test_several_outputs_may_stand_for_one_label(rows: Path, tmp_path: Path) -> None:
    names = [f"B-{name}" if at % 2 else name for at, name in enumerate(UPOS)] + ["I-NOUN"]
    folder = checkpoint(tmp_path / "mine", "tagging", names=names)
    mapping = {name: name.split("-")[-1].upper() for name in names}
    option = f"+model.labels={{{','.join(f'{name}:{label}' for name, label in mapping.items())}}}"
    columns, predictions = ours(compose.jobs(command(rows, "udpos", folder, option))[0])
    plainly = Plainly(folder, "tagging")
    plainly.names = {at: mapping[name] for at, name in plainly.names.items()}
    assert predictions == plainly.tagging(columns, LONGEST["tagging"])
    with pytest.raises(ConfigError, match=r"task\.class_scores: model\.labels maps several labels"):
        Plan(compose.jobs(command(rows, "udpos", folder, option, "task.class_scores=true"))[0])


def test_a_checkpoint_without_such_a_head_is_refused(rows: Path, tmp_path: Path) -> None:
    qa = checkpoint(tmp_path / "qa", "qa")
    with pytest.raises(ConfigError, match=r"is a XLMRobertaForQuestionAnswering, and xnli is a classification task"):
        Plan(compose.jobs(command(rows, "xnli", qa))[0])
    encoder = tmp_path / "encoder"
    encoder.mkdir()
    ZOO["mbert"](encoder)
    with pytest.raises(ConfigError, match=r"leave out task\.train=false to train one"):
        Plan(compose.jobs(command(rows, "xnli", encoder))[0])


def test_a_head_with_a_missing_weight_is_refused(rows: Path, tmp_path: Path) -> None:
    """BERT's pooler belongs to its head: random weights in its place would give random labels."""
    from safetensors.torch import load_file, save_file

    folder = checkpoint(tmp_path / "mine", "classification", "mbert")
    weights = load_file(folder / "model.safetensors")
    del weights["bert.pooler.dense.weight"]
    save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})
    with pytest.raises(ModelUnavailable, match=r"no head for .* \(bert\.pooler\.dense\.weight is missing\)"):
        ours(compose.jobs(command(rows, "xnli", folder))[0])


def test_the_key_depends_on_content_and_mapping(rows: Path, tmp_path: Path) -> None:
    names = ["LABEL_0", "LABEL_1", "LABEL_2"]
    folder = checkpoint(tmp_path / "mine", "classification", names=names)

    def key(labels: str) -> str:
        return Plan(compose.jobs(command(rows, "xnli", folder, f"+model.labels={labels}"))[0]).model_digest

    first = key("{LABEL_0:neutral,LABEL_1:entailment,LABEL_2:contradiction}")
    assert first == key("{LABEL_2:contradiction,LABEL_1:entailment,LABEL_0:neutral}")
    assert first != key("{LABEL_0:entailment,LABEL_1:neutral,LABEL_2:contradiction}")
    (folder / "tokenizer_config.json").write_text((folder / "tokenizer_config.json").read_text() + " ")
    assert first != key("{LABEL_0:neutral,LABEL_1:entailment,LABEL_2:contradiction}")


def test_a_study_of_ones_own_model(
    rows: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    folder = checkpoint(tmp_path / "my-model", "classification", "mbert")
    words = [*command(rows, "xnli", folder, "noise.levels=[0,0.1]", "sweep=s")]
    assert cli.main(["mode=plan", *words]) == 0
    planned = capsys.readouterr().out
    assert "stages to train" not in planned
    assert "xnli | my-model | own head" in planned
    assert "my-model: its own head, not trained here" in planned
    assert cli.main(words) == 0
    [job] = (tmp_path / "s/jobs").glob("*/job.json")
    record = json.loads(job.read_text())
    assert record["stages"] == []
    assert {cell["intermediate"] for cell in record["cells"]} == {"own head"}
    assert {cell["model"] for cell in record["cells"]} == {"my-model"}
    assert all("|stage:own head (" in cell["signature"] for cell in record["cells"])
    assert all("train_language" not in cell for cell in record["cells"])
    assert "own head" in (tmp_path / "s/report.html").read_text()


def test_a_trained_stage_opens_in_transformers_and_is_evaluated_as_a_model(
    rows: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As docs/models.md says: the folder of a stage is a checkpoint, whose own head gives the scores of the study."""
    monkeypatch.chdir(tmp_path)
    studied = world.words(rows, "task=xnli", "languages=[de]", "noise.levels=[0]", "sweep=s", "seed=3")
    assert cli.main(studied) == 0
    [job] = (tmp_path / "s/jobs").glob("*/job.json")
    trained = json.loads(job.read_text())
    folder = tmp_path / "store" / trained["stages"][0]["folder"]
    assert Plainly(folder, "classification").names == dict(enumerate(["entailment", "neutral", "contradiction"]))
    again = command(rows, "xnli", folder, "model.name=mine", "model.max_length=64", "noise.levels=[0]", "sweep=t")
    assert cli.main(again) == 0
    [other] = (tmp_path / "t/jobs").glob("*/job.json")
    scores = [[cell["score"] for cell in one["cells"]] for one in (trained, json.loads(other.read_text()))]
    assert scores[0] == scores[1]


def test_a_checkpoint_with_a_head_starts_an_arm(
    rows: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    folder = checkpoint(tmp_path / "mine", "classification")
    small = [word for word in world.words(rows, "task=udpos", "languages=[de]", "noise.levels=[0]", "sweep=s")
             if word != "model=tiny"]  # fmt: skip
    assert cli.main([*small, "model=own", f"model.path={folder}", "model.max_length=40"]) == 0
    said = "mine: only the encoder of its XLMRobertaForSequenceClassification is used, its head is dropped"
    assert said in capsys.readouterr().out


def test_a_model_of_the_hub(rows: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = checkpoint(tmp_path / "mine", "classification", "mbert")
    files = {file.name: file.read_bytes() for file in folder.iterdir()}
    with serve([Repo("model", "tiny/nli", files)]) as hub:
        connect(monkeypatch, hub.endpoint, tmp_path / "home")
        [cfg] = compose.jobs(command(rows, "xnli", "tiny/nli"))
        assert cfg.model.name == "nli"
        columns, predictions = ours(cfg)
    assert predictions == Plainly(folder, "classification").classification(columns, LONGEST["classification"])
