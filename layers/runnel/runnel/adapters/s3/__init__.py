"""Objects in one S3 bucket."""
