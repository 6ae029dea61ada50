"""Typed helpers over troposphere, which is untyped: a topic of AWS a file, such as balancers, hosts, tasks, roles.

Here belongs what two kinds or two runtimes share. What only one of them becomes is in `kinds/` or `runtimes/`; names
and references of a template as data are in `template/`; nothing here asks AWS.
"""
