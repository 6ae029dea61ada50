"""Lambda functions that a template carries inline. Each file stands alone: standard library and boto3 only."""
