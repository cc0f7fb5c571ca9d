"""What a study cost: seconds of its cells, and how much of them were forward passes and how much was noise."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from xtreme_noise.record import CellRecord
from xtreme_noise.report.formatting import percent, plural


@dataclass(frozen=True)
class Cost:
    """Wall clock of the finished cells of one task, model and noise family, in seconds: all of it, the forward passes,
    and making the noise (calibration included). Cells whose records do not tell them apart are not counted.
    """

    task: str
    model: str
    noise: str
    cells: int
    seconds: float
    forward_seconds: float
    noise_seconds: float

    @property
    def noise_share(self) -> float | None:
        """The part of the time that noise took; None where no time was measured."""
        return self.noise_seconds / self.seconds if self.seconds else None


def costs(cells: Iterable[CellRecord]) -> list[Cost]:
    """By task, model and noise family, `clean` among them."""
    spent: dict[tuple[str, str, str], list[tuple[float, float, float]]] = defaultdict(list)
    for cell in cells:
        seconds, forward, noise = cell.seconds, cell.forward_seconds, cell.noise_seconds
        if cell.status == "ok" and seconds is not None and forward is not None and noise is not None:
            spent[cell.task, cell.model, cell.noise].append((seconds, forward, noise))
    return [Cost(*place, len(times), *map(sum, zip(*times, strict=True))) for place, times in sorted(spent.items())]


def summary(cells: Iterable[CellRecord], stages: Sequence[Mapping[str, str]]) -> str | None:
    """One sentence for the page; None where no time is known."""
    found = costs(cells)
    total = sum(cost.seconds for cost in found)
    if not total:
        return None
    forward = percent(sum(cost.forward_seconds for cost in found) / total)
    noise = percent(sum(cost.noise_seconds for cost in found) / total)
    trained = [float(stage["seconds"]) for stage in stages if stage.get("seconds")]
    training = f"Training {plural(len(trained), 'stage')} took {sum(trained):,.0f} s; " if trained else ""
    measured = f"{plural(sum(cost.cells for cost in found), 'cell')} took {total:,.0f} s"
    return (
        f"{training}{measured}, of which {forward} % were forward passes and {noise} % making noise. What an earlier "
        "study has left in the store counts with the time it took then."
    )
