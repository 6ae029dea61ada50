"""One file, one type of resource that is looked into while it is waited for, and when it failed.

A file here is found by being here. Its `Investigator` asks no more than it has to: all requests of an operation share a
budget of one a second (`investigation.py`).
"""
