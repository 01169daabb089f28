"""Every store of the table, in one bundle."""

from typing import TYPE_CHECKING

from runnel.adapters.dynamodb.batches import DynamoDBBatches
from runnel.adapters.dynamodb.bus import DynamoDBBus
from runnel.adapters.dynamodb.host_budget import DynamoDBHostBudget
from runnel.adapters.dynamodb.job_store import DynamoDBJobStore
from runnel.adapters.dynamodb.journal import DynamoDBEventLog, DynamoDBJournal
from runnel.adapters.dynamodb.libraries import DynamoDBLibraries
from runnel.adapters.dynamodb.table import Table
from runnel.adapters.dynamodb.tokens import DynamoDBTokens
from runnel.adapters.dynamodb.url_queue import DynamoDBUrlQueue
from runnel.adapters.dynamodb.usage import Usage
from runnel.ports.clock import Clock
from runnel.ports.ids import Ids

if TYPE_CHECKING:
    from types_boto3_dynamodb import DynamoDBClient


class DynamoDBStores:
    """The ports that one table fills; `usage` counts what they ask of it."""

    def __init__(self, client: "DynamoDBClient", table: str, *, clock: Clock, ids: Ids) -> None:
        self.usage = Usage()
        self._table = Table(client, table, clock=clock, ids=ids, usage=self.usage)
        self.jobs = DynamoDBJobStore(self._table)
        self.leases = self.jobs
        self.log = DynamoDBEventLog(self._table)
        self.journal = DynamoDBJournal(self._table, self.log)
        self.queue = DynamoDBUrlQueue(self._table)
        self.batches = DynamoDBBatches(self._table)
        self.libraries = DynamoDBLibraries(self._table)
        self.bus = DynamoDBBus(self._table)
        self.hosts = DynamoDBHostBudget(self._table)
        self.tokens = DynamoDBTokens(self._table)

    def close(self) -> None:
        """End the threads."""
        self._table.close()
