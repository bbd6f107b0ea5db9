"""What the texts of the classes say to the model."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import torch
import torch.nn.functional as F

from ..models.similarity import cosine_logits, mean_unit_vector
from .clip import Clip, UndefinedError, extract_features, preprocess, probabilities


def text_names(model: Any) -> list[str]:
    """The classes, and behind them their negative prompts where the head has such."""
    names = list(model.cls_head.classes)
    negative = [f'not {name}' for name in names]
    return names + negative if getattr(model.cls_head, 'has_negatives', False) else names


@torch.no_grad()
def near_words(model: Any, count: int = 5) -> pd.DataFrame:
    """The tokens whose embeddings are nearest to each learned context vector.

    They seldom mean anything: nothing in training draws the vectors to words.

    Returns:
        A row for each vector and token, the nearest first: ``class`` (empty where all classes
        share the context), ``position`` of the vector, from 0, ``word``, ``cosine``.

    Raises:
        UndefinedError: when the head has no learned context.
    """
    learner: Any = getattr(model.cls_head, 'prompt_learner', None)
    if learner is None or not learner.num_context:
        raise UndefinedError('the head has no learned context vectors')
    encoder = model.cls_head.text_encoder
    vocabulary = F.normalize(encoder.text.token_embedding.weight.float(), dim=-1)
    context = F.normalize(learner.context.float(), dim=-1).flatten(0, -2)
    cosines, ids = (context @ vocabulary.T).topk(count, dim=-1)
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
    texts = F.normalize(model.cls_head.class_features().float(), dim=-1)
    return (texts @ texts.T).cpu().numpy()


@torch.no_grad()
def sentence_effects(model: Any, clip: Clip) -> pd.DataFrame:
    """What each sentence of an ensemble does for the probability of its class.

    Returns:
        A row for each sentence that is not the only one of its class (or of its emotion, in
        compound classes): ``class``, ``sentence``, ``cosine`` with the clip, and ``effect``: the
        probability of the class, less that without the sentence.

    Raises:
        UndefinedError: when no class has several sentences.
    """
    head = model.cls_head
    learner: Any = getattr(head, 'prompt_learner', None)
    sizes = torch.zeros(0) if learner is None else learner.part_index.bincount()[learner.part_index]
    several = (sizes > 1).nonzero().flatten().tolist()
    if not several:
        raise UndefinedError('no class of the head has several sentences')
    features, info = extract_features(model, preprocess(model, [clip.inputs]))
    video = head.encode_clips(features, info.get('num_segs'))
    sentences = head.text_encoder.encode(learner.embed(head.text_encoder), learner.end)
    cosines = cosine_logits(video, sentences, 1.0)[0]

    def score(kept: torch.Tensor, label: int) -> float:
        parts = mean_unit_vector(sentences[kept], learner.part_index[kept], learner.num_parts)
        part, owner = learner.members
        texts = mean_unit_vector(parts[part], owner, learner.num_classes)
        logits = cosine_logits(video, texts, head.scale()).unflatten(1, (-1, head.num_classes))
        # Negative prompts count against their class.
        logits = logits[:, 0] - logits[:, 1:].sum(dim=1)
        return float(probabilities(model, logits.cpu().numpy())[0, label % head.num_classes])

    everything, found = torch.arange(len(sentences), device=sentences.device), []
    for row in several:
        text = learner.tokens[row, : learner.end[row]][~learner.is_context[row, : learner.end[row]]]
        sentence = head.text_encoder.tokenizer.decode(text[1:].tolist()).strip()
        part, owner = learner.members
        for label in owner[part == learner.part_index[row]].tolist():
            effect = score(everything, label) - score(everything[everything != row], label)
            found.append((text_names(model)[label], sentence, float(cosines[row]), effect))
    return pd.DataFrame(found, columns=['class', 'sentence', 'cosine', 'effect'])
