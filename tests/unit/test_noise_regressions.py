"""What once broke a promise of docs/noise.md: each here failed before it was repaired."""

from __future__ import annotations

from pathlib import Path
from statistics import fmean
from typing import Any

import datasets
import pytest

from tests.contract import check_text, check_tokens
from tests.files import table
from xtreme_noise.errors import ConfigError, DataError
from xtreme_noise.noise import Perturber, build
from xtreme_noise.noise.apply import perturb
from xtreme_noise.noise.edits import carry
from xtreme_noise.noise.families.nlpaug import Calibration
from xtreme_noise.noise.registry import checked_parameters, family_class
from xtreme_noise.stages.evaluate import saturated

ENGLISH = "The quick brown fox said Hello to the lazy dog and ran away from the old farmer's house at noon."
NUMBERS = ["In", "569", "years", "we", "saw", "1421", "stars", "."]


def made(family: str, **parameters: Any) -> Perturber:
    return family_class(family)(checked_parameters(family, parameters))


@pytest.mark.parametrize("family", ["mix", "sequence"])
def test_a_number_in_words_is_no_token_also_in_a_mix(family: str) -> None:
    heard = {"asr": {"weight": 3.0}, "char": {}}
    inner = {family: {"families": heard}, "keyboard": {}}
    for families in (heard, inner):
        for number in range(30):
            check_tokens(made(family, families=families), NUMBERS, 0.9, str(number), "en")
    noise = made("mix", families={"asr": {}})
    assert "five hundred" in noise(" ".join(NUMBERS), 1.0, "x", language="en").text
    assert noise.signature == "mix/v1(1 asr/v2)+tokens"
    assert made("mix", families={"asr": {"numbers": False}}).signature == "mix/v1(1 asr/v2(numbers=False))"


@pytest.mark.parametrize("level", [0.1, 0.3])
@pytest.mark.parametrize("names", [{"char": {}, "keyboard": {}}, {n: {"family": "char"} for n in "abcd"}])
def test_a_sequence_reaches_its_level_on_tokens(names: dict[str, Any], level: float) -> None:
    nested = {"sequence": {"families": names}, "again": {"family": "char"}}
    for noise in (made("sequence", families=names), made("sequence", families=nested)):
        reached = fmean(noise.tokens(ENGLISH.split(), level, str(i), language="en").achieved for i in range(300))
        assert reached == pytest.approx(level, abs=0.005 if level <= 0.1 else 0.01)


def test_a_sequence_says_that_a_step_runs_out() -> None:
    noise = made("sequence", families={"char": {}, "case": {}})
    noised = [noise(ENGLISH, 0.2, str(i), language="en") for i in range(50)]
    reached, capacity = fmean(one.achieved for one in noised), fmean(one.capacity for one in noised)
    assert reached < 0.16
    assert saturated(0.2, reached, capacity)
    assert 0.03 < capacity < 0.06  # two capitals of 96 for half of the level
    arabic = made("sequence", families={"char": {}, "diacritic": {}})(
        "كتب الولد الدرس في البيت", 0.2, "x", language="ar"
    )
    assert 0 < arabic.capacity < 0.1
    assert made("sequence")(ENGLISH, 0.1, "x", language="en").capacity > 0.7
    assert made("sequence")("", 0.1, "x", language="en").capacity == 0


def test_tokens_have_protected_spans() -> None:
    text = " ".join(NUMBERS)
    for noise in (made("char", digits=True), made("sequence"), made("mix", families={"asr": {}, "char": {}})):
        noised = noise.tokens(NUMBERS, 0.8, "x", language="en", protect=[(0, 6), (text.index("saw"), len(text))])
        assert noised.tokens[:2] == NUMBERS[:2]
        assert noised.tokens[4:] == NUMBERS[4:]
        assert noised.tokens[2:4] != NUMBERS[2:4]


def answers(context: str, *spans: tuple[int, int]) -> datasets.Dataset:
    texts = {"text": [context[a:b] for a, b in spans], "answer_start": [a for a, _ in spans]}
    return datasets.Dataset.from_list([{"id": "1", "question": "?", "context": context, "answers": texts}])


def test_no_answer_of_several_is_lost() -> None:
    context = "a b c d e f g h on 5 of"
    spans = [(at, at + 1) for at in range(0, 16, 2)]
    for seed in range(20):
        given: dict[str, Any] = {"family": "qa", "dataset_name": "x", "split": "test", "language": "en", "seed": seed}
        noisy = perturb(answers(context, *spans), field="context", perturber=made("word"), level=0.8, **given)
        assert all(noisy.dataset[0]["answers"]["text"])


def test_attested_noise_neither_protects_nor_loses_an_answer() -> None:
    data = answers("it was in Paris", (10, 15)).add_column("noisy_context", ["it was in"])
    given: dict[str, Any] = {"family": "qa", "dataset_name": "x", "split": "test", "language": "en", "seed": 0}
    with pytest.raises(DataError, match="example 1: an answer does not occur in the noisy side"):
        perturb(data, field="context", perturber=made("attested"), level=1.0, **given)
    with pytest.raises(ConfigError, match="cannot protect answers"):
        perturb(data, field="context_protected", perturber=made("attested"), level=1.0, **given)


