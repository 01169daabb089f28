"""The HTTP interface: one app for both homes."""
