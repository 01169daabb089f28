"""Values and rules: standard library and pydantic only, no clock, no I/O."""
