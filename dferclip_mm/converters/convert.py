"""Recognise a published checkpoint, convert it, and convert it back."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch

from . import dferclip, emoclip
from .errors import ConversionError
from .layout import State, shorten, strip_wrappers


@dataclass(frozen=True)
class Converted:
    """A checkpoint in our names, and what belongs to it.

    Attributes:
        kind: ``'DFER-CLIP'`` or ``'EmoCLIP'``.
        state_dict: our tensors, all of them: the text tower too.
        meta: plain data, what the way back needs.
        model: overrides of a config's ``model``, without the prompts.
        prompts: the sentence of each class; None where the file holds none.
    """

    kind: str
    state_dict: State
    meta: dict[str, Any]
    model: dict[str, Any]
    prompts: dict[str, str] | None


def convert(
    checkpoint: Any, classes: str | Sequence[str] | None = None, position: str = 'end'
) -> Converted:
    """Convert what a published checkpoint file holds.

    Args:
        checkpoint: a state dict, or a dict with one under ``'state_dict'``.
        classes: a corpus or C class names in the file's order (DFER-CLIP only); None: the order
            of DFEW for 7 classes, of MAFW for 11.
        position: where the text stands in the prompts (DFER-CLIP only), which no file says.

    Raises:
        ConversionError: when it is of neither kind, or does not fit the kind's layout.
    """
    state = _state_dict(checkpoint)
    meta = {name: checkpoint[name] for name in ('epoch', 'best_acc') if name in checkpoint}
    meta = {
        name: float(value) if name == 'best_acc' else int(value) for name, value in meta.items()
    }
    prompts: dict[str, str] | None = None
    if dferclip.recognise(state):
        kind = dferclip.KIND
        ours, model, prompts, scale = dferclip.convert(state, classes, position)
        meta.update(classes=list(prompts), prompts=list(prompts.values()), position=position)
    elif emoclip.recognise(state):
        kind = emoclip.KIND
        ours, model, scale = emoclip.convert(state)
    else:
        raise ConversionError(_what_else(state))
    meta.update(converted_from=kind, clip_logit_scale=scale)
    return Converted(kind, ours, meta, model, prompts)


def convert_back(checkpoint: Any) -> dict[str, Any]:
    """The content of a published file from a checkpoint that ``convert`` made.

    Raises:
        ConversionError: when the checkpoint does not say what it was converted from.
    """
    found = checkpoint.get('meta') if isinstance(checkpoint, Mapping) else None
    meta: Mapping[str, Any] = found if isinstance(found, Mapping) else {}
    kind = meta.get('converted_from')
    if kind not in (dferclip.KIND, emoclip.KIND):
        raise ConversionError(
            "only a checkpoint that was converted from a published one goes back: meta['converted_"
            f"from'] must be {dferclip.KIND} or {emoclip.KIND}, found {kind!r}"
        )
    state = _state_dict(checkpoint)
    try:
        if kind == emoclip.KIND:
            theirs = emoclip.to_published(state, meta['clip_logit_scale'])
        else:
            theirs = dferclip.to_published(state, meta['prompts'], meta['clip_logit_scale'])
    except KeyError as error:
        raise ConversionError(
            f'the meta data of the checkpoint lacks {error}: convert the published file again'
        ) from error
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


def _what_else(state: Mapping[str, Any]) -> str:
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
