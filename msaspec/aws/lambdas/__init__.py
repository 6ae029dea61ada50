"""Lambda functions that a template carries inline: a handler for CloudFormation, a runner beside the database.

Each file is self-contained, with the standard library and boto3 only, since Lambda gets its text and nothing else. What
puts them into a template is `aws/bootstrap.py`.
"""
