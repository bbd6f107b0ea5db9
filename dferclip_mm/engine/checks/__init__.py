"""What can be wrong with a run before its first step; one file per topic.

Open this room to understand why a run was refused at its start, or to add such a check: write a
function that raises, and call it in `StartupCheckHook`. Each ``check_…`` raises a ValueError that
names the setting, what was expected, what was found and what to do. A `dataset` is built, and
MMEngine's wrappers are followed; a `key` is the config's name of its loader, for messages.
"""
