"""Runnel crawls documentation sites into LLM-ready Markdown and a searchable library."""

__version__ = "0.1.0"
