"""The two composition roots, side by side: the only places that name an adapter."""
