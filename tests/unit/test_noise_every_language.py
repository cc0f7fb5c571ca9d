"""The contract of docs/noise.md on real text: every family in every language of XTREME-R."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.contract import check_text
from tests.golden.digests import FAMILIES, perturber
from xtreme_noise.data import sib200
from xtreme_noise.languages.codes import FLORES
from xtreme_noise.noise.text import graphemes

pytestmark = pytest.mark.data
PERTURBERS = [perturber(name) for name in FAMILIES]


@pytest.mark.parametrize("code", FLORES)
def test_contract_on_real_text(shared_data: Path, code: str) -> None:
    texts = sib200.sentences(shared_data, "test", code, 4)
    assert len(texts) == 4
    for noise in PERTURBERS:
        if not noise.supports(code):
            continue
        for number, text in enumerate(texts):
            noised = check_text(noise, text, (0.05, 0.3)[number % 2], str(number), code)
            assert len(graphemes(noised.text)) < 3 * len(graphemes(text))
