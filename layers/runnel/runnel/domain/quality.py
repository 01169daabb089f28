"""What a page must be worth to be kept."""

from typing import Final

#: The least score of a page that is kept, of 100, where no setting says otherwise: what is worth nothing goes, and a
#: short page is a page; somebody's page of three words must not be missing.
LOW_QUALITY_BELOW: Final = 1
