"""What is wrong with the stored objects of a library, and what became of it.

Laws:
1. What nobody can mend is said once as damage, then known as lost: the next crawl fetches it anew.
2. Orphans harm nobody: they are the garbage collector's.
"""

from dataclasses import dataclass, field
from typing import Literal

from runnel.domain.payloads import StoredPage

#: missing: not there. corrupt: there, and not what its key or its list says. misplaced: there, under another name.
#: orphan: there, and needed by nobody.
Flaw = Literal["missing", "corrupt", "misplaced", "orphan"]
#: What lies under a key: a page's Markdown, the result of a batch (links, headings), a generation's list of pages, a
#: segment of the index, a file of the output folder.
Sort = Literal["page", "result", "manifest", "index", "file"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One object that is not as it should be."""

    flaw: Flaw
    sort: Sort
    #: The object's key, or the file's path.
    key: str
    #: Pages that suffer from it.
    pages: tuple[StoredPage, ...] = field(default=(), compare=False)
    #: The same, when they lie in a generation's list: where that list lies.
    path: str = ""
    #: What a repair has made of it.
    fate: Literal["", "repaired", "collected", "lost"] = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Verification:
    """What a verification has found."""

    library_id: str
    #: Objects and files that were looked at.
    checked: int
    findings: tuple[Finding, ...]
    #: Objects that are known to be beyond repair, and that a crawl has not brought again yet.
    lost: tuple[str, ...] = ()

    @property
    def is_well(self) -> bool:
        """Whether nothing is wrong that would harm a reader."""
        return not self.lost and all(one.flaw == "orphan" or one.fate == "repaired" for one in self.findings)
