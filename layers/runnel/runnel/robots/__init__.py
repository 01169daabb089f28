"""The Robots Exclusion Protocol: what a site allows a crawler to fetch."""
