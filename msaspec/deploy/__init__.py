"""From a compiled stack to a running one: steps that look, propose, execute, settle and destroy.

Here belong decisions and their order. Access to AWS is in `aws/`, what users see in `reporters/`; what two templates
tell without AWS is in `update/`.
"""
