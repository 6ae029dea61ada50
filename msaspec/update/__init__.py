"""What an update of a stack would do, computed offline from two templates.

Nothing here asks AWS; `deploy/` combines these results with a change set.
"""
