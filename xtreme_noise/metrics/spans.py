"""F1 over tag spans, as XTREME scores UDPOS and WikiANN: seqeval's spans of the unchanged tags, micro average.

Source: google-research/xtreme, third_party/evaluate_pos / evaluate_ner (f1_score of seqeval, in its default mode). Its
two rules, where a span ends and where one starts, are written anew here from seqeval 1.2.2 (sequence_labeling.py:
end_of_chunk, start_of_chunk); tests compare them with seqeval. In POS tags without a B- or I- prefix, the first letter
counts as the prefix, and neighbours with the same tag are joined into a span; this is the official number, so it is
kept. Token accuracy is reported beside it under its own name.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from functools import cache
from operator import eq

from xtreme_noise.errors import DataError
from xtreme_noise.metrics.base import Metric, Scored, same_length

OUTSIDE = "O"
NO_SPAN = "O."  # prefixes at which another type alone neither ends nor starts a span


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
    """Of two neighbouring tags (None: nothing before): whether a span ends between them, whether one starts, and the
    type of the span that ends. Cached, because few pairs of tags occur."""
    before, old = (OUTSIDE, "") if previous is None else _parts(previous)
    after, new = _parts(tag)
    return _ends(before, after, old != new), _starts(before, after, old != new), old


def _ends(before: str, after: str, other_type: bool) -> bool:
    """Whether a span ends between two tags with these prefixes: B, I, E (end), S (single), O, or any other character.

    Even if none has started: seqeval counts such spans, too.
    """
    return before in "ES" or (before in "BI" and after in "BSO") or (other_type and before not in NO_SPAN)


def _starts(before: str, after: str, other_type: bool) -> bool:
    """Whether a span starts between two tags with these prefixes."""
    return after in "BS" or (after in "EI" and before in "ESO") or (other_type and after not in NO_SPAN)


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
