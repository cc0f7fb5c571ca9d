"""A question in one language about a context in another: codes, noise in the right language, one fit, scores."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from datasets import Dataset

from tests.e2e.world import cells, qa, sentence, words, write
from xtreme_noise import cli, metrics
from xtreme_noise.config import compose
from xtreme_noise.config.fields import spoken
from xtreme_noise.errors import ConfigError
from xtreme_noise.languages import language, main
from xtreme_noise.languages.codes import fill
from xtreme_noise.noise import build
from xtreme_noise.noise.alphabets import alphabet
from xtreme_noise.noise.apply import perturb
from xtreme_noise.stages.evaluate import identify
from xtreme_noise.stages.plan import Cell, Plan
from xtreme_noise.stages.plan import test_reference as held_out
from xtreme_noise.store import Store

PAIRS = ["zh-de", "de-zh"]


def rows(context: str, question: str, count: int = 6) -> list[dict[str, Any]]:
    return [
        row | {"question": sentence(question, number, 5)} for number, row in enumerate(qa(context, count, start=900))
    ]


def files(root: Path) -> Path:
    write(root / "squad/train.en.jsonl.gz", qa("en", 20, 400))
    write(root / "tydiqa_goldp/heldout.en.jsonl.gz", qa("en", 6, 500))
    write(root / "mlqa/dev.de.jsonl.gz", qa("de", 6))
    for pair in PAIRS:
        write(root / f"mlqa_xling/dev.ctx-{pair[:2]}.q-{pair[3:]}.jsonl.gz", rows(pair[:2], pair[3:]))
    return root


def test_a_pair_is_two_codes_of_the_table() -> None:
    row = language("ar-de")
    assert (row.code, row.name, row.script, row.rtl, row.xtreme_r) == ("ar-de", "Arabic-German", "Arab", True, True)
    assert main("ar-de") == "ar" == main("ar") and not language("de-sv").xtreme_r
    assert fill("dev.ctx-{first}.q-{second} {language}", "ar-de") == "dev.ctx-ar.q-de ar-de"
    with pytest.raises(ConfigError, match="unknown language 'xx'"):
        language("ar-xx")
    with pytest.raises(ConfigError, match=r"none of \{language\}, \{first\}, \{second\}"):
        fill("{iso639_3}", "ar-de")
    with pytest.raises(ConfigError, match="has the field 'first'"):
        fill("{first}", "ar")


def letters(before: str, after: str) -> set[str]:
    """What the noise has put in."""
    return set(after) - set(before)


@pytest.mark.parametrize("field", ["question", "context"])
@pytest.mark.usefixtures("workdir")
def test_noise_has_the_language_of_its_text(field: str) -> None:
    data = Dataset.from_list([row | {"id": str(n)} for n, row in enumerate(rows("zh", "de", 12))])
    common: dict[str, Any] = {
        "family": "qa", "field": field, "perturber": build("char"), "level": 0.5, "seed": 0, "language": "zh-de",
        "dataset_name": "mlqa", "split": "test",
    }  # fmt: skip
    [job] = compose.jobs(["task=mlqa_cross", "languages=[zh-de]", f"noise.field={field}"])
    code = {"question": "de", "context": "zh"}[field]
    assert spoken(job, "zh-de") == {field: code}
    noisy = perturb(data, **common, spoken=spoken(job, "zh-de")).dataset
    new = {letter for a, b in zip(data[field], noisy[field], strict=True) for letter in letters(a, b)}
    assert len(new) > 5 and {letter.lower() for letter in new} <= {one.lower() for one in alphabet(code)}
    other = {"question": "context", "context": "question"}[field]
    assert noisy[other][:] == data[other][:]
    with pytest.raises(ConfigError, match="cannot act in 'zh-de'"):
        perturb(data, **common)


@pytest.mark.usefixtures("workdir")
def test_tatoebas_candidates_are_english(tmp_path: Path) -> None:
    write(tmp_path / "tatoeba/test.de-en.jsonl.gz", [{"source_sentence": "a b", "target_sentence": "c d"}])
    keys, signatures = {}, {}
    for field in ("query", "candidate", "both"):
        job = ["task=tatoeba", "model=tiny", "languages=[de]", "source=files", f"source.root={tmp_path}"]
        [cfg] = compose.jobs([*job, f"noise.field={field}"])
        plan, test = Plan(cfg), held_out(cfg, "de")
        noisy = Cell("de", "char", 0.1, 0, build("char"))
        keys[field] = plan.prediction_key(noisy, test)["noise"]
        signatures[field] = plan.signature(noisy, test, 1, "key")
    assert keys["query"]["languages"] == {}
    assert keys["candidate"]["languages"] == keys["both"]["languages"] == {"candidate": "en"}
    assert "|field:query|" in signatures["query"] and "|field:candidate(candidate in en)|" in signatures["candidate"]


@pytest.mark.usefixtures("workdir")
def test_study(tmp_path: Path, store_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    root = files(tmp_path / "data")
    job = words(root)
    assert cli.main([*job, "task=mlqa", "languages=[de]", "noise.levels=[0]", "sweep=one"]) == 0
    wanted = f"languages=[{','.join(PAIRS)}]"
    command = [*job, "task=mlqa_cross", wanted, "noise=[char,diacritic]", "noise.level=0.3"]
    assert cli.main([*command, "sweep=s"]) == 0
    assert len(list((store_path / "stages").glob("*/training.json"))) == 1, "one fit for mlqa and its pairs"
    found = {(row["language"], row["noise"]): row for row in cells(Path("s"))}
    assert len(found) == 6 and {row["task"] for row in found.values()} == {"mlqa_cross"}
    assert found["zh-de", "diacritic"]["status"] == "ok"
    assert (
        found["de-zh", "diacritic"]["status"] == "n/a" and "cannot act in 'zh'" in found["de-zh", "diacritic"]["error"]
    )
    assert "|lang:zh-de|" in found["zh-de", "char"]["signature"]
    assert "|field:question(question in de)|" in found["zh-de", "char"]["signature"]
    assert (found["zh-de", "clean"]["language_name"], found["zh-de", "clean"]["script"]) == ("Chinese-German", "Hans")
    for (pair, _), row in found.items():
        if row["status"] != "ok":
            continue
        saved = pq.read_table(Path("s/predictions") / f"{row['cell']}.parquet").to_pydict()
        gold = [truth.split(" | ") for truth in saved["gold"]]
        again = metrics.build("mlqa_f1", pair[:2]).score(saved["prediction"], gold)
        assert again.score == pytest.approx(row["score"], abs=1e-12), "scored by the rules of the context's language"
    arm = ["intermediate=qa", "intermediate.arm=multilingual", "intermediate.arms.multilingual.languages=[en,zh]"]
    [multilingual] = compose.jobs(["task=mlqa_cross", "languages=[zh-de,de-zh]", *arm])
    seen = {code: identify(multilingual, Cell(code, "clean", 0.0, 0)).seen for code in ("zh-de", "de-zh")}
    assert seen == {"zh-de": True, "de-zh": False}, "a pair is in the language of its contexts"
    # Out and in again.
    assert cli.main(["mode=export", "sweep=s"]) == 0
    folder = "s/export/tiny_none_s42/char_n0/0.3"
    assert json.loads(Path(folder, "mlqa_cross/test-zh-de.json").read_text()).keys() == {
        f"q{n}" for n in range(900, 906)
    }
    assert cli.main([*job, "mode=score", "task=mlqa_cross", wanted, f"score.folder={folder}", "sweep=t"]) == 0
    lines = Path("t/score.csv").read_text().splitlines()[1:]
    for pair, line in zip(PAIRS, lines, strict=True):
        assert float(line.split(",")[4]) == pytest.approx(found[pair, "char"]["score"], abs=1e-6)
    capsys.readouterr()
    # What is trained on may be in no pair with an English context, whichever pairs are asked for.
    write(root / "mlqa_xling/dev.ctx-en.q-de.jsonl.gz", qa("en", 3, 405))
    assert cli.main([*command, "seed=7", "sweep=u"]) == 1
    assert "3 of 20 training examples occur in the test set" in capsys.readouterr().err
    # A look at the noise before a study.
    assert cli.main([*job, "mode=preview", "task=mlqa_cross", "language=zh-de", "noise=char", "noise.level=0.3"]) == 0
    assert "mlqa_cross zh-de: char at level 0.3 (question)" in capsys.readouterr().out


@pytest.mark.data
@pytest.mark.parametrize(("pair", "count", "scripts"), [("ar-de", 207, "\u0600z"), ("en-zh", 504, "z\u4e00")])
@pytest.mark.usefixtures("workdir")
def test_real_rows(shared_data: Path, tmp_path: Path, pair: str, count: int, scripts: str) -> None:
    [cfg] = compose.jobs(["task=mlqa_cross", "source=files", f"source.root={shared_data}"])
    data = held_out(cfg, pair).load(Store(tmp_path))
    assert len(data) == count
    for column, sign in zip(("context", "question"), scripts, strict=True):
        text = "".join(data[column])
        own = sum(ord(letter) >= ord(sign) and letter.isalpha() for letter in text)
        latin = sum(letter.isascii() and letter.isalpha() for letter in text)
        assert (latin > own) == (sign == "z"), column
