"""Frames of Server-Sent Events: bytes in, bytes out."""
