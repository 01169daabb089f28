"""What the use cases need from the outside, one Protocol per file, its promises in the docstring."""
