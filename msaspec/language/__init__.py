"""What a manifest may say, and the narrow waist between kinds and runtimes: values, offers, parts, workloads.

Here belong models and protocols that several rooms know. Nothing here makes a resource or reads a file; the sections of
kinds are in `kinds/`.
"""
