"""Telemetry that remembers what it was told."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from runnel.ports.telemetry import Measured


@dataclass
class Told:
    """Remembers what was told."""

    lines: list[tuple[str, str | None, dict[str, object]]] = field(default_factory=list)
    counts: list[str] = field(default_factory=list)
    measures: list[tuple[str | None, dict[str, Measured]]] = field(default_factory=list)

    def log(self, event: str, *, job_id: str | None = None, **fields: object) -> None:
        self.lines.append((event, job_id, fields))

    def count(self, name: str) -> None:
        self.counts.append(name)

    def measure(self, measures: Mapping[str, Measured], *, job_id: str | None = None) -> None:
        self.measures.append((job_id, dict(measures)))

    def total(self, name: str) -> Any:
        return sum(measures.get(name, 0) for _, measures in self.measures)
