"""The tables, and how a file of an older version becomes one of this version.

Laws:
1. `MIGRATIONS[n]` takes a file from version n to n + 1; one that was released is never edited.
2. `PRAGMA user_version` is the file's version; a file from the future is refused, not guessed at.
"""

import sqlite3

from runnel.errors import ConfigInvalid

# One row a job: META. Columns are what conditions look at and what changes; `request` is the rest, as JSON.
_JOBS = """
CREATE TABLE jobs (
  tenant TEXT NOT NULL, job_id TEXT NOT NULL, library_id TEXT NOT NULL, created_at TEXT NOT NULL,
  request TEXT NOT NULL,
  state TEXT NOT NULL,
  owner TEXT, term INTEGER NOT NULL, beat INTEGER NOT NULL,
  wish TEXT, wish_no INTEGER NOT NULL, publishing INTEGER NOT NULL,
  applied_seq INTEGER NOT NULL, spent_s REAL NOT NULL, spent_usd REAL NOT NULL,
  ending TEXT,
  PRIMARY KEY (tenant, job_id)
) STRICT, WITHOUT ROWID
"""
# Lists of jobs are newest first.
_JOBS_BY_TIME = "CREATE INDEX jobs_by_time ON jobs (tenant, created_at, job_id)"
# The sweep looks for jobs that have not ended.
_JOBS_BY_STATE = "CREATE INDEX jobs_by_state ON jobs (state)"
# With rowid: blobs of up to 64 KB do not belong into the tree that is searched.
_SEGMENTS = """
CREATE TABLE segments (
  tenant TEXT NOT NULL, job_id TEXT NOT NULL, first INTEGER NOT NULL, last INTEGER NOT NULL, data BLOB NOT NULL,
  PRIMARY KEY (tenant, job_id, first)
) STRICT
"""
# The new URLs of a flush in one row, deflated: 500 of them are 4 KB here, and 70 KB as rows of their own.
_URLS = """
CREATE TABLE urls (
  tenant TEXT NOT NULL, job_id TEXT NOT NULL, first INTEGER NOT NULL, term INTEGER NOT NULL, packed BLOB NOT NULL,
  PRIMARY KEY (tenant, job_id, first, term)
) STRICT
"""
# One row a URL that stood in the queue and was decided.
_VERDICTS = """
CREATE TABLE verdicts (
  tenant TEXT NOT NULL, job_id TEXT NOT NULL, url TEXT NOT NULL, verdict TEXT NOT NULL,
  PRIMARY KEY (tenant, job_id, url)
) STRICT, WITHOUT ROWID
"""
# URLs decided without a fetch, deflated; a digest of the content is the key, so that a repetition changes nothing.
_RULED_OUT = """
CREATE TABLE ruled_out (
  tenant TEXT NOT NULL, job_id TEXT NOT NULL, digest BLOB NOT NULL, packed BLOB NOT NULL,
  PRIMARY KEY (tenant, job_id, digest)
) STRICT
"""
_BATCHES = """
CREATE TABLE batches (
  tenant TEXT NOT NULL, job_id TEXT NOT NULL, batch_id TEXT NOT NULL, pages INTEGER NOT NULL,
  parts TEXT NOT NULL DEFAULT '{}', tries INTEGER NOT NULL DEFAULT 0, closed INTEGER NOT NULL DEFAULT 0,
  invoked_at TEXT,
  PRIMARY KEY (tenant, job_id, batch_id)
) STRICT, WITHOUT ROWID
"""
# `generation` is what the pointer's condition looks at; `pointer` is the rest of it.
_LIBRARIES = """
CREATE TABLE libraries (
  tenant TEXT NOT NULL, library_id TEXT NOT NULL, created_at TEXT NOT NULL, sources TEXT NOT NULL,
  generation INTEGER NOT NULL, pointer TEXT NOT NULL, published TEXT NOT NULL, active_job TEXT,
  PRIMARY KEY (tenant, library_id)
) STRICT, WITHOUT ROWID
"""
# `first_s` is the first turn of the block that was handed out last, `next_s` the first that is free.
_HOSTS = """
CREATE TABLE hosts (host TEXT PRIMARY KEY, first_s REAL NOT NULL, next_s REAL NOT NULL) STRICT, WITHOUT ROWID
"""
_TOKENS = """
CREATE TABLE tokens (
  sha256 TEXT PRIMARY KEY, tenant TEXT NOT NULL, name TEXT NOT NULL, scopes TEXT NOT NULL,
  created_at TEXT NOT NULL, expires_at TEXT
) STRICT, WITHOUT ROWID
"""

