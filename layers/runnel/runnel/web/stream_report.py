"""What operators are told of streams: when one begins and ends, why, how far it came, and how many are open."""

from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from dataclasses import dataclass

from runnel.domain.jobs import Job
from runnel.usecases.services import Services


@dataclass(slots=True)
class StreamReport:
    """The streams of one process."""

    #: Open now.
    active: int = 0

    async def watch(
        self,
        services: Services,
        job: Job | None,
        frames: AsyncGenerator[bytes, None],
        *,
        after: int,
        why: Callable[[], str],
    ) -> AsyncGenerator[bytes, None]:
        """Every one of *frames*, of one job or (None) of all; *why* says, when they have ended, what ended them."""
        began_s, bytes_sent, how = services.clock.monotonic(), 0, "disconnected"
        self._changed(services, 1)
        job_id, state = (job.job_id, str(job.state)) if job else (None, "all_jobs")
        services.telemetry.log("stream_started", job_id=job_id, after=after, state=state)
        try:
            async with aclosing(frames):
                async for frame in frames:
                    bytes_sent += len(frame)
                    yield frame
            how = why()
        finally:
            seconds = round(services.clock.monotonic() - began_s, 3)
            self._changed(services, -1)
            services.telemetry.log(
                "stream_ended", job_id=job_id, how=how, bytes_sent=bytes_sent, seconds=seconds, active=self.active
            )

    def _changed(self, services: Services, by: int) -> None:
        self.active += by
        services.telemetry.measure({"active_streams": self.active})
