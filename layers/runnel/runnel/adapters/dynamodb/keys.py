"""Where things lie in the table: primary keys and sort keys, the only place that spells them.

Everything of a job lies under one partition key, in the order `B#` `E#` `META` `SPEC#` `U#` `V#`; a tenant's lists
(jobs by time, libraries, tokens) under the tenant's own.
"""

import hashlib
from collections.abc import Mapping
from typing import Any

from runnel.adapters.dynamodb.attributes import Key, moment, text
from runnel.domain.jobs import Job


def make_key(pk: str, sk: str) -> Key:
    """A primary key."""
    return {"pk": text(pk), "sk": text(sk)}


def key_of(item: Mapping[str, Any]) -> Key:
    """The primary key of an item."""
    return {"pk": item["pk"], "sk": item["sk"]}


def tenant_pk(tenant: str) -> str:
    """Partition of a tenant's lists."""
    return f"T#{tenant}"


def job_pk(tenant: str, job_id: str) -> str:
    """Partition of everything that belongs to a job."""
    return f"T#{tenant}#JOB#{job_id}"


def parse_job_pk(pk: str) -> tuple[str, str]:
    """Tenant and job id of a job's partition."""
    _, tenant, _, job_id = pk.split("#", 3)
    return tenant, job_id


def meta_key(tenant: str, job_id: str) -> Key:
    """Key of a job's META."""
    return make_key(job_pk(tenant, job_id), "META")


def segment_sk(first: int) -> str:
    """Sort key of the segment that begins at *first*."""
    return f"E#{first:012}"


def batch_key(tenant: str, job_id: str, batch_id: str) -> Key:
    """Key of a processor batch."""
    return make_key(job_pk(tenant, job_id), f"B#{batch_id}")


def library_key(tenant: str, library_id: str) -> Key:
    """Key of a library's META."""
    return make_key(f"T#{tenant}#LIB#{library_id}", "META")


def bus_pk(tenant: str) -> str:
    """Partition of a tenant's bus: `E#` segments, `K#` their keys."""
    return f"T#{tenant}#BUS"


def bus_sk(first: int) -> str:
    """Sort key of the bus segment that begins at *first*."""
    return f"E#{first:012}"


def token_key(sha256: str) -> Key:
    """Key of a token."""
    return make_key(f"TOKEN#{sha256}", "META")


def hash_url(url: str) -> str:
    """128 bits of the URL's SHA-256: a URL may be longer than a sort key."""
    return hashlib.sha256(url.encode()).hexdigest()[:32]


def job_to_list_key(job: Job) -> Key:
    """Key of the item by which a tenant's jobs are listed: its order is that of their making."""
    return make_key(tenant_pk(job.tenant), f"J#{moment(job.created_at)['S']}#{job.job_id}")


def parse_list_sk(sk: str) -> str:
    """The job id of a list item."""
    return sk.split("#", 2)[2]
