"""What a page must be worth to be kept."""

from typing import Final

#: The least score of a page that is kept, of 100, where no setting says otherwise: eight words and more.
LOW_QUALITY_BELOW: Final = 20
