import pytest
from pydantic import ValidationError

from runnel.domain.payloads import CrawlRequest, CrawlTarget


def test_a_refused_payload_does_not_print_its_headers() -> None:
    """A header may be a token, and a refusal's message ends in logs."""
    with pytest.raises(ValidationError) as refused:
        CrawlRequest.model_validate(
            {
                "tenant": "acme",
                "job_id": "j",
                "targets": [CrawlTarget(url="https://docs.example.com/")],
                "raw_name": "1-1",
                "user_agent": "a",
                "headers": {"authorization": ["secret-token"]},
            }
        )

    assert "authorization" in str(refused.value)
    assert "secret-token" not in str(refused.value)
