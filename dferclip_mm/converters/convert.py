"""Recognise a published checkpoint, convert it, and convert it back."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch

from ..checkpoints.compare import Tensors, shorten
from ..checkpoints.load import get_state_dict
from ..emotions import resolve_classes
from ..models.clip.build import clip_tokenizer
from .converted import Converted
from .embedded_prompts import embed, recover_sentences
from .exp_clip import add_towers
from .infer_arch import (
    arch_name,
    clip_arch,
    count_blocks,
    part_tensors,
    shape_of,
    temporal_settings,
)
from .layouts import CONTEXT, DFER_CLIP, EXP_CLIP, LAYOUTS, REST, SCALE, START, TEXT, UNUSED_SCALE
from .rename_keys import to_ours, to_theirs

# For files that do not name their classes: the corpora of the published files.
_CORPUS_OF_SIZE = {7: 'dfew', 11: 'mafw'}


def convert(
    checkpoint: Any,
    classes: str | Sequence[str] | None = None,
    context_position: str = 'end',
    arch: str | None = None,
    pretrained: str = 'openai',
) -> Converted:
    """Convert the content of a published checkpoint file.

    Args:
        checkpoint: a state dict, or a dict with one under ``'state_dict'``.
        classes: a corpus or C class names in the file's order (DFER-CLIP only); None: the order
            of DFEW for 7 classes, of MAFW for 11.
        context_position: of the text in the prompts (DFER-CLIP only), which no file says.
        arch: of the CLIP that the file was trained over (Exp-CLIP only); None: ViT-L-14.
        pretrained: that CLIP's weights (Exp-CLIP only).

    Raises:
        ValueError: when it is of no known kind, or does not fit the kind's layout.
    """
    state = _state_dict(checkpoint)
    layout = next((known for known in LAYOUTS.values() if known.fits(state)), None)
    if layout is None:
        raise ValueError(_explain_unknown(state))
    if layout is EXP_CLIP:
        return add_towers(state, arch, pretrained)
    clip = clip_arch(state, layout.visual, layout.text)
    neck = temporal_settings(state, layout.temporal)
    names = _class_names(state, classes) if layout is DFER_CLIP else ()
    own = _prompt_shapes(state, clip, len(names)) if names else {SCALE: ()}
    expected = part_tensors(clip, neck)
    for name, shape in {**own, UNUSED_SCALE: ()}.items():
        expected[name] = torch.empty(shape, device='meta')
    ours = to_ours(state, layout.all_rules(neck['depth']), expected, layout.kind)

    tower = {'arch': arch_name(clip), 'pretrained': None}
    head: dict[str, Any] = {'text_encoder': tower}
    types = {'epoch': int, 'best_acc': float}
    meta = {
        'converted_from': layout.kind,
        'clip_logit_scale': float(ours.pop(UNUSED_SCALE)),
        **{name: of(checkpoint[name]) for name, of in types.items() if name in checkpoint},
    }
    prompts = None
    if names:
        table = ours[f'{TEXT}token_embedding.weight']
        sentences = recover_sentences(ours.pop(START), ours.pop(REST), table, clip_tokenizer())
        prompts = dict(zip(names, sentences, strict=True))
        settings = {'classes': list(names), 'context_position': context_position}
        context = ours[CONTEXT]
        head |= {**settings, 'num_context': context.shape[-2], 'class_specific': context.ndim == 3}
        meta |= {**settings, 'prompts': sentences}
    model = {'backbone': tower, 'neck': neck, 'cls_head': head}
    return Converted(layout.kind, ours, meta, model, prompts)


def convert_back(checkpoint: Any) -> dict[str, Any]:
    """The content of a published file from a checkpoint that ``convert`` made.

    Raises:
        ValueError: when the checkpoint does not say what it was converted from, or tensors are
            missing or left over.
    """
    found = checkpoint.get('meta') if isinstance(checkpoint, Mapping) else None
    meta: Mapping[str, Any] = found if isinstance(found, Mapping) else {}
    layout = LAYOUTS.get(str(meta.get('converted_from')))
    if layout is None:
        raise ValueError(
            "only a converted checkpoint can be converted back: expected meta['converted_from'] to "
            f'be {" or ".join(LAYOUTS)}, found {meta.get("converted_from")!r}'
        )
    state = _state_dict(checkpoint)
    if layout is EXP_CLIP:
        # The towers below the matrix are no part of the published file.
        state = {name: value for name, value in state.items() if '_fingerprint' not in name}
        theirs = to_theirs(state, layout.rules)
        shape_of(theirs, 'mlp.weight', 2)
        return theirs
    try:
        state[UNUSED_SCALE] = torch.tensor(meta['clip_logit_scale'])
        table = state[f'{TEXT}token_embedding.weight']
        if layout is DFER_CLIP:
            length, context = len(state[f'{TEXT}positional_embedding']), state[CONTEXT].shape[-2]
            rest = length - 1 - context
            state[START], state[REST] = embed(meta['prompts'], table, clip_tokenizer(), rest)
    except KeyError as error:
        raise ValueError(
            f'the checkpoint lacks {error}: give one that a conversion wrote, with its text tower'
        ) from error
    rules = layout.all_rules(count_blocks(state, 'neck.blocks.'))
    theirs = to_theirs(state, rules)
    # Whatever is missing or of another shape, the conversion finds.
    convert(theirs, meta.get('classes'))
    wrapped = {f'module.{name}': tensor for name, tensor in theirs.items()}
    if layout is not DFER_CLIP:
        return wrapped
    content: dict[str, Any] = {'epoch': meta.get('epoch', 0), 'state_dict': wrapped}
    if 'best_acc' in meta:
        content['best_acc'] = torch.tensor(meta['best_acc'])
    return content


def _state_dict(checkpoint: Any) -> dict[str, torch.Tensor]:
    """The tensors by name, without the ``module.`` of any number of DataParallel wrappers."""
    state = get_state_dict(checkpoint, 'the file')
    while state and all(name.startswith('module.') for name in state):
        state = {name.removeprefix('module.'): value for name, value in state.items()}
    return state


def _explain_unknown(state: Tensors) -> str:
    if 'visual.proj' in state:
        return (
            'the file holds a CLIP, which needs no conversion: name the file as `pretrained` of '
            'CLIPVisualEncoder and CLIPTextEncoder'
        )
    if any(name.startswith('cls_head.') for name in state):
        return 'the file is a checkpoint of an MMAction2 model already: use it as it is'
    return (
        f'the file is no checkpoint of {" or ".join(LAYOUTS)}: its {len(state)} entries are '
        f'{shorten(list(state)) or "none"}'
    )


def _prompt_shapes(state: Tensors, arch: Mapping[str, Any], number: int) -> dict[str, tuple]:
    """The shapes of DFER-CLIP's context and embedded prompts, for this number of classes."""
    width, length = arch['text_cfg']['width'], arch['text_cfg']['context_length']
    name = 'prompt_learner.ctx'
    class_specific = name in state and state[name].ndim != 2
    context, _ = shape_of(state, name, 3 if class_specific else 2)[-2:]
    return {
        CONTEXT: (number, context, width) if class_specific else (context, width),
        START: (number, 1, width),
        REST: (number, length - 1 - context, width),
    }


def _class_names(state: Tensors, classes: str | Sequence[str] | None) -> tuple[str, ...]:
    number, _, _ = shape_of(state, 'prompt_learner.token_suffix', 3)
    if classes is None and number not in _CORPUS_OF_SIZE:
        raise ValueError(
            f'the file has {number} classes and does not name them: name them in its order '
            "(classes=[…]; the program's option is --classes)"
        )
    names = resolve_classes(_CORPUS_OF_SIZE[number] if classes is None else classes)
    if len(names) != number:
        raise ValueError(
            f'the file has {number} classes, but {len(names)} were named ({", ".join(names)})'
        )
    return names
