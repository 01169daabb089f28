"""HTTP to crawled sites, through aiohttp."""
