"""From a manifest to templates: the plan (names resolved, values computed), the stacks, patches.

What one kind or runtime becomes is in `kinds/`, `runtimes/` and `aws/`.
"""
