import open_clip
import torch

from dferclip_mm.models.text.tokens import pad, tokenize

TOKENIZER = open_clip.SimpleTokenizer()


def test_features_and_tokens_are_those_of_open_clip():
    texts = ['A Smile, wide.', 'eyes']
    tokens = pad(tokenize(texts, TOKENIZER, 77), TOKENIZER)
    expected = open_clip.tokenize(texts)
    torch.testing.assert_close(tokens, expected[:, : tokens.shape[1]])
    assert expected[:, tokens.shape[1] :].sum() == 0
