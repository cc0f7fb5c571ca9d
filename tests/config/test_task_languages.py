"""The languages of every task are those of XTREME-R (Ruder et al. 2021), for PAWS-X and BUCC those of XTREME."""

from __future__ import annotations

from itertools import permutations
from pathlib import Path

import pytest

from xtreme_noise import languages
from xtreme_noise.config import compose
from xtreme_noise.config.where import Sources
from xtreme_noise.languages import XTREME_R
from xtreme_noise.languages.codes import fill

CONF = Path(__file__).resolve().parents[2] / "conf"
OPTIONS = sorted(Sources(folders=(CONF,)).options("task"))
OWN = ("intents", "slots")  # voice-assistant commands: no task of a benchmark

# The protocol's table: the ten tasks of XTREME-R.
BENCHMARK = {
    "xnli": "ar bg de el en es fr hi ru sw th tr ur vi zh",
    "xcopa": "et ht id it qu sw ta th tr vi zh",
    "udpos": "af ar bg de el en es et eu fa fi fr he hi hu id it ja kk ko mr nl pt ru ta te th tl tr ur vi yo zh"
    " lt pl uk wo ro",
    "wikiann": "ar he vi id jv ms tl eu ml ta te af nl en de el bn hi mr ur fa fr it pt es bg ru ja ka ko th sw yo my"
    " zh kk tr et fi hu qu pl uk az lt pa gu ro",
    "xquad": "en es de el ru tr ar vi th zh hi ro",
    "mlqa": "en es de ar hi vi zh",
    "tydiqa": "en ar bn fi id ko ru sw te",
    "tatoeba_squad": "ar he vi id jv tl eu ml ta te af nl de el bn hi mr ur fa fr it pt es bg ru ja ka ko th sw zh kk"
    " tr et fi hu az lt pl uk ro",
    "mewslix": "ar de en es fa ja pl ro ta tr uk",
    "lareqa": "ar de el en es hi ru th tr vi zh",
}
FURTHER = {
    "pawsx": "de en es fr ja ko zh",
    "bucc": "de fr ru zh",
    "tatoeba": BENCHMARK["tatoeba_squad"],
    "tatoeba_from_en": BENCHMARK["tatoeba_squad"],
    "mlqa_cross": " ".join(f"{a}-{b}" for a, b in permutations(BENCHMARK["mlqa"].split(), 2)),
    "mlqa_r": BENCHMARK["mlqa"],
    "multichecklist": " ".join(XTREME_R),
    "sib200": " ".join(XTREME_R),
    "bmlama": "ar ca el en es fa fr he hu ja ko nl ru tr uk vi zh",  # Qi et al. (2023)
}
LANGUAGES = BENCHMARK | FURTHER


def test_the_tasks_speak_the_fifty_languages() -> None:
    """All of the ten tasks together, and no other."""
    spoken = {code for codes in BENCHMARK.values() for code in codes.split()}
    assert spoken == set(XTREME_R) and len(XTREME_R) == len(spoken) == 50
    assert len(FURTHER["mlqa_cross"].split()) == 42


@pytest.mark.parametrize("task", [option for option in OPTIONS if "/" not in option and option not in OWN])
@pytest.mark.usefixtures("workdir")
def test_languages(task: str) -> None:
    assert task in LANGUAGES, f"the languages of {task} are not in the protocol's table above"
    [job] = compose.jobs([f"task={task}"])
    assert len(job.task.languages) == len(set(job.task.languages))
    assert set(job.task.languages) == set(LANGUAGES[task].split())


@pytest.mark.parametrize("option", [option for option in OPTIONS if "/" in option])
@pytest.mark.usefixtures("workdir")
def test_variants_speak_no_other_language(option: str) -> None:
    """attested/...: those with typos, of the task that they are."""
    [job] = compose.jobs([f"task={option}"])
    assert set(job.task.languages) <= set(LANGUAGES[job.task.name].split())


@pytest.mark.parametrize("task", [option for option in OPTIONS if "/" not in option])
@pytest.mark.usefixtures("workdir")
def test_the_language_table_drives_the_data(task: str) -> None:
    """One pattern a split serves every language, each from a place of its own; none is written out."""
    [job] = compose.jobs([f"task={task}"])
    codes = job.task.languages
    assert all(languages.language(code).code == code for code in codes)
    for kind, data in job.task.data.items():
        if kind == "embedded" or data.test is None:
            continue
        split = data.test
        places = {fill(f"{split.path} {split.name} {split.split}", code) for code in codes}
        assert len(places) == len(codes), f"{kind}: several languages are read from one place: {split}"
