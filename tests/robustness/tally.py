"""Counts of trials, and how those failed that did not hold."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

SHOWN = 20  # failures of one kind that are printed; all are kept


@dataclass
class Tally:
    """Trials of one kind.

    Attributes:
        what: the kind, as in the table.
        tried: how many.
        told: of these, how many ended with an error of one line.
        failures: one text for each trial that did not hold.
    """

    what: str
    tried: int = 0
    told: int = 0
    failures: list[str] = field(default_factory=list)

    @contextmanager
    def trial(self, how: str) -> Iterator[None]:
        """One trial; an exception inside means that it did not hold."""
        self.tried += 1
        try:
            yield
        except Exception as error:
            self.failures.append(f"{how}: {type(error).__name__}: {error}")
            if len(self.failures) <= SHOWN:
                print(f"  {self.what}, {self.failures[-1][:600]}", file=sys.stderr, flush=True)

    @property
    def held(self) -> int:
        return self.tried - len(self.failures)
