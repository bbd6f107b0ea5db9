import pytest
import torch
from open_clip import SimpleTokenizer

from dferclip_mm.converters import ConversionError
from dferclip_mm.converters.embedded_prompts import embed, recover_tokens

END = 9
# Ten tokens of width 2; two begin with the same number.
TABLE = torch.tensor([[float(number // 2), float(number)] for number in range(10)])


@pytest.mark.parametrize('ids', [[3, 4, END, 0, 0], [2, 3, 3, 2, END], [END, 0, 0, 0, 0]])
def test_tokens_before_the_end_are_found(ids):
    assert recover_tokens(TABLE[torch.tensor([ids])], TABLE, END) == [ids[: ids.index(END)]]


@pytest.mark.parametrize('ids', [[3, END, 5, 0], [3, END, 0, 5], [3, 4, 5, 6], [3, END, END, 0]])
def test_only_padding_stands_behind_the_end(ids):
    with pytest.raises(ConversionError, match='class 1 is not a text, the end token and padding'):
        recover_tokens(TABLE[torch.tensor([[3, END, 0, 0], ids])], TABLE, END)


def test_a_prompt_may_fill_all_positions():
    tokenizer = SimpleTokenizer(context_length=8)
    table = torch.arange(49408.0)[:, None]
    start, rest = embed(['a a a a a', 'a'], table, tokenizer, context_length=8, reserved=1)
    assert start[:, :, 0].tolist() == [[49406], [49406]]
    assert rest[:, :, 0].tolist() == [[320] * 5 + [49407], [320, 49407, 0, 0, 0, 0]]
    with pytest.raises(ConversionError, match='has 6 tokens, but 5 are free beside 1 context'):
        embed(['a a a a a a'], table, tokenizer, context_length=8, reserved=1)
