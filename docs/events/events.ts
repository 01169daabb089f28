// Generated from runnel/domain/events.py by `make docs`; do not edit.

/** A crawler or processor call failed, or is overdue. */
export interface BatchFailed {
  job_id: string;
  time: string;
  seq: number;
  truncated: boolean;
  type: "batch_failed";
  batch_id: string | null;
  urls: string[];
  attempt: number;
  error: FetchError;
  will_retry: boolean;
}

/** The processor's result was seen. */
export interface BatchProcessed {
  job_id: string;
  time: string;
  seq: number;
  truncated: boolean;
  type: "batch_processed";
  batch_id: string;
  pages: number;
  words: number;
  chunks: number;
  vectors: number;
  low_quality: number;
  failed: number;
  results: PageProcessed[];
}

/** Why a job ended. */
export type EndedBecause = "done" | "limit" | "budget" | "deadline" | "user" | "error";

/** What kind of failure ended a fetch. */
export type ErrorCategory = "dns" | "connect" | "tls" | "timeout" | "http_4xx" | "http_5xx" | "rate_limited" | "too_large" | "too_many_redirects" | "redirect_out_of_scope" | "blocked_address" | "unsupported_type" | "decode" | "robots" | "empty_page" | "protocol" | "crashed";

/** URLs by verdict; `seen` is their sum. */
export interface EventCounts {
  seen: number;
  fetched: number;
  unchanged: number;
  duplicate: number;
  skipped: number;
  failed: number;
  cancelled: number;
}

/** Why a fetch failed: category and one sentence. */
export interface FetchError {
  category: ErrorCategory;
  message: string;
}

/** A later driver took the job over. */
export interface Handover {
  job_id: string;
  time: string;
  seq: number;
  truncated: boolean;
  type: "handover";
  term: number;
  reason: "deadline" | "lease_lost" | "sigterm" | "started";
}

/** The job was cancelled by a user. */
export interface JobCancelled {
  job_id: string;
  time: string;
  seq: number;
  truncated: boolean;
  state: JobState;
  ok: boolean;
  error: string | null;
  ended_because: EndedBecause;
  library_id: string;
  mode: string;
  scope: string;
  dry_run: boolean;
  sources_processed: number;
  counts: EventCounts;
  total_processed: number;
  total_discovered: number;
  pages: number;
  low_quality: number;
  words: number;
  chunks: number;
  vectors: number;
  bytes: number;
  elapsed_ms: number;
  started_at: string;
  finished_at: string;
  cost_usd: number;
  report_id: string | null;
  type: "job_cancelled";
}

/** The job will end without further work. */
export interface JobCancelling {
  job_id: string;
  time: string;
  seq: number;
  truncated: boolean;
  state: JobState;
  by: string;
  type: "job_cancelling";
}

/** The job has done what it could. */
export interface JobCompleted {
  job_id: string;
  time: string;
  seq: number;
  truncated: boolean;
  state: JobState;
  ok: boolean;
  error: string | null;
  ended_because: EndedBecause;
  library_id: string;
  mode: string;
  scope: string;
  dry_run: boolean;
  sources_processed: number;
  counts: EventCounts;
  total_processed: number;
  total_discovered: number;
  pages: number;
  low_quality: number;
  words: number;
  chunks: number;
  vectors: number;
  bytes: number;
  elapsed_ms: number;
  started_at: string;
  finished_at: string;
  cost_usd: number;
  report_id: string | null;
  type: "job_completed";
}

/** The job exists; always seq 1. */
export interface JobCreated {
  job_id: string;
  time: string;
  seq: number;
  truncated: boolean;
  type: "job_created";
  kind: string;
  library_id: string;
  mode: string;
  scope: string;
  sources: SourceRef[];
  dry_run: boolean;
  options: Record<string, unknown>;
  links: Record<string, string>;
}

/** The job has nothing to show; `error` says why. */
export interface JobFailed {
  job_id: string;
  time: string;
  seq: number;
  truncated: boolean;
  state: JobState;
  ok: boolean;
  error: string | null;
  ended_because: EndedBecause;
  library_id: string;
  mode: string;
  scope: string;
  dry_run: boolean;
  sources_processed: number;
  counts: EventCounts;
  total_processed: number;
  total_discovered: number;
  pages: number;
  low_quality: number;
  words: number;
  chunks: number;
  vectors: number;
  bytes: number;
  elapsed_ms: number;
  started_at: string;
  finished_at: string;
  cost_usd: number;
  report_id: string | null;
  type: "job_failed";
}

/** The job stands still; nothing holds it. */
export interface JobPaused {
  job_id: string;
  time: string;
  seq: number;
  truncated: boolean;
  state: JobState;
  by: string;
  type: "job_paused";
}

