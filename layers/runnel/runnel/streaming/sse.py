"""Server-Sent Events as bytes (HTML Living Standard, 9.2).

Laws:
1. The encoder is total: whatever text a field holds, one valid frame comes out; line ends inside data become several
   data lines, and in `event` and `id` they are dropped, as is NUL.
2. An id has letters, digits, `-` and `.` only, so that a cross-origin reconnect needs no preflight.
3. No event is named `error`: EventSource uses that name for its own.
"""

import re

HEARTBEAT = b": heartbeat\n\n"
_TYPE = re.compile(rb'"type":"([a-z_.]+)"')
_NOT_IN_ID = re.compile(r"[^A-Za-z0-9.-]")
_LINE_END = re.compile(rb"\r\n|\r|\n")


def encode_frame(data: bytes, *, event: str, event_id: str | None = None) -> bytes:
    """One frame. *data* is UTF-8; an `event` named error is refused by the vocabulary, not here."""
    head = f"event: {_one_line(event)}\n"
    if event_id is not None:
        head += f"id: {_NOT_IN_ID.sub('', event_id)}\n"
    body = b"".join(b"data: " + line + b"\n" for line in _LINE_END.split(data.replace(b"\0", b"")))
    return head.encode("utf-8", "replace") + body + b"\n"


def encode_event_line(job_id: str, seq: int | None, line: bytes, *, event_id: str | None = None) -> bytes:
    """The frame of a stored event line (or of an ephemeral one, whose *seq* is None), with its own id or *event_id*."""
    if seq is not None and event_id is None:
        event_id = f"{job_id}.{seq}"
    return encode_frame(line, event=type_of(line), event_id=event_id)


def encode_retry(milliseconds: int) -> bytes:
    """How long the client should wait before it reconnects."""
    return f"retry: {milliseconds}\n\n".encode()


def type_of(line: bytes) -> str:
    """The type of an event line: the first field of that name, which no text of a page can precede."""
    found = _TYPE.search(line)
    return found.group(1).decode() if found else "message"


def parse_last_event_id(value: str, job_id: str) -> int | None:
    """The sequence number that `<job_id>.<seq>` names; None when it is of another job or malformed."""
    own, _, seq = value.rpartition(".")
    return int(seq) if own == job_id and seq.isascii() and seq.isdigit() and len(seq) < 16 else None


def _one_line(text: str) -> str:
    return text.replace("\r", "").replace("\n", "").replace("\0", "")
