"""A recognizer that puts a temporal neck behind any image backbone."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import Any

import torch
from einops import rearrange
from mmaction.models.recognizers import Recognizer2D
from mmaction.registry import MODELS

from ..clip.build import embed_dim
from ..clip.tower import CLIPTower
from ..pool import pool_frames


@MODELS.register_module()
class FrameRecognizer(Recognizer2D):
    """Frames through an image backbone, one vector each; clips through a neck; views to a head.

    MMAction2's `Recognizer2D` cannot do this: it iterates over what the backbone returns, expects
    its neck to return maps, and merges the views of a clip into time.

    Args:
        num_frames: frames of each view. Needed when a clip is tested in several views (crops or
            temporal clips), which are scored separately; None takes all frames as one view.
        neck: config of the neck. Its `in_channels` and `embed_dims`, where it has none, are those
            of the CLIP towers in the backbone and in the head.
        arch: the open_clip architecture of the CLIP towers in the backbone and in the head that
            name none, see `build_clip`.
        kwargs: of MMAction2's `Recognizer2D`: `backbone`, `cls_head`, `data_preprocessor`,
            `test_cfg`, ….

    Raises:
        ValueError: when `test_cfg` has an option that is not supported.
    """

    def __init__(
        self,
        num_frames: int | None = None,
        neck: Mapping[str, Any] | None = None,
        arch: str | Mapping[str, Any] | None = None,
        **kwargs: Any,
    ) -> None:
        kwargs = copy.deepcopy(kwargs)
        head = kwargs.get('cls_head') or {}
        towers = {'in_channels': kwargs['backbone'], 'embed_dims': head.get('text_encoder', {})}
        if arch is not None:
            name_arch(arch, *towers.values())
        if neck is not None:
            clips = {key: tower for key, tower in towers.items() if _is_clip(tower)}
            widths = {
                key: embed_dim(tower['arch']) for key, tower in clips.items() if 'arch' in tower
            }
            # A published model's head has text features in place of a tower.
            told = head.get('in_channels') or head.get('embed_dims')
            neck = {**widths, **({'embed_dims': told} if told else {}), **neck}
        super().__init__(neck=neck, **kwargs)
        self.num_frames = num_frames
        unsupported = {'max_testing_views', 'fcn_test'} & set(self.test_cfg or {})
        if unsupported:
            raise ValueError(
                f'FrameRecognizer does not take test_cfg.{unsupported.pop()}: views are scored '
                'separately already; use a smaller batch size to save memory'
            )

    def extract_feat(
        self,
        inputs: torch.Tensor,
        stage: str = 'neck',
        data_samples: list | None = None,
        test_mode: bool = False,
    ) -> tuple[Any, dict]:
        """Features of a batch of clips, after one of the stages.

        Args:
            inputs: frames (B, views · T, 3, H, W), or precomputed features of the backbone,
                (B, views · T, D), which skip it.
            stage: ``'backbone'`` (what the backbone returns for B · views · T frames), ``'neck'``
                (B · views, D), or ``'head'`` (B · views, C).
            data_samples, test_mode: as of MMAction2's recognizers.

        Returns:
            The features, and the keyword arguments that MMAction2 passes to the head.

        Raises:
            ValueError: when the number of frames is not a multiple of `num_frames`.
        """
        frames = self.num_frames or inputs.shape[1]
        if inputs.shape[1] % frames:
            raise ValueError(
                f'the pipeline gives {inputs.shape[1]} frames per clip, which are no views of '
                f'{frames}: set num_frames of the recognizer to the frames of one view'
            )
        if inputs.ndim == 3:
            x: Any = inputs.flatten(0, 1)
            info: dict = {}
        else:
            # MMAction2 calls `view` on its inputs, which fails on a slice of frames.
            inputs = inputs.contiguous()
            x, info = super().extract_feat(inputs, stage='backbone', test_mode=test_mode)
        if stage == 'backbone':
            return x, info
        x = rearrange(pool_frames(x), '(b t) d -> b t d', t=frames)
        info.update(num_segs=1, loss_aux={})
        if self.training:
            # For heads whose loss looks at snippets.
            info['frames'] = x
        if self.with_neck:
            x, info['loss_aux'] = self.neck(x, data_samples=data_samples)
        else:
            x = x.mean(dim=1)
        if stage == 'head' and self.with_cls_head:
            x = self.cls_head(x, **info)
        return x, info


def takes_any_length(model: Any) -> bool:
    """Whether clips may have any length: of `FrameRecognizer`, if its backbone mixes no frames."""
    return hasattr(model, 'num_frames') and not hasattr(model.backbone, 'num_segments')


def name_arch(arch: str | Mapping[str, Any], *towers: dict[str, Any]) -> None:
    """Give this architecture to each config of a CLIP tower that names none, in place."""
    for tower in towers:
        if _is_clip(tower):
            tower.setdefault('arch', arch)


def _is_clip(tower: Mapping[str, Any]) -> bool:
    kind = tower.get('type')
    built = MODELS.get(kind) if isinstance(kind, str) else kind
    return isinstance(built, type) and issubclass(built, CLIPTower)
