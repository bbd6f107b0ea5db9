"""Recognise a published checkpoint, convert it, and convert it back."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import torch

from . import dferclip, emoclip
from .converted import ConversionError, Converted
from .rename_keys import State, shorten, strip_wrappers


def convert(
    checkpoint: Any, classes: str | Sequence[str] | None = None, context_position: str = 'end'
) -> Converted:
    """Convert the content of a published checkpoint file.

    Args:
        checkpoint: a state dict, or a dict with one under ``'state_dict'``.
        classes: a corpus or C class names in the file's order (DFER-CLIP only); None: the order
            of DFEW for 7 classes, of MAFW for 11.
        context_position: where the text stands in the prompts (DFER-CLIP only), which no file says.

    Raises:
        ConversionError: when it is of neither kind, or does not fit the kind's layout.
    """
    state = _state_dict(checkpoint)
    if dferclip.is_dferclip_checkpoint(state):
        converted = dferclip.convert(state, classes, context_position)
    elif emoclip.is_emoclip_checkpoint(state):
        converted = emoclip.convert(state)
    else:
        raise ConversionError(_explain_unknown(state))
    types = {'epoch': int, 'best_acc': float}
    meta = {name: of(checkpoint[name]) for name, of in types.items() if name in checkpoint}
    return replace(converted, meta={**converted.meta, **meta})


def convert_back(checkpoint: Any) -> dict[str, Any]:
    """The content of a published file from a checkpoint that ``convert`` made.

    Raises:
        ConversionError: when the checkpoint does not say what it was converted from, or lacks
            tensors.
    """
    found = checkpoint.get('meta') if isinstance(checkpoint, Mapping) else None
    meta: Mapping[str, Any] = found if isinstance(found, Mapping) else {}
    kind = meta.get('converted_from')
    if kind not in (dferclip.KIND, emoclip.KIND):
        raise ConversionError(
            "only a converted checkpoint can be converted back: expected meta['converted_from'] to "
            f'be {dferclip.KIND} or {emoclip.KIND}, found {kind!r}'
        )
    source = emoclip if kind == emoclip.KIND else dferclip
    try:
        theirs = source.to_published(_state_dict(checkpoint), meta)
    except KeyError as error:
        raise ConversionError(
            f'the checkpoint lacks {error}: convert the published file again'
        ) from error
    # Whatever is missing or of another shape, the conversion finds.
    convert(theirs, meta.get('classes'))
    wrapped = {f'module.{name}': tensor for name, tensor in theirs.items()}
    if kind == emoclip.KIND:
        return wrapped
    content: dict[str, Any] = {'epoch': meta.get('epoch', 0), 'state_dict': wrapped}
    if 'best_acc' in meta:
        content['best_acc'] = torch.tensor(meta['best_acc'])
    return content


def _state_dict(checkpoint: Any) -> State:
    if not isinstance(checkpoint, Mapping):
        raise ConversionError(
            f'the file holds a {type(checkpoint).__name__}: expected a state dict, or a dict with '
            "one under 'state_dict'"
        )
    state = checkpoint.get('state_dict', checkpoint)
    if not isinstance(state, Mapping) or not all(isinstance(name, str) for name in state):
        raise ConversionError("the file's state_dict is not a table of named tensors")
    return strip_wrappers(state)


def _explain_unknown(state: Mapping[str, Any]) -> str:
    if 'visual.proj' in state:
        return (
            'the file holds a CLIP, which needs no conversion: name the file as `pretrained` of '
            'CLIPVisualEncoder and CLIPTextEncoder'
        )
    if any(name.startswith('cls_head.') for name in state):
        return 'the file is a checkpoint of an MMAction2 model already: use it as it is'
    return (
        f'the file is no checkpoint of {dferclip.KIND} or {emoclip.KIND}: its {len(state)} '
        f'entries are {shorten(list(state)) or "none"}'
    )
