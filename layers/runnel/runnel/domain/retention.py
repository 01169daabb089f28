"""How long what belongs to a job is kept after its end; a job that has not ended keeps everything.

Laws:
1. After `EVENTS` nothing of a log is shown, also where some of it still lies in the store.
2. After `JOBS` a job goes with all that belongs to it. What it has published stays: that is the library's.
"""

from datetime import timedelta
from typing import Final

EVENTS: Final = timedelta(days=7)
JOBS: Final = timedelta(days=30)
