"""The laptop's server and its worker processes."""
