"""Access to AWS for `deploy/`: the session, faults in words, stacks, events, logs, templates in a bucket, protections.

Decisions are in `deploy/` itself.
"""
