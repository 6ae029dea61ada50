"""One file, one form in which messages are shown: `text` for people, `json` for programs.

What a deployment shows beside them, such as its progress, is added by `deploy/reporters/`.
"""
