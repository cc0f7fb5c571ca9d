"""Stock nlpaug augmenters that are broken, or need what is not there: an error with its remedy before anything is
loaded, and nothing downloaded.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import nlpaug.model.lang_models as nml
import pytest
import torch
from transformers import BertConfig, BertForMaskedLM, BertTokenizer

from xtreme_noise import cli
from xtreme_noise.errors import ConfigError, NotApplicable
from xtreme_noise.noise import Perturber, build, foreign
from xtreme_noise.noise.edits import rebuild
from xtreme_noise.noise.families import nlpaug as guard

WORD, SENTENCE = "nlpaug.augmenter.word", "nlpaug.augmenter.sentence"


def word(name: str, **parameters: Any) -> Perturber:
    return build("nlpaug", augmenter=f"{WORD}.{name}", parameters=parameters, rate="aug_p")


@pytest.fixture
def nltk(monkeypatch: pytest.MonkeyPatch) -> Iterator[SimpleNamespace]:
    """An nltk without data, whose tagger and wordnet the test may give."""

    def absent(name: str) -> Any:
        def look(*_: Any, **__: Any) -> None:
            raise LookupError(f"Resource {name} not found.\n  >>> import nltk\n  >>> nltk.download('{name}')\n")

        return look

    made: Any = ModuleType("nltk")
    made.download = lambda *_, **__: pytest.fail("something was downloaded")
    made.pos_tag = absent("averaged_perceptron_tagger_eng")
    corpus: Any = ModuleType("nltk.corpus")
    corpus.wordnet = SimpleNamespace(synsets=absent("wordnet"))
    monkeypatch.setitem(sys.modules, "nltk", made)
    monkeypatch.setitem(sys.modules, "nltk.corpus", corpus)
    yield SimpleNamespace(nltk=made, wordnet=corpus.wordnet)


@pytest.mark.parametrize("name", ["SynonymAug", "AntonymAug"])
def test_wordnet(name: str, nltk: SimpleNamespace, monkeypatch: pytest.MonkeyPatch) -> None:
    """nlpaug 1.1.11 downloads a tagger under a name that nltk has given up, and fails at the first text."""
    with pytest.raises(ConfigError, match=rf"{name} needs .* -m nltk\.downloader averaged_perceptron_tagger_eng"):
        word(name)
    nltk.nltk.pos_tag = lambda _: []
    with pytest.raises(ConfigError, match=r"-m nltk\.downloader wordnet"):
        word(name)
    monkeypatch.setitem(sys.modules, "nltk", None)
    with pytest.raises(ConfigError, match="pip install nltk"):
        word(name)


def test_paraphrases(nltk: SimpleNamespace, tmp_path: Path) -> None:
    nltk.nltk.pos_tag = lambda _: []
    with pytest.raises(ConfigError, match="needs a file as its parameter model_path, but None is not a file"):
        word("SynonymAug", aug_src="ppdb")
    with pytest.raises(ConfigError, match="no-such-file"):
        word("SynonymAug", aug_src="ppdb", model_path=str(tmp_path / "no-such-file"))


def test_vectors_and_statistics(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setitem(sys.modules, "gensim", None)
    with pytest.raises(ConfigError, match="pip install gensim"):
        word("WordEmbsAug", model_type="glove")
    monkeypatch.setitem(sys.modules, "gensim", ModuleType("gensim"))
    with pytest.raises(ConfigError, match="WordEmbsAug needs a file as its parameter model_path"):
        word("WordEmbsAug", model_type="glove", model_path=str(tmp_path))
    with pytest.raises(ConfigError, match=r"TfIdfAug needs tfidfaug_w2idf\.txt"):
        word("TfIdfAug", model_path=str(tmp_path))


def test_masked_language_models(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ConfigError, match=r"fails with transformers 5 .* \{use_custom_api: false\}"):
        word("ContextualWordEmbsAug")
    with pytest.raises(ConfigError, match=r"neither a directory nor in the hub's cache: hf download no/such-bert"):
        word("ContextualWordEmbsAug", model_path="no/such-bert", use_custom_api=False)
    monkeypatch.setattr("xtreme_noise.noise.stock.version", lambda _: "4.57.1")
    with pytest.raises(ConfigError, match="neither a directory nor"):
        word("ContextualWordEmbsAug", model_path="no/such-bert")


@pytest.mark.parametrize(
    ("augmenter", "parameters", "message"),
    [
        (f"{WORD}.BackTranslationAug", {}, "no parameter for the amount of noise"),
        (f"{SENTENCE}.AbstSummAug", {}, "no parameter for the amount of noise"),
        (f"{SENTENCE}.LambadaAug", {}, "no parameter for the amount of noise"),
        (f"{SENTENCE}.ContextualWordEmbsForSentenceAug", {}, "no parameter for the amount of noise"),
        (f"{WORD}.ReservedAug", {}, "ReservedAug: TypeError: .*reserved_tokens"),
        (f"{WORD}.SpellingAug", {"dict_path": "no-such-file"}, "SpellingAug: .*no-such-file"),
        ("nlpaug.augmenter.audio.NoiseAug", {}, "not a class path inside nlpaug.augmenter.char, .word or .sentence"),
        ("nlpaug.augmenter.spectrogram.LoudnessAug", {}, "not a class path inside"),
    ],
)
def test_what_has_no_level_or_no_text(augmenter: str, parameters: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        build("nlpaug", augmenter=augmenter, parameters=parameters, rate="aug_p")


@pytest.mark.usefixtures("workdir")
@pytest.mark.parametrize("mode", ["plan", "preview", "run"])
def test_the_command_ends_at_once(
    mode: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(sys.modules, "nltk", None)
    command = [f"mode={mode}", "task=intents", "model=tiny", "noise=nlpaug", "noise.families.nlpaug.rate=aug_p"]
    assert cli.main([*command, f"noise.families.nlpaug.augmenter={WORD}.SynonymAug"]) == 2
    assert "pip install nltk" in capsys.readouterr().err


TEXTS = [f"the {one} dog saw the {other} cat" for one, other in (("small", "red"), ("old", "thin"))]


@pytest.fixture(scope="module")
def bert(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A masked language model with random weights that knows the words above."""
    folder = tmp_path_factory.mktemp("bert")
    words = sorted({word for text in TEXTS for word in text.split()})
    (folder / "vocab.txt").write_text("\n".join(["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *words]))
    BertTokenizer.from_pretrained(folder).save_pretrained(folder)
    torch.manual_seed(0)
    sizes = {"hidden_size": 16, "num_hidden_layers": 1, "num_attention_heads": 1, "intermediate_size": 16}
    BertForMaskedLM(BertConfig(vocab_size=len(words) + 5, max_position_embeddings=64, **sizes)).save_pretrained(folder)
    return folder


def test_a_masked_model_that_is_there_is_calibrated(bert: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its own model class fails with transformers 5; through their pipeline it works, on text that its tokenizer gives
    back as it was.
    """
    with pytest.raises(AttributeError):
        nml.Bert(str(bert), device="cpu")
    for module, name in ((guard, "_COARSE"), (guard, "_FINE"), (foreign, "_STEPS")):
        monkeypatch.setattr(module, name, 2)  # the pipeline starts a process for every word
    perturber = word("ContextualWordEmbsAug", model_path=str(bert), model_type="bert", use_custom_api=False, top_k=3)
    assert not perturber.label_preserving and not perturber.keeps_tokens
    perturber.prepare(TEXTS, 0.3, "en")
    noised = [perturber(text, 0.3, str(number), language="en") for number, text in enumerate(TEXTS)]
    assert any(result.edits for result in noised)
    assert all(rebuild(text, result.edits) == result.text for text, result in zip(TEXTS, noised, strict=True))
    with pytest.raises(NotApplicable, match="changes en text even at aug_p=0"):
        perturber.prepare(["The small dog didn't see it!"], 0.2, "en")
