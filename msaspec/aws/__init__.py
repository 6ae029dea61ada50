"""Typed helpers over troposphere (which is untyped): a topic a file."""
