"""One file, one section of the manifest: its models, its rules, what it becomes, what it offers its users.

A kind also says what is known of its types of resources. What it shares with others is in `aws/`; how services run is
in `runtimes/`.
"""
