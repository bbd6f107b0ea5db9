"""What the texts of the classes say to the model."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import torch

from ..models.similarity import cosine_logits
from .clip import Clip, UndefinedError, encode_clips, probabilities


def text_names(model: Any) -> list[str]:
    """The classes, and behind them their negative prompts where the head has such."""
    names = list(model.cls_head.classes)
    negative = [f'not {name}' for name in names]
    return names + negative if getattr(model.cls_head, 'has_negatives', False) else names


@torch.no_grad()
def near_words(model: Any, count: int = 5) -> pd.DataFrame:
    """The tokens whose embeddings are nearest to each learned context vector.

    They seldom mean anything: nothing in training draws the vectors to words. A row for each, the
    nearest first: ``class`` (empty where all share the context), ``position`` of the vector, from
    0, ``word``, ``cosine``. Raises UndefinedError when no context is learned.
    """
    learner: Any = getattr(model.cls_head, 'prompt_learner', None)
    if learner is None or not learner.num_context:
        raise UndefinedError('the head has no learned context vectors')
    encoder = model.cls_head.text_encoder
    vocabulary = encoder.text.token_embedding.weight
    cosines, ids = cosine_logits(learner.context.flatten(0, -2), vocabulary, 1.0).topk(count)
    owners = text_names(model) if learner.class_specific else ('',)
    found = []
    for row, column in np.ndindex(*ids.shape):
        owner, position = divmod(row, learner.num_context)
        word = encoder.tokenizer.decode([int(ids[row, column])]).strip()
        found.append((owners[owner], position, word, float(cosines[row, column])))
    return pd.DataFrame(found, columns=['class', 'position', 'word', 'cosine'])


@torch.no_grad()
def text_similarity(model: Any) -> np.ndarray:
    """The cosines of all texts with each other, (N, N) in the order of `text_names`."""
    texts = model.cls_head.class_features()
    return cosine_logits(texts, texts, 1.0).cpu().numpy()


@torch.no_grad()
def sentence_effects(model: Any, clip: Clip) -> pd.DataFrame:
    """What each sentence of an ensemble does for the probability of its class.

    A row for each that is not the only one of its class (or emotion, in compound classes):
    ``class``, ``sentence``, ``cosine`` with the clip, and ``effect``, the probability of the class,
    less that without the sentence. Raises UndefinedError when there is none.
    """
    head = model.cls_head
    learner: Any = getattr(head, 'prompt_learner', None)
    sizes = torch.zeros(0) if learner is None else learner.part_index.bincount()[learner.part_index]
    several = (sizes > 1).nonzero().flatten().tolist()
    if not several:
        raise UndefinedError('no class of the head has several sentences')
    video = encode_clips(model, clip.inputs[None])
    sentences = head.text_encoder.encode(learner.embed(head.text_encoder), learner.end)
    cosines = cosine_logits(video, sentences, 1.0)[0]

    def score(sentences: torch.Tensor) -> np.ndarray:
        logits = cosine_logits(video, learner.average(sentences), head.scale())
        # Negative prompts count against their class.
        logits = logits.unflatten(1, (-1, head.num_classes))
        return probabilities(model, logits[:, 0] - logits[:, 1:].sum(dim=1))[0]

    everything, found = score(sentences), []
    part, owner = learner.members
    for row in several:
        text = learner.tokens[row, : learner.end[row]][~learner.is_context[row, : learner.end[row]]]
        sentence = head.text_encoder.tokenizer.decode(text[1:].tolist()).strip()
        # A vector of zeros adds nothing to the mean of the class's directions.
        without = sentences.clone()
        without[row] = 0
        effects = everything - score(without)
        for number in owner[part == learner.part_index[row]].tolist():
            effect = float(effects[number % head.num_classes])
            found.append((text_names(model)[number], sentence, float(cosines[row]), effect))
    return pd.DataFrame(found, columns=['class', 'sentence', 'cosine', 'effect'])
