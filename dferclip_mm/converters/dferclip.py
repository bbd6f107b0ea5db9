"""DFER-CLIP's published checkpoints (Zhao & Patras, arXiv 2308.13382) to ours and back."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from open_clip import SimpleTokenizer

from ..emotions import resolve_classes
from .converted import ConversionError, Converted
from .embedded_prompts import decode, embed, recover_tokens
from .infer_arch import arch_name, clip_arch, clip_shapes, count_blocks
from .rename_keys import Rules, State, shapes_of, to_ours, to_theirs
from .temporal_net import temporal_rules, temporal_settings, temporal_shapes

KIND = 'DFER-CLIP'

_VISUAL = 'backbone.visual.'
_TEXT = 'cls_head.text_encoder.text.'
_CONTEXT = 'cls_head.prompt_learner.context'
# Not weights of our model: the embedded prompts follow from the sentences …
_START, _REST = 'prompts.start', 'prompts.rest'
# … and CLIP's own scale is never used.
_SCALE = 'clip.logit_scale'

# Their prefix, our prefix; CLIP's towers are stored twice and must agree. The rules of the temporal
# net are in `temporal_net`.
RULES: Rules = (
    ('prompt_learner.ctx', _CONTEXT),
    ('prompt_learner.token_prefix', _START),
    ('prompt_learner.token_suffix', _REST),
    ('text_encoder.positional_embedding', f'{_TEXT}positional_embedding'),
    ('text_encoder.text_projection', f'{_TEXT}text_projection'),
    ('text_encoder.transformer.', f'{_TEXT}transformer.'),
    ('text_encoder.ln_final.', f'{_TEXT}ln_final.'),
    ('image_encoder.', _VISUAL),
    ('clip_model_.visual.', _VISUAL),
    ('clip_model_.logit_scale', _SCALE),
    ('clip_model_.', _TEXT),
)
_TEMPORAL = 'temporal_net.'

# For files that do not name their classes: the corpora of the published files.
_CORPUS_OF_SIZE = {7: 'dfew', 11: 'mafw'}


def is_dferclip_checkpoint(state: Mapping[str, Any]) -> bool:
    """Whether the names (without ``module.``) are DFER-CLIP's."""
    return all(
        any(name.startswith(prefix) for name in state) for prefix in ('prompt_learner.', _TEMPORAL)
    )


def convert(
    state: Mapping[str, torch.Tensor],
    classes: str | Sequence[str] | None = None,
    context_position: str = 'end',
) -> Converted:
    """Convert their state dict.

    Args:
        state: their tensors, names without ``module.``.
        classes: a corpus or C class names, which the file does not hold; None: DFEW's 7 or
            MAFW's 11.
        context_position: where the text stands in the prompt, which the file does not hold either.

    Raises:
        ConversionError: when the file does not fit, or the classes do not.
    """
    found = shapes_of(state)
    arch = clip_arch(found, 'image_encoder.', 'clip_model_.')
    neck = temporal_settings(found, _TEMPORAL)
    context = found.get('prompt_learner.ctx', ())
    rest = found.get('prompt_learner.token_suffix', ())
    if len(context) not in (2, 3) or len(rest) != 3:
        raise ConversionError(
            f'prompt_learner.ctx has the shape {context} and token_suffix {rest}: expected '
            '(classes, contexts, width) or (contexts, width), and (classes, tokens, width)'
        )
    names = _class_names(classes, rest[0])
    width, length = arch['text_cfg']['width'], arch['text_cfg']['context_length']
    shapes = {
        **clip_shapes(arch, _VISUAL, _TEXT),
        **temporal_shapes(neck),
        _CONTEXT: (*(len(names),) * (len(context) - 2), context[-2], width),
        _START: (len(names), 1, width),
        _REST: (len(names), length - 1 - context[-2], width),
        _SCALE: (),
    }
    rules = [*RULES, *temporal_rules(_TEMPORAL, neck['depth'])]
    ours = to_ours(state, rules, shapes, KIND)
    sentences = _sentences(ours.pop(_START), ours.pop(_REST), ours, length)
    tower = {'arch': arch_name(arch), 'pretrained': None}
    head = {
        'classes': list(names),
        'text_encoder': tower,
        'num_context': context[-2],
        'class_specific': len(context) == 3,
        'context_position': context_position,
    }
    meta = {
        'converted_from': KIND,
        'clip_logit_scale': float(ours.pop(_SCALE)),
        'classes': list(names),
        'prompts': sentences,
        'context_position': context_position,
    }
    model = {'backbone': tower, 'neck': neck, 'cls_head': head}
    return Converted(KIND, ours, meta, model, dict(zip(names, sentences, strict=True)))


def to_published(state: Mapping[str, torch.Tensor], meta: Mapping[str, Any]) -> State:
    """The published layout (names without ``module.``) of our state dict.

    Args:
        state: our tensors, the text tower included.
        meta: of the `Converted`.

    Raises:
        ConversionError: when tensors are missing or left over, or a sentence is too long.
    """
    table = state.get(f'{_TEXT}token_embedding.weight')
    if table is None:
        raise ConversionError(
            f'the checkpoint holds no text tower ({_TEXT}*), which the published layout stores: '
            'give one whose text_encoder.pretrained was None, as in the configs that a conversion '
            'writes'
        )
    length = len(state[f'{_TEXT}positional_embedding'])
    context = state[_CONTEXT].shape[-2]
    tokenizer = SimpleTokenizer(context_length=length)
    start, rest = embed(meta['prompts'], table, tokenizer, length, context)
    scale = torch.tensor(meta['clip_logit_scale'])
    everything = {**state, _START: start, _REST: rest, _SCALE: scale}
    rules = [*RULES, *temporal_rules(_TEMPORAL, count_blocks(shapes_of(state), 'neck.blocks.'))]
    return to_theirs(everything, rules, KIND)


def _sentences(start: torch.Tensor, rest: torch.Tensor, ours: State, length: int) -> list[str]:
    """The sentence of each class, from the embedded prompts."""
    tokenizer = SimpleTokenizer(context_length=length)
    table = ours[f'{_TEXT}token_embedding.weight']
    if not torch.equal(start, table[tokenizer.sot_token_id].expand_as(start)):
        raise ConversionError(
            'prompt_learner.token_prefix is not the embedded start token: it and the token '
            'embedding are not from the same model'
        )
    return decode(recover_tokens(rest, table, tokenizer.eot_token_id), tokenizer)


def _class_names(classes: str | Sequence[str] | None, number: int) -> tuple[str, ...]:
    if classes is None and number not in _CORPUS_OF_SIZE:
        raise ConversionError(
            f'the file has {number} classes and does not name them: name them in its order '
            "(classes=[…]; the program's option is --classes)"
        )
    names = resolve_classes(_CORPUS_OF_SIZE[number] if classes is None else classes)
    if len(names) != number:
        raise ConversionError(
            f'the file has {number} classes, but {len(names)} were named ({", ".join(names)})'
        )
    return names
