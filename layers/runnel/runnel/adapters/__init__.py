"""The outside world, one technology a package; adapters do not know each other."""
