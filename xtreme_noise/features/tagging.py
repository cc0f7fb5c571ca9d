"""Features of tagged sentences.

Inputs that are too long are split into windows at token borders, never truncated: every token gets a tag.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from functools import cached_property
from itertools import accumulate
from typing import TYPE_CHECKING

from xtreme_noise.features.base import Columns, Features

if TYPE_CHECKING:
    from xtreme_noise.data.batching import Feature


class TaggingFeatures(Features):
    """One feature for each window of a sentence."""

    @cached_property
    def _needs_text(self) -> bool:
        """Whether the tokenizer, given single words, lacks the space before them (byte-level BPE, Gemma's)."""
        words = ["a", "b"]
        apart = self.tokenizer(words, is_split_into_words=True, add_special_tokens=False)["input_ids"]
        together = self.tokenizer(" ".join(words), add_special_tokens=False)["input_ids"]
        return list(together) != list(apart)

    def _pieces(self, sentences: Sequence[Sequence[str]]) -> list[list[list[int]]]:
        """Subword ids of each token, as in the running sentence.

        A token without subwords (a lone control character) becomes the unknown token. A token whose first subword
        belongs to the token before it has an empty list.
        """
        if self._needs_text:
            return self._pieces_of_texts(sentences)
        encoding = self.tokenizer(
            [list(tokens) for tokens in sentences], is_split_into_words=True, add_special_tokens=False
        )
        result: list[list[list[int]]] = []
        for row, tokens in enumerate(sentences):
            pieces: list[list[int]] = [[] for _ in tokens]
            for word, piece in zip(encoding.word_ids(row), encoding["input_ids"][row], strict=True):
                pieces[word].append(piece)
            result.append([ids or [self.tokenizer.unk_token_id] for ids in pieces])
        return result

    def _pieces_of_texts(self, sentences: Sequence[Sequence[str]]) -> list[list[list[int]]]:
        """The same from running text; a space belongs to the token after it, as in tokenizers that add it."""
        texts = [" ".join(tokens) for tokens in sentences]
        encoding = self.tokenizer(texts, add_special_tokens=False, return_offsets_mapping=True)
        result: list[list[list[int]]] = []
        for row, tokens in enumerate(sentences):
            ends = [after - 1 for after in accumulate(len(token) + 1 for token in tokens)]
            pieces: list[list[int]] = [[] for _ in tokens]
            for piece, (low, _) in zip(encoding["input_ids"][row], encoding["offset_mapping"][row], strict=True):
                pieces[min(bisect_right(ends, low), len(tokens) - 1)].append(piece)
            for ids, token, end in zip(pieces, tokens, ends, strict=True):
                inside = range(end - len(token), end)
                if not ids and all(encoding.char_to_token(row, at) is None for at in inside):
                    ids.append(self.tokenizer.unk_token_id)
            result.append(pieces)
        return result

    def _windows(self, sentences: Sequence[Sequence[str]]) -> list[list[Feature]]:
        """Windows of whole tokens; `_heads` are the positions of each token's first subword in its window.

        A single token that is longer than a window is truncated; its tag is read from its first subword anyway.
        """
        before, after = self.frame
        room = self.limits.max_length - len(before) - len(after)
        result: list[list[Feature]] = []
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
            result.append([self._window(window, before, after) for window in windows])
        return result

    def _window(self, tokens: list[list[int]], before: list[int], after: list[int]) -> Feature:
        ids, heads = list(before), []
        for piece in tokens:
            heads.append(len(ids) if piece else len(ids) - 1)
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
                    if labels[head] == -100:  # a subword that two tokens share is trained on the first one's tag
                        labels[head] = tag
                at += len(heads)
                features.append(window | {"labels": labels})
        return features
