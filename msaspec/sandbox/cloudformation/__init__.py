"""The sandbox's own CloudFormation: intrinsic functions, change sets, the engine, signals, stack policies.

It knows no resource type (`types/`) and no HTTP (`on_moto/`).
"""
