"""What becomes of a failed URL: tried again after a wait, once more when nothing else is left, or given up.

Laws (tests/unit/usecases/test_share_hosts.py; names are the rules of the commit model):

1. Only `url_retry` counts towards the attempts, and everything here follows from their number in the log: a later
   driver goes on in the same place [lost_no_attempt].
2. A call that failed with several URLs is no attempt of any: each is asked for again alone.
3. A host that was probed in vain costs no further request until the next retry batch, and then one; its URLs fail
   with what was heard last.
"""

from runnel.domain import events as e
from runnel.domain.frontier import Frontier
from runnel.domain.host_pace import PROBES
from runnel.domain.jobs import Job
from runnel.domain.retries import backoff_s, is_for_later, may_retry
from runnel.domain.verdicts import FetchError
from runnel.usecases.recording import Recorder
from runnel.usecases.services import Services


class Retries:
    """Second tries of one driver's URLs."""

    def __init__(self, services: Services, job: Job, recorder: Recorder, frontier: Frontier) -> None:
        """Try again as the options of *job* say."""
        self._services = services
        self._job = job
        self._recorder = recorder
        self._frontier = frontier
        #: Retry batches begun, the first pass included.
        self._batch = 1
        #: URLs of calls that failed: each is asked for in a call of its own.
        self.alone: set[str] = set()

    def recover(self) -> None:
        """What waits for the next retry batch does so still."""
        fold = self._recorder.fold
        for url, failures in fold.failures.items():
            if is_for_later(failures) and url not in fold.decided and url not in fold.undecided:
                self._frontier.put_apart(url)

    def try_again(
        self, url: str, error: FetchError, retry_after_s: float | None,
        *, status: int | None = None, is_call: bool = False,
    ) -> bool:  # fmt: skip
        """Let a URL that has failed wait for its next try; False when there is none.

        *status* is that of its answer, if a whole one came; *is_call*: its call has failed.
        """
        attempt = self._recorder.fold.failures[url] + 1
        batches = self._job.options.retry_batches
        if not may_retry(error, attempt=attempt, retry_batches=batches, status=status, is_call=is_call):
            return False
        if is_for_later(attempt):
            self._recorder.emit(e.UrlRetry, url=url, attempt=attempt, retry_in_s=None, error=error)
            self._frontier.put_apart(url)
            return True
        wait_s = backoff_s(
            error.category, attempt=attempt, jitter=self._services.ids.jitter(), retry_after_s=retry_after_s
        )
        self._recorder.emit(e.UrlRetry, url=url, attempt=attempt, retry_in_s=round(wait_s, 3), error=error)
        self._frontier.put_back(url, due_s=self._services.clock.monotonic() + wait_s)
        return True

    def tell_failed_call(self, urls: tuple[str, ...], error: FetchError) -> None:
        """A crawler call has failed; several URLs wait again at once, a single one is the caller's part."""
        attempt = max(self._recorder.fold.failures[url] for url in urls) + 1
        batches = self._job.options.retry_batches
        will_retry = len(urls) > 1 or may_retry(error, attempt=attempt, retry_batches=batches, is_call=True)
        self._recorder.emit(
            e.BatchFailed, batch_id=None, urls=urls, attempt=attempt, error=error, will_retry=will_retry
        )
        if len(urls) > 1:
            self.alone.update(urls)
            for url in urls:
                self._frontier.put_back(url)

    def give_up_host(self, host: str, error: FetchError) -> None:
        """The host was probed in vain: its URLs wait for the next retry batch, or fail."""
        state = self._frontier.host(host)
        state.is_set_aside = state.revivals < self._job.options.retry_batches - 1
        rest = "tried once more at the end" if state.is_set_aside else "given up"
        message = f"{host} has not answered {PROBES} times in a row ({error.message}); its other pages are {rest}."
        self._recorder.emit(e.Log, level="warning", message=message)
        if not state.is_set_aside:
            self._fail_all(host, error)

    def begin_batch(self) -> None:
        """Nothing else is left: what has failed for now is tried once more."""
        self._batch += 1
        count = self._frontier.take_apart(self._services.clock.monotonic())
        batches = max(self._batch, self._job.options.retry_batches)
        message = f"Retry batch: {count} URLs that have failed are tried once more"
        self._recorder.emit(e.Log, level="info", message=message, item=self._batch, total=batches)

    def _fail_all(self, host: str, error: FetchError) -> None:
        message = f"Not asked any more, because {host} stopped to answer: {error.message}"
        given_up = FetchError(category=error.category, message=message)
        for url in self._frontier.forget_waiting(host):
            self._recorder.emit(e.UrlFailed, url=url, attempts=self._recorder.fold.failures[url], error=given_up)
