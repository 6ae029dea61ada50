"""Rules over the compiled template: a file with `check(stack)` and its codes.

Here belongs what a patch or the size of the whole can get wrong and cfn-lint does not see. What cfn-lint sees is left
to it (`linting/`); what makes a system weaker is in `template/weaknesses/`.
"""
