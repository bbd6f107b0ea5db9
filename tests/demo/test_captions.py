from __future__ import annotations

import re

import numpy as np
from drawn_faces import Clip, describe_clip, random_identity
from drawn_faces.expressions import CLASSES, random_course, unit_tracks
from small_runs import CONFIGS

from dferclip_mm.engine.options import load_config
from dferclip_mm.prompts import load_prompts

NAMES_OF_EMOTIONS = re.compile(
    r'happ|joy|sad|sorrow|neutral|\bang(er|r)|surpris|astonish|disgust|revuls|fear|afraid|scare'
    r'|contempt|scorn|anxi|worr|helpless|disappoint',
    re.IGNORECASE,
)


def captions(emotion: str, *, number: int) -> list[str]:
    """Captions of clips whose frames are left out: only the units matter."""
    texts = []
    for seed in range(number):
        rng = np.random.default_rng(seed)
        course = random_course(rng)
        units = unit_tracks(emotion, num_frames=16, course=course, rng=rng)
        frames = np.zeros((16, 2, 2, 3), dtype=np.uint8)
        clip = Clip(frames=frames, units=units, course=course)
        texts.append(describe_clip(random_identity(rng), clip, rng=rng))
    return texts


def test_neither_captions_nor_prompts_name_an_emotion() -> None:
    prompts = load_prompts(load_config(CONFIGS / 'demo_emoclip.py').model.cls_head.prompts, CLASSES)
    texts = [text for emotion in CLASSES for text in captions(emotion, number=150)]
    texts += [text for sentences in prompts for text in sentences]
    assert [text for text in texts if NAMES_OF_EMOTIONS.search(text)] == []


def test_captions_are_varied_ascii_sentences_that_fit_a_text_encoder() -> None:
    texts = [text for emotion in CLASSES for text in captions(emotion, number=60)]

    assert len(set(texts)) > 0.95 * len(texts)
    for text in texts:
        assert re.fullmatch(r'[A-Z][ -~]+[a-zO]\.', text), text
        assert '  ' not in text
        # CLIP reads 77 tokens, and common English words are one or two each.
        assert 6 <= len(text.split()) <= 50