# With rowid: bodies do not belong into the tree that is searched.
_OBJECTS = """
CREATE TABLE objects (
  tenant TEXT NOT NULL, key TEXT NOT NULL, body BLOB NOT NULL,
  PRIMARY KEY (tenant, key)
) STRICT
"""

# A deletion takes its time; the sweep finds what is left of it.
_JOBS_DELETED = "ALTER TABLE jobs ADD COLUMN deleted INTEGER NOT NULL DEFAULT 0"
_JOBS_BY_DELETED = "CREATE INDEX jobs_by_deleted ON jobs (tenant, job_id) WHERE deleted"
# One row a segment of the bus; `first` and `last` are the numbers of its records.
_BUS = """
CREATE TABLE bus (
  tenant TEXT NOT NULL, first INTEGER NOT NULL, last INTEGER NOT NULL, key TEXT NOT NULL, data BLOB NOT NULL,
  PRIMARY KEY (tenant, first), UNIQUE (tenant, key)
) STRICT
"""
# Turns alone were not enough to share a host by.
_DROP_HOSTS = "DROP TABLE hosts"
# `book` is `HostBook` as text; after `ends_s` nothing in it counts.
_HOST_BOOKS = """
CREATE TABLE host_books (host TEXT PRIMARY KEY, book TEXT NOT NULL, ends_s REAL NOT NULL) STRICT, WITHOUT ROWID
"""

# How often a library was edited, and what users set, as JSON.
_LIBRARIES_REVISION = "ALTER TABLE libraries ADD COLUMN revision INTEGER NOT NULL DEFAULT 0"
_LIBRARIES_SETTINGS = "ALTER TABLE libraries ADD COLUMN settings TEXT NOT NULL DEFAULT '{}'"

MIGRATIONS: tuple[tuple[str, ...], ...] = (
    (
        _JOBS,
        _JOBS_BY_TIME,
        _JOBS_BY_STATE,
        _SEGMENTS,
        _URLS,
        _VERDICTS,
        _RULED_OUT,
        _BATCHES,
        _LIBRARIES,
        _HOSTS,
        _TOKENS,
    ),
    (_OBJECTS,),
    (_JOBS_DELETED, _JOBS_BY_DELETED),
    (_BUS,),
    (_DROP_HOSTS, _HOST_BOOKS),
    (_LIBRARIES_REVISION, _LIBRARIES_SETTINGS),
)

_VERSION = "PRAGMA user_version"
_TABLES = "SELECT name FROM sqlite_master WHERE type = 'table'"


def version_of(connection: sqlite3.Connection) -> int:
    """The file's version; 0 = a new file."""
    version: int = connection.execute(_VERSION).fetchone()[0]
    return version


def check_ours(connection: sqlite3.Connection, path: object) -> None:
    """Raise `ConfigInvalid` for a file of a newer Runnel or of another program; nothing is changed."""
    version = version_of(connection)
    if version > len(MIGRATIONS):
        raise ConfigInvalid(
            f"The store {path} was made by a newer Runnel: its version is {version}, ours {len(MIGRATIONS)}."
            " Upgrade Runnel, or set RUNNEL_HOME to another folder."
        )
    tables = {row[0] for row in connection.execute(_TABLES)}
    if tables and (version == 0 or "segments" not in tables):
        raise ConfigInvalid(f"The file {path} belongs to another program; set RUNNEL_HOME to another folder.")


def migrate(connection: sqlite3.Connection) -> None:
    """Bring the file to this version, inside the caller's transaction."""
    version = version_of(connection)
    for statements in MIGRATIONS[version:]:
        for statement in statements:
            connection.execute(statement)
    if version < len(MIGRATIONS):
        connection.execute(f"{_VERSION} = {len(MIGRATIONS)}")
