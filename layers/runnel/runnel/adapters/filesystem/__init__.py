"""Folders and files of a laptop."""
