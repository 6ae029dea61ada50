"""cfn-lint over compiled templates, its findings on manifest lines, and the cache of its verdicts.

Rules of our own are in `checks/`.
"""
