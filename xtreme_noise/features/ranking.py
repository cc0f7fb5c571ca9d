"""Features of queries and candidates, for a dual encoder."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby
from typing import TYPE_CHECKING, Any, NamedTuple

from xtreme_noise.features.base import Columns, Features, plain

if TYPE_CHECKING:
    from xtreme_noise.data.batching import Feature

MAX_QUERY = 96  # tokens, as in the official scripts


class Text(NamedTuple):
    """A unit: a query, or a candidate with its paragraph."""

    query: bool
    text: str
    context: str | None = None


class RankingFeatures(Features):
    """One feature for each pair of a query and its candidate."""

    def training_features(self, columns: Columns) -> list[Feature]:
        queries = [features[0] for features in self.features(queries_of(columns))]
        texts = [features[0] for features in self.features(texts_of(columns))]
        return [{"query": query, "text": text} for query, text in zip(queries, texts, strict=True)]

    @staticmethod
    def tokens(feature: Feature) -> int:
        return len(feature["query"]["input_ids"]) + len(feature["text"]["input_ids"])

    def features(self, units: Sequence[Any]) -> list[list[Feature]]:
        features: list[list[Feature]] = []
        for (query, paired), some in groupby(units, lambda unit: (unit.query, unit.context is not None)):
            features += self._encode(list(some), query, paired)
        return features

    def _encode(self, group: Sequence[Text], query: bool, paired: bool) -> list[list[Feature]]:
        prefix = self.prefix if query else self.passage_prefix
        length = min(MAX_QUERY, self.limits.max_length) if query else self.limits.max_length
        texts, contexts = [prefix + unit.text for unit in group], None
        if paired:
            # Truncate beforehand, the paragraph first: for a pair, the tokenizer would return all combinations of the
            # overflowing pieces of both texts.
            room = length - self.tokenizer.num_special_tokens_to_add(pair=True)
            spans = self._spans(texts)
            rest = [max(0, room - len(some)) for some in spans]
            texts = [_beginning(text, some, room) for text, some in zip(texts, spans, strict=True)]
            whole = list(dict.fromkeys(str(unit.context) for unit in group))
            known = dict(zip(whole, self._spans(whole), strict=True))
            contexts = [_beginning(str(u.context), known[str(u.context)], n) for u, n in zip(group, rest, strict=True)]
        encoding = self.tokenizer(texts, contexts, truncation=True, max_length=length)
        names = self.tokenizer.model_input_names
        return [[plain(encoding, row, names)] for row in range(len(group))]

    def _spans(self, texts: list[str]) -> list[list[tuple[int, int]]]:
        """(start, end) in code points of every token of every text."""
        offsets: list[list[tuple[int, int]]] = self.tokenizer(
            texts, add_special_tokens=False, return_offsets_mapping=True, return_attention_mask=False
        )["offset_mapping"]
        return offsets


def queries_of(columns: Columns) -> list[Text]:
    return [Text(True, query) for query in columns["query"]]


def texts_of(columns: Columns) -> list[Text]:
    contexts = columns["context"] if "context" in columns else [None] * len(columns["text"])
    return [Text(False, text, context) for text, context in zip(columns["text"], contexts, strict=True)]


def _beginning(text: str, spans: Sequence[tuple[int, int]], tokens: int) -> str:
    """The first `tokens` tokens of a text."""
    if len(spans) <= tokens:
        return text
    return text[: spans[tokens - 1][1]] if tokens else ""
