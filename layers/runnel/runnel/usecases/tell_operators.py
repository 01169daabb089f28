"""What a driver tells operators: its beginning, its numbers from time to time, and how it ended.

Law: the numbers are those since the last time, one set for however many pages.
"""

from runnel.domain.frontier import Frontier
from runnel.usecases.leasing import Taken
from runnel.usecases.recording import Recorder
from runnel.usecases.services import Services


class DriverReport:
    """The report of one driver of one job."""

    def __init__(self, services: Services, taken: Taken) -> None:
        """Say that it begins."""
        self._services = services
        self._job_id = taken.job.job_id
        self._term = taken.lease.term
        self._began_s = self._told_s = services.clock.monotonic()
        services.telemetry.log("driver_started", job_id=self._job_id, term=self._term, reason=taken.reason)

    def tell_if_due(self, recorder: Recorder, frontier: Frontier) -> None:
        """Tell the numbers when the last time is long enough ago."""
        due_s = self._told_s + self._services.tuning.measure.total_seconds()
        if self._services.clock.monotonic() >= due_s:
            self._tell(recorder, frontier)

    def ended(self, how: str, recorder: Recorder, frontier: Frontier) -> None:
        """Tell the last numbers, and how this driver ended; the job itself may go on elsewhere."""
        telemetry = self._services.telemetry
        if how == "handed_over":
            telemetry.count("handovers")
        self._tell(recorder, frontier)
        telemetry.log(
            "driver_ended",
            job_id=self._job_id,
            term=self._term,
            how=how,
            last_seq=recorder.committed_seq,
            seconds=round(self._services.clock.monotonic() - self._began_s, 3),
        )

    def _tell(self, recorder: Recorder, frontier: Frontier) -> None:
        self._told_s = self._services.clock.monotonic()
        numbers = recorder.measures.take()
        numbers |= {"queue_depth": float(frontier.waiting), "fetches_in_flight": float(len(frontier.in_flight))}
        self._services.telemetry.measure(numbers, job_id=self._job_id)
