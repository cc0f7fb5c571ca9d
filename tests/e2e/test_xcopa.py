"""XCOPA from command to scores in the hub's layout, with the same data as in files: the same rows, the same noise."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from tests.e2e.world import QUICK, cells, choices, copa, social_iqa
from tests.hub_client import connect
from tests.hub_server import Repo, serve
from tests.unit.test_hub import parquet
from xtreme_noise import cli

LANGUAGES = ["et", "zh"]
CARD = "---\nconfigs:\n" + "".join(
    f"- config_name: {code}\n  data_files: [{{split: test, path: {code}/test-*}}]\n" for code in LANGUAGES
)


def repositories() -> list[Repo]:
    """As the hub has them: two automatic conversions without a card, and XCOPA with one."""
    parts = {"train": copa("en", 24, 4000), "validation": copa("en", 6, 5000)}
    tests: dict[str, list[dict[str, Any]]] = {code: copa(code, 8) for code in LANGUAGES}
    return [
        Repo(
            "dataset",
            "allenai/social_i_qa",
            {f"default/{part}/0000.parquet": parquet(social_iqa(30)) for part in ("train", "validation")},
        ),
        Repo(
            "dataset",
            "aps/super_glue",
            {
                **{f"copa/{part}/0000.parquet": parquet(rows) for part, rows in parts.items()},
                "rte/train/0000.parquet": parquet([{"premise": "of another task"}]),
            },
        ),
        Repo(
            "dataset",
            "cambridgeltl/xcopa",
            {
                "README.md": f"{CARD}---\n".encode(),
                **{f"{code}/test-00000-of-00001.parquet": parquet(rows) for code, rows in tests.items()},
            },
        ),
    ]


@pytest.mark.usefixtures("workdir")
def test_both_layouts_give_the_same(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    job = [*QUICK, "task=xcopa", f"languages=[{','.join(LANGUAGES)}]", "noise.level=0.1"]
    with serve(repositories()) as hub:
        connect(monkeypatch, hub.endpoint, tmp_path / "home")
        assert cli.main([*job, "source=hub", "sweep=hub"]) == 0
        assert not [line for line in hub.requests if "/resolve/" in line and "rte" in line]
    choices(tmp_path / "data", LANGUAGES)
    assert cli.main([*job, "source=files", f"source.root={tmp_path / 'data'}", "sweep=files"]) == 0
    one, other = (
        {
            (row["language"], row["noise"]): (
                row["status"],
                row["n"],
                row["windows"],
                row["achieved"],
                gold(sweep, row),
            )
            for row in cells(Path(sweep))
        }
        for sweep in ("hub", "files")
    )
    assert one == other and len(one) == 4 and all(status == "ok" for status, *_ in one.values())


def gold(sweep: str, row: dict[str, Any]) -> list[str]:
    table = pq.read_table(Path(sweep, "predictions", f"{row['cell']}.parquet"))
    assert set(table["choices"].to_pylist()) == {2}, "what a guess scores depends on them"
    found: list[str] = table["gold"].to_pylist()
    return found
