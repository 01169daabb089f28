"""All state in one DynamoDB table."""