def test_edits_of_a_stock_augmenter_stay_out_of_what_is_protected() -> None:
    noise: Any = build(
        "nlpaug", augmenter="nlpaug.augmenter.word.RandomWordAug", rate="aug_p", parameters={"action": "delete"}
    )
    noise._calibrations[0.5, "en"] = Calibration(0.6, 1.0)
    text = "na na na na na na na na na na"
    for number in range(40):
        noised = noise(text, 0.5, str(number), language="en", protect=[(12, 14), (21, 23)])
        for span in ((12, 14), (21, 23)):
            first, last = carry(span, noised.edits)
            assert noised.text[first:last] == "na"
            assert not any(edit.start < span[1] and edit.end > span[0] for edit in noised.edits)
    hindi = "क्षमा करें"
    noise._calibrations[0.5, "hi"] = Calibration(0.6, 1.0)
    assert noise(hindi, 0.5, "x", language="hi", protect=[(1, 6)]).text.startswith("क्षमा")


def test_a_stock_augmenter_that_does_less_at_its_highest_rate() -> None:
    noise: Any = build("nlpaug", parameters={"action": "swap"})
    words = "我们 今天 北京 开会 讨论 发展 计划 问题".split()
    texts = [" ".join(words[number % 4 :]) for number in range(20)]
    noise.prepare(texts, 0.1, "zh")
    reached = fmean(
        noise.tokens(text.split(), 0.1, str(i), language="zh").achieved for i, text in enumerate(texts * 10)
    )
    assert reached == pytest.approx(0.1, abs=0.03)
    assert fmean(noise(text, 0.1, str(i), language="zh").achieved for i, text in enumerate(texts * 10)) > 0.08


@pytest.mark.parametrize("rows", ["the\t\u0301abc\nfox\t\u200dx\n", "the\ta\u0600\nfox\t\u0327b\n"])
@pytest.mark.parametrize("family", ["natural", "codeswitch"])
def test_a_form_that_joins_its_neighbours_is_not_written(tmp_path: Path, family: str, rows: str) -> None:
    path = table(tmp_path, rows)
    for noise in (made(family, path=path), made("mix", families={family: {"path": path}})):
        check_text(noise, ENGLISH, 1.0, "x", "en")


def test_a_latin_word_on_the_thai_keyboard_does_not_join_the_space_before() -> None:
    check_text(made("wrong_layout"), "we eat every evening", 1.0, "x", "th")


@pytest.mark.parametrize("rows", ["the\tteh\t1e308\nthe\tthe e\t1\n", "the\tt\u00a0e\n", "the\tt\u2028e\n"])
def test_rows_that_no_table_of_typos_may_have(tmp_path: Path, rows: str) -> None:
    with pytest.raises(ConfigError, match=r"line 1: a weight is at most 1e\+300|with a space"):
        made("natural", path=table(tmp_path, rows))


def test_a_number_of_thousands_of_digits() -> None:
    assert made("asr")("A " + "1" * 5000, 0.1, "x", language="en").text.endswith("1" * 5000)


@pytest.mark.parametrize("characters", ["\u115f", "\u200b\u1160", "\u180e"])
def test_an_invisible_letter_of_a_script_is_refused(characters: str) -> None:
    with pytest.raises(ConfigError, match="invisible characters that join no letter"):
        made("invisible", characters=characters)


@pytest.mark.parametrize(
    ("family", "weights"),
    [
        ("char", ("insert", "delete", "substitute", "swap")),
        ("keyboard", ("adjacent", "doubled", "missed", "unshifted")),
        ("space", ("join", "double", "nbsp", "split")),
        ("word", ("drop", "repeat", "swap")),
        ("punctuation", ("drop", "double", "exchange")),
        ("diacritic", ("drop", "confuse")),
    ],
)
@pytest.mark.parametrize("scale", [1e-300, 1e305, 4e307])
def test_weights_on_any_scale(family: str, weights: tuple[str, ...], scale: float) -> None:
    text = "Thé quick, brown fôx jumps over. Ça va? Oui, ça va."
    alike = made(family, **dict.fromkeys(weights, 1.0))(text, 0.3, "x", language="fr")
    assert made(family, **dict.fromkeys(weights, scale))(text, 0.3, "x", language="fr") == alike


@pytest.mark.parametrize("weight", [1e308, 5e-324])
def test_shares_that_no_sum_can_hold_are_refused(weight: float) -> None:
    for family in ("mix", "sequence"):
        with pytest.raises(ConfigError, match=r"families\.char\.weight must be 0 or from 1e-100 to 1e\+100"):
            made(family, families={"char": {"weight": weight}, "keyboard": {"weight": weight}})


def test_a_family_that_proposes_what_costs_nothing_is_told_so() -> None:
    """It had given an empty text."""

    class Idle(family_class("char")):  # type: ignore[misc]
        def propose(self, _: int, site: int, units: Any, *__: Any) -> Any:
            return site, site + 1, (units[site],), 0

        replace = propose

    with pytest.raises(ValueError, match="changes that cost nothing"):
        Idle(checked_parameters("char", {}))(ENGLISH, 0.1, "x", language="en")
