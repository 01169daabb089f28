"""What to change to get a page that is missing: one sentence for each reason and each category of an error.

Law (tests/unit/domain/test_advice.py): none of them is without one. Standard library only, for the command line loads
this at every end of a crawl.
"""

from collections.abc import Mapping
from typing import Final

_RETRY: Final = "it may pass: runnel retry JOB asks again for what failed"
_THEIRS: Final = "it is the site's to mend; look at the page in a browser"

#: Reason of a skip, category of an error, or how a job ended without a verdict → what to do.
ADVICE: Final[Mapping[str, str]] = {
    # --- skipped
    "out_of_scope": "--scope hostname or --allow-domain HOST takes it in, or give it as a start URL of its own",
    "excluded": "an --exclude pattern names it; exclude wins over include",
    "not_included": "no --include pattern names it; add one that does",
    "robots": "the site asks crawlers to leave it out; with its owner's leave: --robots ignore --reason TEXT,"
    " or --content-signal report where the line is a Content-Signal",
    "nofollow": "the page that links to it asks not to follow; give it as a start URL of its own",
    "depth": "raise --max-depth, or give it as a start URL of its own",
    "limit": "the job had its pages; raise --limit",
    "trap": "its neighbours looked endless; give it as a start URL of its own",
    "asset": "it is a file and no page; it is listed, not fetched",
    "login": "it asks for a login: -H 'Authorization: env:NAME', or a Cookie",
    # --- failed
    "dns": "the host name does not resolve; is it spelled right, and does the network answer?",
    "connect": _RETRY,
    "tls": "the site's certificate or its TLS is not accepted; nothing is fetched around that",
    "timeout": f"the site is slow; fewer at once may help (--concurrency 2), and {_RETRY}",
    "http_4xx": "the site says that it is not there, or not for you; behind a login: -H 'Authorization: env:NAME'",
    "http_5xx": _RETRY,
    "rate_limited": "the site wants fewer requests: --concurrency 1 --delay 2, then runnel retry JOB",
    "too_large": "it is larger than a page may be (10 MB sent, 50 MB unpacked, a million tags, 512 deep)",
    "too_many_redirects": _THEIRS,
    "redirect_out_of_scope": "start from where it leads, or take that in with --allow-domain HOST",
    "blocked_address": "it leads into a private network; on your own machine --allow-private HOST:PORT allows it",
    "unsupported_type": "it is no HTML, Markdown or text",
    "decode": "its bytes are not what its headers say; " + _THEIRS,
    "empty_page": "there is no text in it; if a browser builds it with JavaScript, Runnel cannot read it",
    "protocol": f"its answer was cut, is no HTTP or leads nowhere; {_RETRY}",
    "crashed": "reading it took its reader down; please report it",
    # --- no verdict when the job ended
    "user": "the job was cancelled before its turn came",
    "budget": "the job's money was spent before its turn came; raise --max-usd",
    "deadline": "the job's time was over before its turn came; raise --timeout",
    "error": "the job failed before its turn came",
    # --- never seen
    "not_linked": "no page or sitemap that was read leads to it; give it as a start URL of its own",
}