/** The job goes on. */
export interface JobResumed {
  job_id: string;
  time: string;
  seq: number;
  truncated: boolean;
  state: JobState;
  by: string;
  type: "job_resumed";
}

/** The first driver took the job. */
export interface JobStarted {
  job_id: string;
  time: string;
  seq: number;
  truncated: boolean;
  type: "job_started";
  term: number;
}

/** Where a job stands. */
export type JobState = "queued" | "running" | "paused" | "completing" | "completed" | "failed" | "timeout" | "cancelled";

/** The job's time was over. */
export interface JobTimeout {
  job_id: string;
  time: string;
  seq: number;
  truncated: boolean;
  state: JobState;
  ok: boolean;
  error: string | null;
  ended_because: EndedBecause;
  library_id: string;
  mode: string;
  scope: string;
  dry_run: boolean;
  sources_processed: number;
  counts: EventCounts;
  total_processed: number;
  total_discovered: number;
  pages: number;
  low_quality: number;
  words: number;
  chunks: number;
  vectors: number;
  bytes: number;
  elapsed_ms: number;
  started_at: string;
  finished_at: string;
  cost_usd: number;
  report_id: string | null;
  type: "job_timeout";
}

/** First frame of each connection to the stream of all jobs: its id is the reader's place before any event. */
export interface JobsConnected {
  job_id: string;
  time: string;
  type: "jobs_connected";
  jobs: string[];
}

/** The result was not published. */
export interface LibraryHeld {
  job_id: string;
  time: string;
  seq: number;
  truncated: boolean;
  type: "library_held";
  library_id: string;
  reason: string;
  limits: Record<string, number>;
}

/** The library shows a new generation; in a dry run: it would, and goes on showing `generation`. */
export interface LibraryPublished {
  job_id: string;
  time: string;
  seq: number;
  truncated: boolean;
  type: "library_published";
  library_id: string;
  generation: number;
  added: number;
  changed: number;
  removed: number;
  unchanged: number;
}

/** Everything else worth a line. */
export interface Log {
  job_id: string;
  time: string;
  seq: number;
  truncated: boolean;
  type: "log";
  level: "debug" | "info" | "warning" | "error";
  message: string;
  item: number | null;
  total: number | null;
}

/** Totals; `<name>_delta` is the change since the connection's last snapshot. */
export interface Metrics {
  pages_total: number;
  chunks_total: number;
  vector_writes: number;
  store_writes: number;
  bytes_total: number;
  cost_usd: number;
  pages_total_delta: number;
  chunks_total_delta: number;
  vector_writes_delta: number;
  store_writes_delta: number;
  bytes_total_delta: number;
  cost_usd_delta: number;
}

/** What the processor made of one page. */
export interface PageProcessed {
  url: string;
  page_id: string;
  word_count: number;
  chunks: number;
  quality: Quality;
  low_quality: boolean;
}

/** The whole pipeline, at most every 500 ms. */
export interface PipelineProgress {
  job_id: string;
  time: string;
  type: "pipeline_progress";
  name: string;
  total_pages: number;
  total_chunks: number;
  stages: Stage[];
  worker_pool: WorkerPool;
  metrics: Metrics;
  timing: Timing;
  overall_progress_percent: number;
}

/** On change, at most twice a second. */
export interface Progress {
  job_id: string;
  time: string;
  type: "progress";
  processed: number;
  discovered: number;
  queued: number;
  pending: number;
}

/** How good a page's Markdown is, 0 to 100, and why not better. */
export interface Quality {
  score: number;
  reason: string;
}

/** A host's robots.txt was read; `status` is null when it could not be fetched. */
export interface RobotsLoaded {
  job_id: string;
  time: string;
  seq: number;
  truncated: boolean;
  type: "robots_loaded";
  host: string;
  status: number | null;
  crawl_delay_s: number | null;
  sitemaps: string[];
  content_signal: Record<string, "yes" | "no">;
}

/** The processor was asked for these pages. */
export interface SentToProcessing {
  job_id: string;
  time: string;
  seq: number;
  truncated: boolean;
  type: "sent_to_processing";
  batch_id: string;
  urls: string[];
  pages: number;
}

/** A sitemap file was read. */
export interface SitemapLoaded {
  job_id: string;
  time: string;
  seq: number;
  truncated: boolean;
  type: "sitemap_loaded";
  url: string;
  urls: number;
  skipped: number;
}

/** Why a URL was not fetched, or not kept. */
export type SkipReason = "out_of_scope" | "excluded" | "not_included" | "robots" | "nofollow" | "depth" | "limit" | "trap" | "asset" | "login";

