"""What a cluster runs in allocations of its own: the jobs of a study and, before them, stages that several jobs share.

A stage that one job alone needs is trained by this job: another allocation would wait in the queue and import again.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Link:
    """A stage of a job: its digest, its title, and whether it is in the store."""

    digest: str
    title: str
    there: bool

    @property
    def unit(self) -> str:
        return f"stages/{self.digest}"


@dataclass(frozen=True)
class Unit:
    """One allocation: a stage to train, or a job (with the stages that it alone needs, and its cells)."""

    name: str  # stages/<digest> or jobs/<folder>
    title: str
    job: int  # the number of the job itself, or of the first job that needs the stage
    stage: str | None = None  # the digest of the stage to train; None: a job
    after: str | None = None  # the unit that must be finished before; it has the same rule, so one is enough
    trains: tuple[str, ...] = ()  # the digests of the stages that it trains


def units(chains: Sequence[Sequence[Link]], jobs: Sequence[tuple[str, str]], apart: Collection[str] = ()) -> list[Unit]:
    """All units, each after the one that it needs.

    chains: the stages of each job in order; jobs: the folder and the title of each. apart: stage units that are units
    even if one job needs them, because they are in the queue already.
    """
    missing = [_missing(chain) for chain in chains]
    needed = Counter(link.unit for links in missing for link in links)
    found: dict[str, Unit] = {}
    for number, (links, (folder, title)) in enumerate(zip(missing, jobs, strict=True)):
        before: str | None = None
        own: list[str] = []  # missing stages of no unit so far
        for link in links:
            if needed[link.unit] > 1 or link.unit in apart:
                trains = (*own, link.digest)
                found.setdefault(link.unit, Unit(link.unit, link.title, number, link.digest, before, trains))
                before, own = link.unit, []
            else:
                own.append(link.digest)
        name = f"jobs/{folder}"
        found[name] = Unit(name, title, number, after=before, trains=tuple(own))
    return sorted(found.values(), key=lambda unit: unit.stage is None)


def dependents(unit: Unit, found: Sequence[Unit]) -> list[int]:
    """The numbers of the jobs that need the stage of a unit."""
    needing = {unit.name}
    for one in found:  # in order: a stage comes before what needs it
        if one.after in needing:
            needing.add(one.name)
    return [one.job for one in found if one.stage is None and one.name in needing]


def _missing(chain: Sequence[Link]) -> list[Link]:
    """The stages after the last stored one; earlier ones are not needed again."""
    there = [number for number, link in enumerate(chain) if link.there]
    return list(chain[there[-1] + 1 if there else 0 :])
