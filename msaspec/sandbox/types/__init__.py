"""One file a service of AWS: how the sandbox creates, updates, reads and deletes its resource types.

A type is found by being here, and speaks to its service by boto3 only. What moto lacks of a service is in `on_moto/`.
"""
