"""LoRA (Hu et al., ICLR 2022): low-rank updates of a frozen tower's attention and MLP weights."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Sequence
from typing import Any

import torch
from einops import einsum
from open_clip.transformer import ResidualAttentionBlock
from torch import nn
from torch.nn.utils import parametrize

# Where each target lies in a block of open_clip: module, weight, row of the three in q, k, v.
_PLACES = {
    'q': ('attn', 'in_proj_weight', 0),
    'k': ('attn', 'in_proj_weight', 1),
    'v': ('attn', 'in_proj_weight', 2),
    'out': ('attn.out_proj', 'weight', 0),
    'fc1': ('mlp.c_fc', 'weight', 0),
    'fc2': ('mlp.c_proj', 'weight', 0),
}
TARGETS = tuple(_PLACES)


class LowRank(nn.Module):
    """A weight and its low-rank update: W + alpha / rank · B A, equal to W at the start.

    The update is part of the weight, so that every forward, export and merging see one weight.
    Dropout therefore leaves out input features of a whole step, not of single tokens.

    Args:
        shape: of the weight, (out, in).
        slices: equal parts of the weight's rows, each with an update of its own (q, k and v).
        chosen: the slices that have one, S in all.
        rank, alpha, dropout: as of `add_lora`.
    """

    def __init__(
        self,
        shape: Sequence[int],
        slices: int,
        chosen: Sequence[int],
        rank: int,
        alpha: float,
        dropout: float,
    ) -> None:
        super().__init__()
        rows, columns = shape
        self.slices, self.chosen, self.scale = slices, list(chosen), alpha / rank
        self.dropout = nn.Dropout(dropout)
        self.lora_a = nn.Parameter(torch.empty(len(chosen), rank, columns))
        self.lora_b = nn.Parameter(torch.zeros(len(chosen), rows // slices, rank))
        nn.init.kaiming_uniform_(self.lora_a, a=math.sqrt(5))

    def forward(self, weight: torch.Tensor) -> torch.Tensor:
        """(out, in) -> (out, in)."""
        kept = self.dropout(self.lora_a.new_ones(self.lora_a.shape[-1]))
        update = einsum(self.lora_b, self.lora_a * kept, 's o r, s r i -> s o i') * self.scale
        if len(self.chosen) == self.slices:
            return weight + update.flatten(0, 1)
        parts = list(weight.chunk(self.slices))
        for index, part in zip(self.chosen, update, strict=True):
            parts[index] = parts[index] + part
        return torch.cat(parts)


def add_lora(
    tower: Any,
    rank: int,
    alpha: float | None = None,
    dropout: float = 0.0,
    targets: Sequence[str] = TARGETS,
    layers: Sequence[int] | None = None,
) -> None:
    """Add trainable low-rank updates to a frozen tower, in place.

    Args:
        tower: open_clip's Transformer of images or texts, after `freeze`.
        rank: of the updates.
        alpha: updates are scaled by alpha / rank. None: alpha = rank.
        dropout: probability that an input feature is left out of an update for a step.
        targets: which weights of a block, of ``q``, ``k``, ``v``, ``out``, ``fc1``, ``fc2``.
        layers: which blocks, from 0, negative ones from the end. None: all.

    Raises:
        ValueError: when the tower has no such blocks, or a setting is invalid.
    """
    unknown = sorted(set(targets) - set(TARGETS))
    if unknown or not targets:
        raise ValueError(f'lora.targets={list(targets)}: expected some of {", ".join(TARGETS)}')
    if rank < 1 or not 0 <= dropout < 1:
        raise ValueError(
            f'lora.rank={rank}, lora.dropout={dropout}: expected a rank from 1 and a dropout from '
            '0 and below 1'
        )
    slices = defaultdict(list)
    for target in TARGETS:
        if target in targets:
            path, name, row = _PLACES[target]
            slices[path, name].append(row)
    for block in choose_blocks(tower, layers, 'lora'):
        for (path, name), chosen in slices.items():
            module = block.get_submodule(path)
            stored, weight = name in module.state_dict(), getattr(module, name)
            parts = 3 if name == 'in_proj_weight' else 1
            update = LowRank(weight.shape, parts, chosen, rank, alpha or rank, dropout)
            parametrize.register_parametrization(module, name, update)
            if not stored:
                # As `freeze` left it: rebuilt, not stored.
                module.parametrizations[name].register_buffer('original', weight, persistent=False)


def choose_blocks(tower: Any, layers: Sequence[int] | None, setting: str) -> list[Any]:
    """The blocks of a tower by number, negative ones from the end; None: all.

    Raises:
        ValueError: when the tower has no such blocks of open_clip's kind, which `setting` needs.
    """
    blocks = list(getattr(getattr(tower, 'transformer', None), 'resblocks', ()))
    if not blocks or not all(type(block) is ResidualAttentionBlock for block in blocks):
        raise ValueError(
            f"{setting} is for open_clip's Transformers, found {type(tower).__name__} or blocks of "
            'another kind: leave it out, or use an architecture such as ViT-B-16'
        )
    count = len(blocks)
    for index in layers or ():
        if not -count <= index < count:
            raise ValueError(
                f'{setting}.layers has {index}: this tower has blocks 0 to {count - 1}'
            )
    chosen = range(count) if layers is None else layers
    return [blocks[index] for index in sorted({each % count for each in chosen})]


def merge_lora(model: Any) -> Any:
    """Make the updates part of the weights, in place, for evaluation or export: the model.

    A merged model holds plain weights under their plain names. Checkpoints are to be saved before
    it: they hold the updates alone and name the base they need by its fingerprint.
    """
    for module in list(model.modules()):
        steps = dict(getattr(module, 'parametrizations', {}))
        for name in [key for key in steps if isinstance(steps[key][0], LowRank)]:
            parametrize.remove_parametrizations(module, name, leave_parametrized=True)
    return model


def train_lora(tower: nn.Module, mode: bool) -> None:
    """Switch the dropout of a tower's updates, whatever the mode of the tower is."""
    for module in tower.modules():
        if isinstance(module, LowRank):
            module.train(mode)
