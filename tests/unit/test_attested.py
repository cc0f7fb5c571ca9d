"""Paired test sets: the clean and the noisy side of the same items, as data and as cells of a study."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests import machine
from tests.e2e.world import cells, data, words, write
from xtreme_noise import cli
from xtreme_noise.data import examples
from xtreme_noise.data.paired_noise import paired
from xtreme_noise.errors import ConfigError, DataError
from xtreme_noise.noise import build
from xtreme_noise.noise.apply import perturb
from xtreme_noise.noise.edits import between, rebuild

REAL = machine.DATA


def nli(number: int, **changes: Any) -> dict[str, Any]:
    row = {
        "premise": f"The gril nr {number} runs home.", "hypothesis": f"She is at hom {number}.", "label": number % 3,
        "clean_premise": f"The girl nr {number} runs home.", "clean_hypothesis": f"She is at home {number}.",
        "idx": number,
    }  # fmt: skip
    return row | changes


def test_cells_on_the_same_items(tmp_path: Path, workdir: Path, store_path: Path) -> None:
    """The fit is xnli's own; the clean and the noisy cell are of the same items; char noise acts on the clean side."""
    root = data(tmp_path / "data")
    rows = [nli(number) for number in range(12)] + [nli(12, clean_premise=None, clean_hypothesis=None)]
    write(root / "xnli_noisy/test_typos_0.05.en.jsonl.gz", rows)
    job = words(root, "language=en")
    assert cli.main([*job, "task=xnli", "noise.level=0.1", "sweep=own"]) == 0
    fits = sorted(store_path.glob("stages/*"))
    assert cli.main([*job, "task=attested/xnli", "noise=[attested,char]", "noise.levels=[0,0.1,0.2]", "sweep=s"]) == 0
    assert sorted(store_path.glob("stages/*")) == fits
    found = {(row["noise"], row["level"]): row for row in cells(Path("s"))}
    assert set(found) == {("clean", 0.0), ("attested", 1.0), ("char", 0.1), ("char", 0.2)}
    assert {row["task"] for row in found.values()} == {"xnli_noisy"}
    assert {row["n"] for row in found.values()} == {12}  # the row with one side only is left out
    noisy = found["attested", 1.0]
    assert noisy["status"] == "ok" and not noisy["saturated"]
    assert noisy["changed"] == 1 and noisy["achieved"] == pytest.approx(
        between(rows[0]["clean_premise"], rows[0]["premise"]).achieved, abs=0.05
    )
    assert "xnli_noisy/v1" in noisy["signature"] and workdir.exists()


@pytest.mark.usefixtures("workdir")
def test_a_task_without_a_noisy_side(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["mode=plan", "task=xnli", "noise=attested"]) == 2
    assert "task=attested/xnli" in capsys.readouterr().err
    assert cli.main(["mode=plan", "task=xnli", "++train_noise.families.attested={}"]) == 2
    assert "exists in test sets only" in capsys.readouterr().err


def test_no_single_text() -> None:
    with pytest.raises(ConfigError, match="task=attested/xnli"):
        build("attested")("some text", 1.0, "uid", language="en")


def test_two_files_by_id() -> None:
    clean = [("a:1", {"id": "x", "question": "Who?"}), ("a:2", {"id": "y", "question": "What?"})]
    noisy = [("b:1", {"id": "y", "question": "Waht?"}), ("b:2", {"id": "x", "question": "Hwo?"})]
    rows = [row for _, row in paired(clean, noisy, {"question": "question"})]
    assert [row["noisy_question"] for row in rows] == ["Hwo?", "Waht?"]
    with pytest.raises(DataError, match=r"b:1.*no clean side"):
        list(paired(clean[:1], noisy, {"question": "question"}))
    with pytest.raises(DataError, match=r"a:2.*no noisy side"):
        list(paired(clean, noisy[1:], {"question": "question"}))
    with pytest.raises(DataError, match="no column 'q'"):
        list(paired(clean, noisy, {"question": "q"}))
    with pytest.raises(DataError, match="need distinct ids"):
        list(paired(clean, [*noisy, noisy[0]], {"question": "question"}))


def test_a_noisy_side_that_does_not_fit() -> None:
    columns = {"noisy_tokens": "noisy"}
    row = {"id": "1", "tokens": ["a", "b"], "tags": [0, 1], "noisy": ["a"]}
    with pytest.raises(DataError, match=r"line 1.*does not match"):
        examples.normalise(
            [("line 1", row)], family="tagging", labels=["O", "X"], columns=columns, prefix="test", what="w"
        )


def test_between_rebuilds() -> None:
    noised = between("Ich weiß es", "ich weis es!")
    assert rebuild("Ich weiß es", noised.edits) == noised.text and noised.achieved == pytest.approx(3 / 11)


@pytest.mark.skipif(not (REAL / "noiseqa").is_dir(), reason="needs the real data")
@pytest.mark.parametrize(
    ("task", "rate"),
    [("xnli", 0.025), ("noiseqa_keyboard", 0.0196), ("noiseqa_asr", 0.16), ("noiseqa_translation", 0.311)],
)
def test_real_sets(task: str, rate: float, tmp_path: Path) -> None:
    from xtreme_noise.config import compose
    from xtreme_noise.stages.plan import test_reference
    from xtreme_noise.store import Store

    [job] = compose.jobs(
        [f"task=attested/{task}", "noise=attested", "language=en", "source=files", f"source.root={REAL}"]
    )
    test = test_reference(job, "en").load(Store(tmp_path))
    noisy = perturb(
        test, family=job.task.family, field=job.task.noise_field, perturber=build("attested"), level=1.0, seed=0,
        language="en", dataset_name="d", split="test",
    )  # fmt: skip
    assert noisy.achieved == pytest.approx(rate, abs=0.001)
