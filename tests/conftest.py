"""What holds for all tests."""

import os

from hypothesis import settings

collect_ignore_glob = ["aws/stand_ins/*"]
"""Programs that the tests put on a PATH, not modules to look for doctests in."""

# CI tries the same examples every time, so that a change is judged by itself; everywhere else new ones are tried.
settings.register_profile("ci", derandomize=True, print_blob=True)
if os.environ.get("CI"):
    settings.load_profile("ci")
