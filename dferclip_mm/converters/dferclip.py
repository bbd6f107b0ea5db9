"""DFER-CLIP's published checkpoints (Zhao & Patras, arXiv 2308.13382) to ours and back."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from open_clip import SimpleTokenizer

from ..emotions import resolve_classes
from .errors import ConversionError
from .layout import Rules, Shapes, State, to_ours, to_theirs
from .prompts import decode, embed, recover_tokens
from .sizes import (
    OUR_TEMPORAL,
    arch_name,
    clip_arch,
    shapes_of,
    temporal_rules,
    temporal_settings,
    temporal_shapes,
    their_temporal,
    tower_shapes,
)

KIND = 'DFER-CLIP'

_VISUAL = 'backbone.visual.'
_TEXT = 'cls_head.text_encoder.text.'
_CONTEXT = 'cls_head.prompt_learner.context'
# What the file holds beside the weights of our model: both follow from the sentences …
_START, _REST = 'prompts.start', 'prompts.rest'
# … and this one is never used.
_SCALE = 'clip.logit_scale'

# Their prefix, our prefix; CLIP's towers are stored twice and must agree. The temporal net's
# blocks are numbered, so their rules are in `sizes.temporal_rules`.
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

# For files that do not name their classes: the corpora that the published files are of.
_CORPUS_OF_SIZE = {7: 'dfew', 11: 'mafw'}


def recognise(state: Mapping[str, Any]) -> bool:
    """Whether the names (without ``module.``) are DFER-CLIP's."""
    return any(name.startswith('prompt_learner.') for name in state) and any(
        name.startswith('temporal_net.') for name in state
    )


def convert(
    state: Mapping[str, torch.Tensor],
    classes: str | Sequence[str] | None = None,
    position: str = 'end',
) -> tuple[State, dict[str, Any], dict[str, str], float]:
    """Our state dict, and what a config and a prompt file need.

    Args:
        state: their tensors, names without ``module.``.
        classes: a corpus or C class names, which the file does not hold; None: DFEW's 7 or
            MAFW's 11.
        position: where the text stands in the prompt, which the file does not hold either.

    Returns:
        Our tensors; overrides of the config's ``model`` (without ``prompts``); the sentence of
        each class; CLIP's own logit scale, which only the way back needs.

    Raises:
        ConversionError: when the file does not fit, or the classes do not.
    """
    found = shapes_of(state)
    arch = clip_arch(found, 'image_encoder.', 'clip_model_.')
    neck = temporal_settings(found, their_temporal('temporal_net.'))
    context = found.get('prompt_learner.ctx', ())
    rest = found.get('prompt_learner.token_suffix', ())
    if len(context) not in (2, 3) or len(rest) != 3:
        raise ConversionError(
            f'prompt_learner.ctx has the shape {context} and token_suffix {rest}: expected '
            '(classes, contexts, width) or (contexts, width), and (classes, tokens, width)'
        )
    names = _class_names(classes, rest[0])
    shapes = _shapes(arch, neck, context, len(names))
    ours = to_ours(state, _rules(neck), shapes, KIND)

    tokenizer = SimpleTokenizer(context_length=arch['text_cfg']['context_length'])
    table = ours[f'{_TEXT}token_embedding.weight']
    start = ours.pop(_START)
    if not torch.equal(start, table[tokenizer.sot_token_id].expand_as(start)):
        raise ConversionError(
            'prompt_learner.token_prefix is not the embedded start token: it and the token '
            'embedding are not of one model'
        )
    tokens = recover_tokens(ours.pop(_REST), table, tokenizer.eot_token_id)
    sentences = decode(tokens, tokenizer)
    scale = float(ours.pop(_SCALE))
    tower = {'arch': arch_name(arch), 'pretrained': None}
    settings = {
        'backbone': tower,
        'neck': neck,
        'cls_head': {
            'classes': list(names),
            'text_encoder': tower,
            'num_context': context[-2],
            'class_specific': len(context) == 3,
            'context_position': position,
        },
    }
    return ours, settings, dict(zip(names, sentences, strict=True)), scale


def to_published(
    state: Mapping[str, torch.Tensor], sentences: Sequence[str], logit_scale: float
) -> State:
    """The published layout (names without ``module.``) of our state dict.

    Args:
        state: our tensors, the text tower included.
        sentences: one for each class, in label order.
        logit_scale: CLIP's own, which the layout stores and nothing uses.

    Raises:
        ConversionError: when tensors are missing or left over, or a sentence is too long.
    """
    found = shapes_of(state)
    if f'{_TEXT}token_embedding.weight' not in found:
        raise ConversionError(
            f'the checkpoint holds no text tower ({_TEXT}*), which the published layout stores: '
            'give one whose text_encoder.pretrained was None, as in the configs that come out of '
            'a conversion'
        )
    arch = clip_arch(found, _VISUAL, _TEXT)
    neck = temporal_settings(found, OUR_TEMPORAL)
    context = found.get(_CONTEXT, (0, 0))
    length = arch['text_cfg']['context_length']
    start, rest = embed(
        sentences,
        state[f'{_TEXT}token_embedding.weight'],
        SimpleTokenizer(context_length=length),
        length,
        context[-2],
    )
    whole = {**state, _START: start, _REST: rest, _SCALE: torch.tensor(logit_scale)}
    shapes = _shapes(arch, neck, context, len(sentences))
    return to_theirs(whole, _rules(neck), shapes, KIND)


def _rules(neck: Mapping[str, int]) -> Rules:
    return [*RULES, *temporal_rules('temporal_net.', neck['depth'])]


def _shapes(
    arch: dict[str, Any], neck: Mapping[str, int], context: tuple[int, ...], classes: int
) -> Shapes:
    text = arch['text_cfg']
    owners = (classes,) if len(context) == 3 else ()
    return {
        **tower_shapes(arch, _VISUAL, _TEXT),
        **temporal_shapes(neck),
        _CONTEXT: (*owners, context[-2], text['width']),
        _START: (classes, 1, text['width']),
        _REST: (classes, text['context_length'] - 1 - context[-2], text['width']),
        _SCALE: (),
    }


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
