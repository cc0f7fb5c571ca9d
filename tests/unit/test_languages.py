from __future__ import annotations

import pytest

from xtreme_noise.errors import ConfigError
from xtreme_noise.languages import LANGUAGES, XTREME_R, language


def test_fifty_languages_of_xtreme_r_and_every_further_one() -> None:
    assert len(XTREME_R) == 50
    assert list(LANGUAGES) == sorted(LANGUAGES)
    assert {"ca", "cs", "hr", "nb", "sl", "sr", "sv"} <= set(LANGUAGES) - set(XTREME_R)
    assert len({row.name for row in LANGUAGES.values()}) == len(LANGUAGES)


def test_rows_that_code_depends_on() -> None:
    assert {code for code, row in LANGUAGES.items() if row.rtl} == {"ar", "fa", "he", "ur"}
    assert {code for code, row in LANGUAGES.items() if not row.spaces} == {"zh", "ja", "th", "my"}
    assert language("zh").script == "Hans"
    assert language("ko").spaces


def test_covers_home_assistant_intents() -> None:
    from home_assistant_intents import get_languages

    plain = {code for code in get_languages() if "-" not in code}  # the others are regional variants
    assert plain <= set(LANGUAGES)


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ("dee", "did you mean 'de'"),
        ("German", "write its code, 'de'"),
        (False, "bare `no` as False"),
        ("False", "`nb`"),
    ],
)
def test_unknown_code_says_what_is_near(code: str, expected: str) -> None:
    with pytest.raises(ConfigError, match="unknown language") as caught:
        language(code)
    assert expected in str(caught.value)
