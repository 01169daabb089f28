"""`Telemetry` on Lambda: JSON lines with the fields of the handlers' own, and metrics in the embedded format (EMF).

* A set of numbers is one line that CloudWatch reads; nothing is sent, so nothing waits and nothing is lost with us.
* The only dimension is the service: a job's id would make each job a metric of its own, so it is told beside them.
"""

from collections import Counter
from collections.abc import Mapping

from aws_lambda_powertools import Logger
from aws_lambda_powertools.metrics import EphemeralMetrics, MetricUnit

from runnel.ports.telemetry import Measured

_MILLISECONDS = "_ms"
#: A set holds at most so many metrics; EMF allows a hundred.
_MOST_METRICS = 90


class PowertoolsTelemetry:
    """`Telemetry` in lines on standard output."""

    def __init__(self) -> None:
        """Name service and namespace as the template's environment does."""
        self._logger = Logger()
        self._counts: Counter[str] = Counter()

    def log(self, event: str, *, job_id: str | None = None, **fields: object) -> None:
        self._logger.info(event, extra={"correlation_id": job_id, **fields} if job_id else dict(fields))

    def count(self, name: str) -> None:
        self._counts[name] += 1

    def measure(self, measures: Mapping[str, Measured], *, job_id: str | None = None) -> None:
        counted, self._counts = self._counts, Counter()
        metrics = EphemeralMetrics()
        for name, value in list({**measures, **counted}.items())[:_MOST_METRICS]:
            unit = MetricUnit.Milliseconds if name.endswith(_MILLISECONDS) else MetricUnit.Count
            for one in (value,) if isinstance(value, int | float) else value:
                metrics.add_metric(name=name, unit=unit, value=one)
        if job_id is not None:
            metrics.add_metadata(key="correlation_id", value=job_id)
        if metrics.metric_set:
            metrics.flush_metrics()
