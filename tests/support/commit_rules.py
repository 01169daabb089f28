"""Which tests hold each rule of the commit model; tests/unit/test_commit_rules.py checks that they exist.

The model (the design's executable specification) says what each rule is for and what breaks without it. A claimed
test carries the rule's name in its own, and was seen to fail with the rule taken out of the code.
"""

_USECASES = "tests/unit/usecases"
_CONTRACT = "tests/contract"

#: Rules of parts that are not built yet: the bus of a tenant's libraries, and going back to an older generation.
NOT_BUILT = frozenset({"bus_before", "bus_redo", "rollback_forward"})

#: By rule: the files that hold a test named after it.
CLAIMS: dict[str, tuple[str, ...]] = {
    "take_conditional": (f"{_USECASES}/test_leasing.py", f"{_CONTRACT}/test_leases.py"),
    "same_beat": (f"{_USECASES}/test_leasing.py",),
    "seen_from_answer": (f"{_USECASES}/test_leasing.py",),
    "lost_take": (f"{_USECASES}/test_leasing.py", "tests/integration/test_dynamodb_job_store.py"),
    "unique_owner": (f"{_USECASES}/test_driver_rules.py",),
    "renew_conditional": (f"{_CONTRACT}/test_leases.py",),
    "local_ttl": (f"{_USECASES}/test_driver_rules.py",),
    "ttl_from_acked": (f"{_USECASES}/test_leasing.py",),
    "clock_runs": (f"{_USECASES}/test_driver_rules.py", f"{_CONTRACT}/test_small_ports.py"),
    "append_conditional": (f"{_USECASES}/test_log_rules.py", f"{_CONTRACT}/test_event_log.py"),
    "read_back": (f"{_USECASES}/test_log_rules.py", f"{_CONTRACT}/test_event_log.py"),
    "zombie_stops": (f"{_USECASES}/test_log_rules.py",),
    "terms_decide": (f"{_USECASES}/test_driver_rules.py",),
    "higher_term": (f"{_USECASES}/test_log_rules.py",),
    "same_bytes": (f"{_USECASES}/test_log_rules.py",),
    "one_append": (f"{_USECASES}/test_log_rules.py",),
    "urls_first": (f"{_CONTRACT}/test_journal.py", "tests/integration/test_dynamodb_journal.py"),
    "url_flush": (f"{_USECASES}/test_log_rules.py",),
    "verdicts_after": (f"{_USECASES}/test_log_rules.py", "tests/integration/test_dynamodb_journal.py"),
    "batches_after": (f"{_USECASES}/test_batches.py", f"{_CONTRACT}/test_journal.py"),
    "batch_insert": (f"{_CONTRACT}/test_journal.py",),
    "publish_after": (f"{_USECASES}/test_log_rules.py", f"{_CONTRACT}/test_journal.py"),
    "applied_last": (f"{_CONTRACT}/test_journal.py",),
    "barrier": (f"{_USECASES}/test_log_rules.py",),
    "barrier_decided": (f"{_USECASES}/test_log_rules.py",),
    "strong_reads": (f"{_CONTRACT}/test_event_log.py", "tests/integration/test_dynamodb_journal.py"),
    "created_by_any": (f"{_USECASES}/test_log_rules.py",),
    "terminal_truth": (f"{_USECASES}/test_terminal_rules.py",),
    "terminal_stops": (f"{_USECASES}/test_terminal_rules.py",),
    "terminal_alone": (f"{_USECASES}/test_terminal_rules.py",),
    "meta_fenced": (f"{_USECASES}/test_log_rules.py", f"{_CONTRACT}/test_leases.py", f"{_CONTRACT}/test_journal.py"),
    "redo_verdicts": (f"{_USECASES}/test_log_rules.py",),
    "redo_batches": (f"{_USECASES}/test_log_rules.py",),
    "loose_pages": (f"{_USECASES}/test_batches.py",),
    "invoke_again": (f"{_USECASES}/test_batches.py",),
    "raw_term": (f"{_USECASES}/test_batches.py",),
    "batch_term": (f"{_USECASES}/test_batches.py",),
    "started_first": (f"{_USECASES}/test_log_rules.py",),
    "reserve_cap": (f"{_USECASES}/test_attempts.py", "tests/unit/domain/test_frontier.py"),
    "lost_no_attempt": (f"{_USECASES}/test_attempts.py",),
    "suspects_alone": (f"{_USECASES}/test_attempts.py",),
    "only_alone_counts": (f"{_USECASES}/test_attempts.py", "tests/unit/domain/test_fold.py"),
    "release_no_crash": (f"{_USECASES}/test_attempts.py",),
    "twice_fails": (f"{_USECASES}/test_attempts.py",),
    "look": (f"{_USECASES}/test_control.py",),
    "pause_conditional": (f"{_USECASES}/test_control.py", f"{_CONTRACT}/test_leases.py"),
    "release_reread": (f"{_USECASES}/test_control.py",),
    "wish_number": (f"{_USECASES}/test_control.py", f"{_CONTRACT}/test_job_store.py"),
    "sweep_wish": (f"{_USECASES}/test_control.py", f"{_USECASES}/test_sweep_jobs.py"),
    "sweep": (f"{_USECASES}/test_control.py",),
    # The driver itself asks again for what is overdue, and the sweep sees that every job has a driver.
    "sweep_batches": (f"{_USECASES}/test_batches.py",),
    "handover_invoke": (f"{_USECASES}/test_control.py",),
    "processor_looks": (f"{_USECASES}/test_batches.py",),
    "page_results": (f"{_USECASES}/test_batches.py", f"{_CONTRACT}/test_batches.py"),
    "close_batch": (f"{_USECASES}/test_batches.py", f"{_CONTRACT}/test_batches.py"),
    "patience": (f"{_USECASES}/test_batches.py",),
    "publishing_mark": (f"{_USECASES}/test_driver_rules.py",),
    "mark_conditional": (f"{_USECASES}/test_control.py", f"{_CONTRACT}/test_leases.py"),
    "mark_no_wish": (f"{_USECASES}/test_control.py", f"{_CONTRACT}/test_leases.py"),
    "mark_every_end": (f"{_USECASES}/test_control.py",),
    "pointer_conditional": (f"{_USECASES}/test_publish.py", f"{_CONTRACT}/test_libraries.py"),
    "published_by": (f"{_USECASES}/test_publish.py",),
    "by_each_job": (f"{_USECASES}/test_driver_rules.py", f"{_CONTRACT}/test_libraries.py"),
    "parts_unique": (f"{_USECASES}/test_publish.py",),
    "active_first": (f"{_USECASES}/test_driver_rules.py",),
    "next_only": (f"{_USECASES}/test_follow_job.py",),
    "mid_segment": (f"{_CONTRACT}/test_event_log.py",),
}
