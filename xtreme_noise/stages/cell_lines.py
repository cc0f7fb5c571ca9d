"""Progress over a job's cells as lines of the log, for files, pipes and notebooks, where no bar is drawn."""

from __future__ import annotations

import logging
import time

from xtreme_noise.position import named

log = logging.getLogger(__name__)
SECONDS = 30.0  # between two lines


class CellLines:
    """At most one line in SECONDS: 'job 2 of 4, cell 31 of 60, about 6 minutes left for this job'."""

    def __init__(self, total: int) -> None:
        self.total = total
        self._done = 0
        self._spent = 0.0
        self._last = self._begin = time.monotonic()

    def begins(self) -> None:
        """The next cell begins. What came since the last one, such as training, says nothing about cells."""
        self._begin = time.monotonic()

    def ends(self) -> None:
        """A cell is finished."""
        now = time.monotonic()
        self._done += 1
        self._spent += now - self._begin
        if now - self._last < SECONDS or self._done == self.total:
            return
        self._last = now
        left = self._spent / self._done * (self.total - self._done) / 60
        about = f"about {left:.0f} min" if left >= 1 else "less than a minute"
        log.info("%scell %d of %d, %s left for this job", named(), self._done, self.total, about)
