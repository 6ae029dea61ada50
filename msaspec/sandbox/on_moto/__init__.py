"""What the sandbox replaces in moto: the CloudFormation API, and behaviour of services that moto leaves out.

Here belongs what depends on moto's insides. CloudFormation's own logic is in `cloudformation/`, resource types are in
`types/`.
"""
