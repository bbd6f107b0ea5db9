"""How each method's published checkpoints name their tensors: a record for each.

A rule is a pair (their prefix, our prefix). Several of theirs may stand for one of ours: the
published files store shared towers more than once.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

Rules = Sequence[tuple[str, str]]

VISUAL = 'backbone.visual.'
TEXT = 'cls_head.text_encoder.text.'
SCALE = 'cls_head.logit_scale'
CONTEXT = 'cls_head.prompt_learner.context'
PROJECTION = 'cls_head.projection.weight'
# Not weights of our models: the embedded prompts follow from the sentences …
START, REST = 'prompts.start', 'prompts.rest'
# … and CLIP's own scale is stored and never used.
UNUSED_SCALE = 'clip.logit_scale'

# A block of the temporal Transformer, which DFER-CLIP and EmoCLIP share.
BLOCK: Rules = (
    ('0.fn.norm.', 'norm1.'),
    ('0.fn.fn.to_qkv.', 'attn.qkv.'),
    ('0.fn.fn.to_out.0.', 'attn.proj.'),
    ('1.fn.norm.', 'norm2.'),
    ('1.fn.fn.net.0.', 'mlp.0.'),
    ('1.fn.fn.net.3.', 'mlp.2.'),
)


@dataclass(frozen=True)
class Layout:
    """The layout of a method's published checkpoints, names without ``module.``.

    Attributes:
        kind: the method.
        known_by: prefixes that together identify the layout.
        rules: all but those of the temporal Transformer.
        visual, text, temporal: prefixes of the towers and of the temporal Transformer.
    """

    kind: str
    known_by: tuple[str, ...]
    rules: Rules
    visual: str = ''
    text: str = ''
    temporal: str = ''

    def fits(self, names: Iterable[str]) -> bool:
        """Whether names are of this layout."""
        known = list(names)
        return all(any(name.startswith(prefix) for name in known) for prefix in self.known_by)

    def all_rules(self, depth: int) -> list[tuple[str, str]]:
        """The rules for a model whose temporal Transformer has `depth` blocks."""
        found = [
            *self.rules,
            (f'{self.temporal}cls_token', 'neck.cls_token'),
            (f'{self.temporal}pos_embedding', 'neck.pos_embed'),
        ]
        for number in range(depth):
            stem = f'{self.temporal}temporal_transformer.layers.{number}.'
            found += [(stem + theirs, f'neck.blocks.{number}.{ours}') for theirs, ours in BLOCK]
        return found


# Zhao & Patras, arXiv 2308.13382. CLIP's towers are stored twice and must agree.
DFER_CLIP = Layout(
    kind='DFER-CLIP',
    known_by=('prompt_learner.', 'temporal_net.'),
    rules=(
        ('prompt_learner.ctx', CONTEXT),
        ('prompt_learner.token_prefix', START),
        ('prompt_learner.token_suffix', REST),
        ('text_encoder.positional_embedding', f'{TEXT}positional_embedding'),
        ('text_encoder.text_projection', f'{TEXT}text_projection'),
        ('text_encoder.transformer.', f'{TEXT}transformer.'),
        ('text_encoder.ln_final.', f'{TEXT}ln_final.'),
        ('image_encoder.', VISUAL),
        ('clip_model_.visual.', VISUAL),
        ('clip_model_.logit_scale', UNUSED_SCALE),
        ('clip_model_.', TEXT),
    ),
    visual='image_encoder.',
    text='clip_model_.',
    temporal='temporal_net.',
)

# Foteinopoulou & Patras, arXiv 2310.16640.
EMOCLIP = Layout(
    kind='EmoCLIP',
    known_by=('backbone.', 'temporal.'),
    rules=(
        ('logit_scale', SCALE),
        ('backbone.logit_scale', UNUSED_SCALE),
        ('backbone.visual.', VISUAL),
        ('backbone.', TEXT),
    ),
    visual='backbone.visual.',
    text='backbone.',
    temporal='temporal.',
)

# Zhao et al., WACV 2025: one matrix, and no CLIP.
EXP_CLIP = Layout(kind='Exp-CLIP', known_by=('mlp.weight',), rules=(('mlp.weight', PROJECTION),))

LAYOUTS = {layout.kind: layout for layout in (DFER_CLIP, EMOCLIP, EXP_CLIP)}
