"""What a page says: its links, its facts, its main part, and that part as Markdown."""
