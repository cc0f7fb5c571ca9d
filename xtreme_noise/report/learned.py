"""What the arms learned of their intermediate tasks in each of their languages: a table of the page."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from statistics import fmean

from xtreme_noise.report.cells import ordered
from xtreme_noise.report.formatting import percent, plural
from xtreme_noise.report.views import TableCell, TableView

Row = Mapping[str, str]
Arm = tuple[str, ...]
ARM = ("stage", "task", "model", "parent", "train_noise")  # one row of the table; its training seeds are averaged


def table(rows: Sequence[Row]) -> TableView | None:
    """Arms by languages, from the rows of tables/learned.csv; None if there are none."""
    if not rows:
        return None
    at: dict[Arm, dict[str, list[Row]]] = defaultdict(lambda: defaultdict(list))
    for arm, row in _by_arm(rows):
        at[arm][row["language"]].append(row)
    languages = ordered(row["language"] for row in rows)
    varied = {name for number, name in enumerate(ARM) if len({arm[number] for arm in at}) > 1}
    body = [
        [_heading(arm, varied, own), *(_item(own[code]) if code in own else TableCell("", "num") for code in languages)]
        for arm, own in sorted(at.items(), key=lambda item: item[0])
    ]
    caption = "What the arms learned of their intermediate task: dev score × 100 by language (tables/learned.csv)"
    return TableView(caption, [[(head, 1) for head in ("arm", *languages)]], body)


def _by_arm(rows: Sequence[Row]) -> Iterator[tuple[Arm, Row]]:
    """Each row with its arm. Trained stages that no name here tells apart are arms of their own, by their digest."""
    together: dict[Arm, list[Row]] = defaultdict(list)
    for row in rows:
        together[tuple(row.get(name, "") for name in ARM)].append(row)
    for arm, own in together.items():
        several = len({(row["language"], row.get("seed")) for row in own}) < len(own)
        for row in own:
            yield (*arm, row.get("digest", "") if several else ""), row


def _heading(arm: Arm, varied: set[str], own: Mapping[str, Sequence[Row]]) -> TableCell:
    """The name of an arm; below it its metric and gate, and what distinguishes it from others of that name."""
    stage, task, model, parent, noise, digest = arm
    first = next(iter(own.values()))
    gate = first[0].get("gate")
    notes = [
        first[0].get("metric", ""),
        f"gate {100 * float(gate):g}" if gate else "",
        f"mean over {plural(len(first), 'seed')}" if len(first) > 1 else "",
        model if "model" in varied else "",
        f"after {parent}" if "parent" in varied and parent != "pretrained" else "",
        f"{noise} in training" if noise else "",
        digest,
    ]
    return TableCell(f"{stage} · {task}" if task else stage, note=", ".join(filter(None, notes)))


def _item(rows: Sequence[Row]) -> TableCell:
    """The mean over the training seeds in one language."""
    measured = [float(row["score"]) for row in rows if row.get("score")]
    if not measured:
        return TableCell("no dev data" if any(row.get("n") == "0" for row in rows) else "not measured", "gap")
    below = sum(row.get("below") == "True" for row in rows)
    notes = ["below" + (f": {below} of {len(rows)}" if below < len(rows) else "")] if below else []
    if len(measured) < len(rows):
        notes.append(f"measured: {len(measured)} of {len(rows)}")
    return TableCell(percent(fmean(measured)), "num bad" if below else "num", ", ".join(notes))
