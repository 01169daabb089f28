"""Objects of all tenants in one bucket, each under `t/<tenant>/`."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from typing import TYPE_CHECKING

from runnel.adapters.s3.client import Bucket
from runnel.adapters.s3.failures import Absent, Exists
from runnel.ports.clock import Clock
from runnel.ports.ids import Ids

if TYPE_CHECKING:
    from types_boto3_s3 import S3Client


#: Objects that are asked for one by one; a list request costs as much as twelve of these, and tells of a thousand.
_MOST_HEADS = 100


class S3ContentStore:
    """`ContentStore`: an object is there whole once S3 has acknowledged it."""

    def __init__(self, client: "S3Client", bucket: str, *, clock: Clock, ids: Ids) -> None:
        self._bucket = Bucket(client, bucket, clock=clock, ids=ids)
        self.usage = self._bucket.usage

    def close(self) -> None:
        """End the threads."""
        self._bucket.close()

    async def put(self, tenant: str, key: str, body: bytes, *, if_absent: bool = False) -> bool:
        """A put whose answer was lost and that is repeated with *if_absent* finds its own object and says False."""
        condition = {"IfNoneMatch": "*"} if if_absent else {}
        try:
            await self._bucket.call("put_object", Key=_full(tenant, key), Body=body, **condition)
        except Exists:
            return False
        return True

    async def put_addressed(self, tenant: str, objects: Sequence[tuple[str, bytes]]) -> None:
        await asyncio.gather(*(self.put(tenant, key, body, if_absent=True) for key, body in objects))

    async def get(self, tenant: str, key: str) -> bytes | None:
        try:
            answer = await self._bucket.call("get_object", Key=_full(tenant, key))
        except Absent:
            return None
        body: bytes = answer["Body"]
        return body

    async def get_many(self, tenant: str, keys: Sequence[str]) -> dict[str, bytes]:
        bodies = await asyncio.gather(*(self.get(tenant, key) for key in keys))
        return {key: body for key, body in zip(keys, bodies, strict=True) if body is not None}

    async def missing(self, tenant: str, keys: Sequence[str]) -> set[str]:
        """Few keys are asked for one by one; for many the folder that they share is listed, a thousand to a request."""
        if len(keys) <= _MOST_HEADS:
            found = await asyncio.gather(*(self.exists(tenant, key) for key in keys))
            return {key for key, is_there in zip(keys, found, strict=True) if not is_there}
        left = set(keys)
        for folder in sorted({key.rpartition("/")[0] for key in keys}):
            async for key in self.keys(tenant, f"{folder}/" if folder else ""):
                left.discard(key)
        return left

    async def exists(self, tenant: str, key: str) -> bool:
        try:
            await self._bucket.call("head_object", Key=_full(tenant, key))
        except Absent:
            return False
        return True

    async def delete(self, tenant: str, key: str) -> None:
        await self._bucket.call("delete_object", Key=_full(tenant, key))

    async def keys(self, tenant: str, prefix: str) -> AsyncIterator[str]:
        """The order is S3's own: by the bytes of the key."""
        page = {"Prefix": _full(tenant, prefix)}
        while True:
            answer = await self._bucket.call("list_objects_v2", **page)
            for entry in answer.get("Contents", ()):
                yield entry["Key"].removeprefix(_full(tenant, ""))
            if not answer.get("IsTruncated"):
                return
            page["ContinuationToken"] = answer["NextContinuationToken"]


def _full(tenant: str, key: str) -> str:
    return f"t/{tenant}/{key}"
