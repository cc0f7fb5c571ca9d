"""The time of a study: seconds of its cells, with the shares of forward passes and of noise."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from xtreme_noise.record import CellRecord
from xtreme_noise.report.formatting import percent, plural


@dataclass(frozen=True)
class Cost:
    """Wall-clock seconds of the finished cells of one task, model and noise family: in total, for forward passes, and
    for noise (calibration included). Cells whose records lack one of these are not counted.
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
        """The share of the time spent on noise; None if no time was measured."""
        return self.noise_seconds / self.seconds if self.seconds else None


def costs(cells: Iterable[CellRecord]) -> list[Cost]:
    """Costs by task, model and noise family, including `clean`."""
    spent: dict[tuple[str, str, str], list[tuple[float, float, float]]] = defaultdict(list)
    for cell in cells:
        seconds, forward, noise = cell.seconds, cell.forward_seconds, cell.noise_seconds
        if cell.status == "ok" and seconds is not None and forward is not None and noise is not None:
            spent[cell.task, cell.model, cell.noise].append((seconds, forward, noise))
    return [Cost(*place, len(times), *map(sum, zip(*times, strict=True))) for place, times in sorted(spent.items())]


def summary(cells: Sequence[CellRecord], stages: Sequence[Mapping[str, str]]) -> str | None:
    """A sentence for the page; None if no time is known."""
    measured_costs = costs(cells)
    total = sum(cost.seconds for cost in measured_costs)
    if not total:
        return None
    forward = percent(sum(cost.forward_seconds for cost in measured_costs) / total)
    noise = percent(sum(cost.noise_seconds for cost in measured_costs) / total)
    trained = [float(stage["seconds"]) for stage in stages if stage.get("seconds")]
    training = f"Training {plural(len(trained), 'stage')} took {sum(trained):,.0f} s; " if trained else ""
    measured = f"{plural(sum(cost.cells for cost in measured_costs), 'cell')} took {total:,.0f} s"
    reached = f" Forward passes: {shown}." if (shown := speeds(cells)) else ""
    return (
        f"{training}{measured}, of which {forward} % were forward passes and {noise} % making noise. Work that was "
        f"already in the store counts with the time it took originally.{reached}"
    )


def speeds(cells: Iterable[CellRecord]) -> str:
    """Tokens per second of forward passes, by model, machine and precision."""
    spent: dict[tuple[str, str, str], list[float]] = defaultdict(lambda: [0.0, 0.0])
    for cell in cells:
        if cell.status == "ok" and cell.hardware and cell.precision and cell.forward_tokens and cell.forward_seconds:
            total = spent[cell.model, cell.hardware, cell.precision]
            total[0] += cell.forward_tokens
            total[1] += cell.forward_seconds
    return "; ".join(
        f"{tokens / seconds:,.0f} tokens/s ({model}, {machine}, {precision})"
        for (model, machine, precision), (tokens, seconds) in sorted(spent.items())
    )
