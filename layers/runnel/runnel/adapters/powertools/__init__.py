"""Logs and metrics by AWS Lambda Powertools: the lines that the functions of a stack write."""
