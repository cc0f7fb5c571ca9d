"""The embedded rows, pinned: whoever changes them raises embedded.VERSION and these digests together."""

from __future__ import annotations

import hashlib
import json

import pytest

from xtreme_noise.data.embedded import INTENTS, PATHS, SLOT_TAGS, SPLITS, rows

DIGESTS = {
    "en": "9df09969b1a80a6b",
    "th": "aa72e62896d9d3cd",
    "zh": "e536a461fe20b9c4",
}


@pytest.mark.parametrize("language", DIGESTS)
def test_rows(language: str) -> None:
    content = [rows(path, language, split) for path in PATHS for split in SPLITS]
    assert hashlib.sha256(json.dumps(content).encode()).hexdigest()[:16] == DIGESTS[language]


def test_labels() -> None:
    """Indices are stored in prepared data and in trained heads: their order is part of the version."""
    assert len(INTENTS) == 17 and list(INTENTS) == sorted(INTENTS)
    expected = (
        *("O", "B-area", "I-area", "B-brightness", "I-brightness", "B-color", "I-color"),
        *("B-command", "I-command", "B-device_class", "I-device_class", "B-floor", "I-floor"),
        *("B-hours", "I-hours", "B-minutes", "I-minutes", "B-name", "I-name"),
        *("B-seconds", "I-seconds", "B-temperature", "I-temperature"),
    )
    assert SLOT_TAGS == expected  # noqa: SIM300
