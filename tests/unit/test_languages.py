from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from tools import language_features
from xtreme_noise.errors import ConfigError
from xtreme_noise.languages import LANGUAGES, XTREME_R, language
from xtreme_noise.languages import features as table
from xtreme_noise.languages.codes import fill
from xtreme_noise.languages.features import DISTANCES, features, top_family
from xtreme_noise.noise import families
from xtreme_noise.noise.alphabets import groups
from xtreme_noise.noise.registry import plain


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


@pytest.mark.parametrize("script", ["Latn", "Cyrl", "Arab", "Deva", "Hans", "Jpan", "Kore", "Thai", "Ethi", "Grek"])
def test_a_language_of_the_language_table_alone_is_named(script: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """What it lacks elsewhere is said by a family that needs it, and by a file name that needs its code."""
    monkeypatch.setitem(LANGUAGES, "qq", replace(LANGUAGES["de"], code="qq", name="Quenya", script=script))
    # Of these two need a table, one a test set, and one all texts first.
    for family in set(families()) - {"natural", "codeswitch", "attested", "nlpaug"}:
        perturber = plain(family, {})
        try:
            if perturber.supports("qq"):
                perturber("Ein Satz 12 мама 我们 สวัสดี नमस्ते", 0.3, "id", language="qq")
        except ConfigError as error:
            assert "Quenya ('qq') has no" in str(error)
    assert fill("{language} {language_name}", "qq") == "qq Quenya"
    with pytest.raises(ConfigError, match=r"has no ISO 639-3 code: add it to xtreme_noise/languages/codes\.py"):
        fill("{iso639_3}", "qq")


def test_every_language_is_in_the_other_tables() -> None:
    for code in LANGUAGES:
        assert fill("{iso639_3}", code) and groups(code)


def test_features_of_the_fifty_languages() -> None:
    found = features()
    assert tuple(found) == XTREME_R
    assert all(0 <= getattr(row, name) <= 1 for row in found.values() for name in DISTANCES)
    assert all(getattr(found["en"], name) == 0 for name in DISTANCES)
    assert {code for code, row in found.items() if row.gib is None} == {"ht", "qu", "wo", "yo"}
    assert max(found.values(), key=lambda row: row.gib or 0).code == "en"
    assert (found["zh"].gib, found["de"].syn, found["eu"].fam) == (46.9, 0.0975, 1.0)
    assert table.TABLE.with_suffix(".LICENSE").is_file(), "URIEL is CC BY-SA"


def test_families_at_the_top_level() -> None:
    assert top_family("de") == top_family("hi") == "IE" and top_family("fi") == "Uralic"


def test_the_table_of_features_is_what_its_script_writes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """From distances with an isolate's empty cell and a negative zero, as lang2vec gives them."""
    rows = [line.split(",")[:6] for line in table.TABLE.read_text(encoding="utf-8").splitlines()]
    rows = [[cell if row[0] != "en" else cell.replace("0.0000", "-0.0") for cell in row] for row in rows]
    rows = [[*row[:4], "" if row[0] in ("eu", "qu") else row[4], row[5]] for row in rows]
    source, target = tmp_path / "distances.csv", tmp_path / "features.csv"
    source.write_text("".join(",".join(row) + "\n" for row in rows), encoding="utf-8")
    monkeypatch.setattr(language_features, "TABLE", target)
    language_features.main(str(source))
    assert target.read_bytes() == table.TABLE.read_bytes()
    source.write_text("".join(",".join(row) + "\n" for row in rows[:-1]), encoding="utf-8")
    with pytest.raises(ValueError, match="differs from XTREME-R in: zh"):
        language_features.main(str(source))
