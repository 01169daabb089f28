"""The parts of every conditional write and key condition, by name; joined with `both`.

A lease's life: free, take, held by (owner, term), renew (beat + 1) again and again, release, free. When SAME_BEAT has
stood still for the ttl on a taker's own clock, it takes from the dead owner.
"""

#: Nobody has written this item yet.
ABSENT = "attribute_not_exists(pk)"
#: The item is there; an update of a missing one would make a stump.
PRESENT = "attribute_exists(pk)"

# --- META: the lease
#: Nobody drives the job.
NO_OWNER = "attribute_not_exists(ow)"
#: The driver that we have seen, or are.
SAME_OWNER = "ow = :owner"
#: The lease has not changed hands since.
SAME_TERM = "tm = :term"
#: The driver has given no sign of life since.
SAME_BEAT = "bt = :beat"
#: A driver's fence: no write of a driver goes through without it.
FENCE = f"{SAME_OWNER} AND {SAME_TERM}"
#: Effects of a later flush are in place already: an old acknowledgement must not hide them.
NOT_APPLIED_FURTHER = "ap <= :seq"

# --- META: control
#: Nobody has wished anything since we looked.
SAME_WISH_NO = "wn = :seen"
#: The user asks for nothing.
NO_WISH = "attribute_not_exists(wi)"
#: The user still asks for a pause.
STILL_PAUSE = "wi = :pause"
#: The job has not begun to end.
NOT_PUBLISHING = "attribute_not_exists(pu)"
#: The job has not ended: its index keys go in the write that ends it.
NOT_OVER = "attribute_exists(gsi1pk)"
#: Its index keys have gone, and none has come back by which the sweep finds what is to be removed.
OVER = "attribute_not_exists(gsi1pk)"
#: Nobody has deleted the job.
NOT_DELETED = "attribute_not_exists(dl)"
#: The job stands still.
IS_PAUSED = "st = :paused"
#: The job does not stand still.
NOT_PAUSED = "st <> :paused"

# --- batches
#: The batch was not given up.
NOT_CLOSED = "attribute_not_exists(cl)"
#: No result has come since we looked.
SAME_PARTS = "size(pt) = :parts"
#: Nobody has tried the batch again since we looked.
SAME_TRIES = "tr = :seen"

# --- libraries
#: No job, or this one, may change the library.
CLAIMABLE = "(attribute_not_exists(aj) OR aj = :job)"
#: This job may change the library.
CLAIMED = "aj = :job"
#: This claim holds the library, under its old name or, if that was written before, its new one.
RENEWABLE = "(aj = :job OR aj = :name)"
#: Nobody has published since we looked.
SAME_GENERATION = "g = :base"
#: Nobody has edited the library since we looked; one that never was has no revision.
SAME_REVISION = "rv = :revision"
NEVER_EDITED = "attribute_not_exists(rv)"
#: No job may change the library.
UNCLAIMED = "attribute_not_exists(aj)"

# --- host budgets
#: Nobody has taken a share of the host since we looked.
SAME_BOOK = "bk = :seen"
#: Nobody has ever taken one.
NO_BOOK = "attribute_not_exists(bk)"

# --- tokens
#: The token is this tenant's.
SAME_TENANT = "tn = :tenant"

# --- key conditions
#: All items of one partition.
OF_PARTITION = "pk = :pk"
#: Items of one kind.
OF_KIND = "pk = :pk AND begins_with(sk, :kind)"
#: Items from one sort key to another, both included.
BETWEEN = "pk = :pk AND sk BETWEEN :low AND :high"
#: Jobs of every tenant that have not ended, or that are to be removed.
IN_INDEX = "gsi1pk = :kind"


def both(*parts: str) -> str:
    """All the conditions together."""
    return " AND ".join(parts)
