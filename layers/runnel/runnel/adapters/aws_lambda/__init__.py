"""Calls of the Lambda functions."""
