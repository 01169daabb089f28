"""Raw responses: one object for a crawler call, each record a gzip member that can be read alone.

* Each object carries a tag by which the bucket lets it expire: a rule by prefix would reach one tenant only.
* A refusal to read is taken as "not there". Who reads may not list, since that would show it the keys of all tenants,
  and then S3 answers 403 for a missing key. A right that is really missing shows at once: no page can be read.
"""

import gzip
import zlib
from itertools import accumulate
from typing import TYPE_CHECKING

from runnel.adapters.s3.client import Bucket
from runnel.adapters.s3.failures import Absent, Refused
from runnel.domain.verdicts import RawRef
from runnel.ports.clock import Clock
from runnel.ports.ids import Ids

if TYPE_CHECKING:
    from types_boto3_s3 import S3Client


#: What the template's lifecycle rule looks for; it costs the right to tag.
TAG = "runnel=raw"
#: Sends of one request: what a page has cost to fetch is worth some seconds of waiting, six on average.
_ATTEMPTS = 8


class S3RawStore:
    """`RawStore`: a call's records cost one PUT, and a processor reads only the bytes of its page."""

    def __init__(self, client: "S3Client", bucket: str, *, clock: Clock, ids: Ids) -> None:
        self._bucket = Bucket(client, bucket, clock=clock, ids=ids, attempts=_ATTEMPTS)
        self.usage = self._bucket.usage

    def close(self) -> None:
        """End the threads."""
        self._bucket.close()

    async def put(self, tenant: str, job_id: str, name: str, records: tuple[bytes, ...]) -> tuple[RawRef, ...]:
        if not records:
            return ()
        # No time in the header: the same records make the same object.
        members = [gzip.compress(record, compresslevel=6, mtime=0) for record in records]
        key = f"raw/{job_id}/{name}"
        await self._bucket.call("put_object", Key=f"t/{tenant}/{key}", Body=b"".join(members), Tagging=TAG)
        ends = accumulate(len(member) for member in members)
        return tuple(
            RawRef(key=key, offset=end - len(member), length_bytes=len(member))
            for member, end in zip(members, ends, strict=True)
        )

    async def get(self, tenant: str, ref: RawRef) -> bytes | None:
        last = ref.offset + ref.length_bytes - 1
        try:
            answer = await self._bucket.call(
                "get_object", Key=f"t/{tenant}/{ref.key}", Range=f"bytes={ref.offset}-{last}"
            )
        except (Absent, Refused):
            return None
        try:
            return gzip.decompress(answer["Body"])
        except (OSError, EOFError, zlib.error):
            return None  # damaged: asking again would not help

    async def delete_job(self, tenant: str, job_id: str) -> None:
        prefix = f"t/{tenant}/raw/{job_id}/"
        while True:
            answer = await self._bucket.call("list_objects_v2", Prefix=prefix)
            for entry in answer.get("Contents", ()):
                await self._bucket.call("delete_object", Key=entry["Key"])
            if not answer.get("IsTruncated"):
                return
