"""One file, one kind of thing that a deployment needs of the account.

A file here is found by being here. Its `Precondition` reads whether the account has it, before anything is changed, and
returns a diagnostic on the manifest line for each miss, whose hint is the command that makes it.
"""
