"""Prompt sets: sentences for each class, found by the class's name, never by position.

A prompt set is a table ``class name -> sentence or list of sentences``. The key ``*`` holds
templates, with ``{}`` for the class name, for every class without an entry of its own. A
compound class (``anger_disgust``) takes the sentences of its emotions.

Open this door to add a prompt set: a JSON file in this folder.
"""

from .load import PROMPT_SETS, load_prompt_parts, load_prompts
from .parse import parse_prompts

__all__ = ['PROMPT_SETS', 'load_prompt_parts', 'load_prompts', 'parse_prompts']
