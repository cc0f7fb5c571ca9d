"""F1 over tag spans, as XTREME scores UDPOS and WikiANN: seqeval on the unchanged tags, micro average.

Source: google-research/xtreme, third_party/evaluate_pos / evaluate_ner (seqeval f1_score). In POS tags without a B- or
I- prefix, seqeval takes the first letter for the prefix and joins neighbours with the same tag into a span; this is the
official number, so it is kept. Token accuracy is reported beside it under its own name.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from functools import cache
from operator import eq

from xtreme_noise.errors import DataError
from xtreme_noise.metrics.base import Metric, Scored, same_length

OUTSIDE = "O"


def spans(sentences: Iterable[Sequence[str]]) -> Iterator[set[tuple[str, int, int]]]:
    """seqeval's spans (type, first, last token in the corpus), by the sentence in which each ends.

    Computed over the whole corpus, not sentence by sentence: for the one-letter tag X, seqeval's result at the start of
    a sentence depends on what comes before, and so does the official number.
    """
    at = begin = 0
    previous: str | None = None
    for sentence in sentences:
        given: set[tuple[str, int, int]] = set()
        for tag in (*sentence, OUTSIDE):  # seqeval puts one O after each sentence
            ends, starts, kind = _border(previous, tag)
            if ends:
                given.add((kind, begin, at - 1))
            if starts:
                begin = at
            previous = tag
            at += 1
        yield given


@cache
def _border(previous: str | None, tag: str) -> tuple[bool, bool, str]:
    """seqeval's rules for two neighbouring tags (None: nothing before): whether a span ends between them, whether one
    starts, and the type of the span that ends. Cached, because few pairs of tags occur."""
    from seqeval.metrics.sequence_labeling import end_of_chunk, start_of_chunk

    before, old = (OUTSIDE, "") if previous is None else _parts(previous)
    after, new = _parts(tag)
    return end_of_chunk(before, after, old, new), start_of_chunk(before, after, old, new), old


def _parts(tag: str) -> tuple[str, str]:
    """Prefix and type of a tag, as in seqeval's get_entities."""
    return tag[0], tag[1:].split("-", maxsplit=1)[-1] or "_"


def split_tags(predictions: Sequence[str], gold: Sequence[str]) -> tuple[list[list[str]], list[list[str]]]:
    """Predicted and gold tags by sentence. Raises DataError unless each token has both."""
    same_length(predictions, gold)
    guessed, true = [tags.split() for tags in predictions], [tags.split() for tags in gold]
    for guess, truth in zip(guessed, true, strict=True):
        if len(guess) != len(truth):
            raise DataError(f"{len(guess)} predicted tags for {len(truth)} tokens: {' '.join(guess)!r}")
    return guessed, true


def right_tags(guess: Sequence[str], truth: Sequence[str]) -> int:
    """The number of tokens with the right tag."""
    return sum(map(eq, guess, truth))


class SpanF1(Metric):
    """span_f1/v1: 2 * true positives / (predicted + gold spans), summed over sentences; 0 without any span."""

    name = "span_f1"

    def score(self, predictions: Sequence[str], gold: Sequence[str]) -> Scored:
        guessed, true = split_tags(predictions, gold)
        num, den = [], []
        for predicted_spans, gold_spans in zip(spans(guessed), spans(true), strict=True):
            num.append(2.0 * len(predicted_spans & gold_spans))
            den.append(float(len(predicted_spans) + len(gold_spans)))
        score = sum(num) / sum(den) if sum(den) else 0.0
        accuracy = sum(map(right_tags, guessed, true)) / sum(map(len, true))
        whole: list[bool | None] = [guess == truth for guess, truth in zip(guessed, true, strict=True)]
        return Scored(score, num, den, whole, {"token_accuracy": accuracy})

    def decisions(self, prediction: str, gold: str) -> list[tuple[str, bool]]:
        """One decision per token, so that flips in tagging are counted over tokens."""
        return [(p, p == g) for p, g in zip(prediction.split(), gold.split(), strict=True)]
