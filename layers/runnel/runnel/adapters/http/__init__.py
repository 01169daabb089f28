"""HTTP/1.1 to crawled sites: llhttp reads the answers, the connections are ours."""
