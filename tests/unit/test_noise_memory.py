"""Memory does not grow with the number of texts: caches have bounds, and of what noise did only sums are kept."""

from __future__ import annotations

import gc
import tracemalloc

import datasets
import pytest

from tests.golden.digests import FAMILIES, LETTERS, SAME, perturber
from xtreme_noise.noise import engine, text
from xtreme_noise.noise.apply import perturb
from xtreme_noise.noise.families import keyboard

CODES = ("hi", "en", "ja", "ko", "ru", "vi")


def sentences(code: str, count: int, start: int) -> list[str]:
    """Other sentences for every start, of the same forty words."""
    letters = LETTERS[code]
    words = [letters[i % 20 : i % 20 + 2 + i % 5] + ("." if i % 9 == 0 else "") for i in range(40)]
    return [" ".join(words[(n * 7 + i * (n % 11 + 1)) % 40] for i in range(12)) for n in range(start, start + count)]


def used() -> int:
    gc.collect()
    return tracemalloc.get_traced_memory()[0]


@pytest.mark.parametrize("family", [name for name in FAMILIES if name not in SAME])
def test_a_stream_of_texts_leaves_nothing_behind(family: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """With caches as if they were full: some families make new words of the old ones for ever."""
    noise = perturber(family)
    code = next(code for code in CODES if noise.supports(code))

    def run(count: int, start: int) -> None:
        for number, one in enumerate(sentences(code, count, start), start):
            noise(one, 0.2, str(number), language=code)

    run(100, 0)
    for module in (engine, text, keyboard):
        monkeypatch.setattr(module, "_KEPT", 0)
    run(100, 100)  # whatever is still to be remembered of these words
    tracemalloc.start()
    try:
        before = used()
        run(100, 200)
        grown = used() - before
    finally:
        tracemalloc.stop()
    assert grown < 15_000, f"{grown / 100:.0f} bytes a text"


def test_a_data_set_costs_its_noisy_copy() -> None:
    """What is kept of an example is its noisy text: its twelve or so edits would be 2,000 bytes and more."""
    noise = perturber("char")

    def peak(count: int) -> int:
        texts = sentences("en", count, 0)
        data = datasets.Dataset.from_dict({"id": [str(i) for i in range(count)], "text": texts, "label": [0] * count})
        given: dict[str, str | int] = {"family": "classification", "field": "text", "language": "en", "seed": 0}
        tracemalloc.start()
        try:
            perturb(data, perturber=noise, level=0.2, dataset_name="d", split="test", **given)  # type: ignore[arg-type]
            return tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()

    peak(100)
    assert peak(500) - peak(100) < 400 * 800


def test_caches_have_bounds(monkeypatch: pytest.MonkeyPatch) -> None:
    for module, kept in ((engine, 500), (text, 300), (keyboard, 200)):
        monkeypatch.setattr(module, "_KEPT", kept)
    monkeypatch.setattr(text, "_seen", {})
    noise = perturber("keyboard")
    clusters = [chr(0x915 + i % 37) + chr(0x93E + i % 15) * (1 + i // 555) for i in range(2000)]
    for at in range(0, 2000, 20):
        noise(" ".join(clusters[at : at + 20]), 1.0, "x", language="hi")
    table = getattr(noise, "_tables")["hi"]  # noqa: B009
    assert len(table) <= 500
    assert len(text._seen) <= 300
    assert 100 < len(table.known) <= 200
