"""Everything that a command says, as registered values: a topic a file, found by being there.

A message has a code, an event, a level and a payload, whose fields have types. Reporters render it: `reporters/` has
those of every command, `deploy/reporters/` adds what a deployment shows. What is wrong is a `Diagnostic`, which has a
code of its own.
"""
