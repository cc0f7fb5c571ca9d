"""Structured prediction: one tag a token, read from the token's first subword (POS tagging, slots, NER).

An input longer than the model is cut into windows at token borders, never truncated: every token gets a tag.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import Any

from torch import Tensor
from transformers import AutoModelForTokenClassification

from xtreme_noise.data.batching import Feature
from xtreme_noise.finite import answers
from xtreme_noise.modules.base import Columns, TaskModule, Unit


class TaggingModule(TaskModule):
    """A unit is the tuple of tokens; its value one tag index a token."""

    family = "tagging"
    auto_class = AutoModelForTokenClassification

    @cached_property
    def _frame(self) -> tuple[list[int], list[int]]:
        """The special tokens before and after a single input."""
        encoding = self.tokenizer("a", return_special_tokens_mask=True)
        ids, special = encoding["input_ids"], encoding["special_tokens_mask"]
        first, last = special.index(0), len(special) - special[::-1].index(0)
        return ids[:first], ids[last:]

    def _pieces(self, sentences: Sequence[Sequence[str]]) -> list[list[list[int]]]:
        """Subword ids of each token. A token without any (a lone control character) stands as the unknown token."""
        encoding = self.tokenizer(
            [list(tokens) for tokens in sentences], is_split_into_words=True, add_special_tokens=False
        )
        found: list[list[list[int]]] = []
        for row, tokens in enumerate(sentences):
            pieces: list[list[int]] = [[] for _ in tokens]
            for word, piece in zip(encoding.word_ids(row), encoding["input_ids"][row], strict=True):
                pieces[word].append(piece)
            found.append([ids or [self.tokenizer.unk_token_id] for ids in pieces])
        return found

    def _windows(self, sentences: Sequence[Sequence[str]]) -> list[list[Feature]]:
        """Windows of whole tokens; `_heads` holds each token's first subword in its window.

        A single token longer than a window keeps its first subwords, from which its tag is read.
        """
        before, after = self._frame
        room = self.limits.max_length - len(before) - len(after)
        found: list[list[Feature]] = []
        for pieces in self._pieces(sentences):
            windows: list[list[list[int]]] = [[]]
            used = 0
            for whole in pieces:
                ids = whole[:room]
                if windows[-1] and used + len(ids) > room:
                    windows.append([])
                    used = 0
                windows[-1].append(ids)
                used += len(ids)
            found.append([self._window(window, before, after) for window in windows])
        return found

    def _window(self, tokens: list[list[int]], before: list[int], after: list[int]) -> Feature:
        ids, heads = list(before), []
        for piece in tokens:
            heads.append(len(ids))
            ids += piece
        ids += after
        feature = {"input_ids": ids, "attention_mask": [1] * len(ids), "_heads": heads}
        if "token_type_ids" in self.tokenizer.model_input_names:
            feature["token_type_ids"] = [0] * len(ids)
        return feature

    def training_features(self, columns: Columns) -> list[Feature]:
        features = []
        for windows, tags in zip(self._windows(columns["tokens"]), columns["tags"], strict=True):
            at = 0
            for window in windows:
                heads = window.pop("_heads")
                labels = [-100] * len(window["input_ids"])
                for head, tag in zip(heads, tags[at : at + len(heads)], strict=True):
                    labels[head] = tag
                at += len(heads)
                features.append(window | {"labels": labels})
        return features

    def units(self, columns: Columns) -> list[tuple[Unit, ...]]:
        return [(tuple(tokens),) for tokens in columns["tokens"]]

    def features(self, units: Sequence[Any]) -> list[list[Feature]]:
        return self._windows(units)

    def outputs(self, batch: dict[str, Tensor]) -> list[Any]:
        logits = self.model(**batch).logits
        return answers(logits.argmax(-1).cpu().tolist(), logits, batch["attention_mask"])

    def value(self, unit: Unit, windows: Sequence[Feature], outputs: Sequence[Any]) -> Any:
        del unit
        return [row[head] for window, row in zip(windows, outputs, strict=True) for head in window["_heads"]]

    def predictions(self, columns: Columns, values: Mapping[Unit, Any]) -> list[str]:
        return [" ".join(self.labels[tag] for tag in values[unit]) for (unit,) in self.units(columns)]

    def gold(self, columns: Columns) -> list[str]:
        return [" ".join(self.labels[tag] for tag in tags) for tags in columns["tags"]]