/** The crawl of a source has ended. */
export interface SourceCompleted {
  job_id: string;
  time: string;
  seq: number;
  truncated: boolean;
  type: "source_completed";
  source_id: string;
  url: string;
  counts: EventCounts;
}

/** A source as the events name it. */
export interface SourceRef {
  source_id: string;
  url: string;
}

/** The crawl of a source begins; `count` new URLs come from its start. */
export interface SourceStarted {
  job_id: string;
  time: string;
  seq: number;
  truncated: boolean;
  type: "source_started";
  source_id: string;
  url: string;
  count: number;
}

/** One stage of the pipeline. */
export interface Stage {
  name: "discover" | "fetch" | "process" | "chunk" | "embed" | "index";
  status: "pending" | "in_progress" | "completed" | "error";
  processed: number;
  total: number;
  in_flight: number;
  progress_percent: number;
  duration_ms: number;
  is_complete: boolean;
  error: string | null;
}

/** First frame of each connection. */
export interface StreamConnected {
  job_id: string;
  time: string;
  type: "stream_connected";
  url: string | null;
  state: JobState;
  role: "driver" | "follower";
  last_seq: number;
}

/** Once a second: seconds since `job_created`, and the queue. */
export interface TimeUpdate {
  job_id: string;
  time: string;
  type: "time_update";
  elapsed: number;
  formatted: string;
  total_processed: number;
  total_discovered: number;
  queue_size: number;
  pending_count: number;
}

/** When it began and how long it may last; null while unknown. */
export interface Timing {
  started_at: string | null;
  elapsed_ms: number;
  estimated_remaining_ms: number | null;
}

/** A page was fetched. */
export interface UrlCrawled {
  job_id: string;
  time: string;
  seq: number;
  truncated: boolean;
  type: "url_crawled";
  url: string;
  success: true;
  final_url: string;
  status: number;
  outcome: "fetched" | "unchanged" | "duplicate";
  duplicate_of: string | null;
  title: string;
  content_length: number;
  body_hash: string;
  elapsed_ms: number;
}

/** A URL was given up. */
export interface UrlFailed {
  job_id: string;
  time: string;
  seq: number;
  truncated: boolean;
  type: "url_failed";
  url: string;
  attempts: number;
  error: FetchError;
}

/** A fetch failed and will be tried again. */
export interface UrlRetry {
  job_id: string;
  time: string;
  seq: number;
  truncated: boolean;
  type: "url_retry";
  url: string;
  attempt: number;
  retry_in_s: number | null;
  error: FetchError;
}

/** A URL that stood in the queue will not be kept after all. */
export interface UrlSkipped {
  job_id: string;
  time: string;
  seq: number;
  truncated: boolean;
  type: "url_skipped";
  url: string;
  reason: SkipReason;
  rule: string;
  parent: string | null;
}

/** The crawler is about to be asked for this URL. */
export interface UrlStarted {
  job_id: string;
  time: string;
  seq: number;
  truncated: boolean;
  type: "url_started";
  url: string;
  depth: number;
  attempt: number;
}

/** A page had links to URLs that were not known; `skipped` counts those ruled out at once, by reason. `reconsidered` of those discovered were ruled out before, by depth or nofollow: `count` has them no second time. */
export interface UrlsDiscovered {
  job_id: string;
  time: string;
  seq: number;
  truncated: boolean;
  type: "urls_discovered";
  source_url: string;
  depth: number;
  discovered_urls: string[];
  count: number;
  total_discovered: number;
  skipped: Partial<Record<SkipReason, number>>;
  reconsidered: number;
}

/** One place where a page can be fetched. */
export interface Worker {
  id: number;
  status: "idle" | "processing" | "error";
  current_url: string | null;
  progress_percent: number;
}

/** The places together. */
export interface WorkerPool {
  active: number;
  max: number;
  queue_depth: number;
  workers: Worker[];
}

/** Stored and numbered before anyone sees it. */
export type DurableEvent =
  | JobCreated
  | JobStarted
  | SourceStarted
  | SourceCompleted
  | RobotsLoaded
  | SitemapLoaded
  | UrlStarted
  | UrlCrawled
  | UrlsDiscovered
  | UrlSkipped
  | UrlRetry
  | UrlFailed
  | SentToProcessing
  | BatchProcessed
  | BatchFailed
  | JobPaused
  | JobResumed
  | JobCancelling
  | Handover
  | LibraryPublished
  | LibraryHeld
  | Log
  | JobCompleted
  | JobFailed
  | JobTimeout
  | JobCancelled;

/** Shown and forgotten. */
export type EphemeralEvent =
  | StreamConnected
  | JobsConnected
  | TimeUpdate
  | Progress
  | PipelineProgress;

/** Everything a stream can show; `type` tells which. */
export type Event =
  | DurableEvent
  | EphemeralEvent;
