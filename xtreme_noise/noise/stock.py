"""Checks what stock nlpaug augmenters need besides nlpaug, before anything is loaded or trained.

nlpaug downloads corpora and models when an augmenter is created or first used, in the middle of a study, and some of
its augmenters fail only then. Nothing is downloaded here.
"""

from __future__ import annotations

import importlib
import importlib.util
from collections.abc import Callable, Mapping
from importlib.metadata import version
from pathlib import Path
from typing import Any

import regex

from xtreme_noise.errors import ConfigError

_TFIDF = ("tfidfaug_w2idf.txt", "tfidfaug_w2tfidf.txt")
_RESOURCE = regex.compile(r"nltk\.download\('([\w.-]+)'\)")


def check(path: str, parameters: Mapping[str, Any]) -> bool:
    """Whether the augmenter at this class path is quick to create, so that its parameters can be checked.

    Raises ConfigError, with the remedy, for a missing package, corpus or model.
    """
    name = path.rpartition(".")[2]
    needs = _NEEDS.get(name)
    if needs:
        try:
            needs(parameters)
        except ConfigError as error:
            raise ConfigError(f"{path} {error}") from None
    return name not in _LARGE


def _wordnet(parameters: Mapping[str, Any]) -> None:
    nltk = _package("nltk")
    ppdb = parameters.get("aug_src") == "ppdb"
    if ppdb:
        _file(parameters.get("model_path"), "model_path")
    try:
        nltk.pos_tag(["text"])
        if not ppdb:
            importlib.import_module("nltk.corpus").wordnet.synsets("text", lang=parameters.get("lang", "eng"))
    except LookupError as error:
        named = _RESOURCE.search(str(error))
        resource = named[1] if named else "wordnet averaged_perceptron_tagger_eng"
        raise ConfigError(f"needs data of nltk: python -m nltk.downloader {resource}") from None


def _embeddings(parameters: Mapping[str, Any]) -> None:
    _package("gensim")
    _file(parameters.get("model_path"), "model_path")


def _statistics(parameters: Mapping[str, Any]) -> None:
    folder = parameters.get("model_path", ".")
    for name in _TFIDF:
        if not Path(folder, name).is_file():
            raise ConfigError(f"needs {name} in its model_path, which is {folder}: train it with nlpaug's TfIdf model")


def _masked_model(parameters: Mapping[str, Any]) -> None:
    if parameters.get("use_custom_api", True) and int(version("transformers").split(".")[0]) >= 5:
        raise ConfigError(
            "fails with transformers 5 unless it goes through transformers' own pipeline: "
            "give parameters: {use_custom_api: false}"
        )
    model = parameters.get("model_path", "bert-base-uncased")
    if Path(model).is_dir():
        return
    if not isinstance(importlib.import_module("huggingface_hub").try_to_load_from_cache(model, "config.json"), str):
        raise ConfigError(
            f"needs the model {model!r}, which is neither a directory nor in the hub's cache: "
            f"hf download {model}, or give model_path: /a/local/directory"
        )


def _package(name: str) -> Any:
    try:
        return importlib.import_module(name)
    except ImportError:
        raise ConfigError(f"needs the package {name}, which is not installed: pip install {name}") from None


def _file(path: Any, parameter: str) -> None:
    if not isinstance(path, str) or not Path(path).is_file():
        raise ConfigError(f"needs a file as its parameter {parameter}, but {path!r} is not a file")


_NEEDS: dict[str, Callable[[Mapping[str, Any]], None]] = {
    "SynonymAug": _wordnet,
    "AntonymAug": _wordnet,
    "WordEmbsAug": _embeddings,
    "TfIdfAug": _statistics,
    "ContextualWordEmbsAug": _masked_model,
}
_LARGE = ("WordEmbsAug", "ContextualWordEmbsAug")  # load a model when created
