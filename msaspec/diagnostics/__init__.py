"""The one error value: a code, a message, a hint, and the place in a file; with the formats that print it.

The codes themselves live beside the check or stage that reports them.
"""
