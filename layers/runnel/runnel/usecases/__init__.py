"""The story, one verb per file; everything outside comes in through ports."""
