"""The pages of `msaspec explain`: a manifest entry and what it becomes, a diagnostic and what it means.

Here text is made of a plan and of codes. What a code means is written beside the check that reports it.
"""
