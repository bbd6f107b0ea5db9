"""What can be wrong with a run before its first step; one file per topic.

Open this room to understand why a run was refused at its start, or to add such a check: write a
function that raises, and call it in `StartupCheckHook`. A `dataset` is built, and MMEngine's
wrappers are followed; a `key` is the config's name of its loader, for messages.
"""
