"""One file, one form in which diagnostics are shown. Each has `render(diagnostics, about) -> str`.

A form changes nothing of what is said. How a deployment is shown is in `deploy/reporters/`.
"""
