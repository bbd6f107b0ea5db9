"""Values of --cfg-options: MMEngine's syntax, and no word is changed."""

import pytest

from dferclip_mm.engine.cfg_options import parse_options


@pytest.mark.parametrize(
    ('typed', 'value'),
    [
        ('a photo of a face', 'a photo of a face'),
        ("[very happy,'sad, a little']", ['very happy', 'sad, a little']),
        ('"a smile, wide (open)"', 'a smile, wide (open)'),
        ('[ happy , [ sad one ] ]', ['happy', ['sad one']]),
        ("a child's face", "a child's face"),
        ('["it\'s wide", "don\'t"]', ["it's wide", "don't"]),
        ('"a" and "b"', '"a" and "b"'),
        ('"happy face","sad face"', ['happy face', 'sad face']),
        ('happy: smile, sad: frown', ['happy: smile', 'sad: frown']),
        ('(one) and (two)', '(one) and (two)'),
        # As in MMEngine.
        ('3', 3),
        ('1e-3', 0.001),
        ('true', True),
        ('None', None),
        ('', ''),
        ('a,b', ['a', 'b']),
        ('(1, 2)', (1, 2)),
        ('[(1,2),(3,4)]', [(1, 2), (3, 4)]),
        ('"[1, x]"', [1, 'x']),
        ('[]', []),
        ('[a,]', ['a']),
        ("'3'", '3'),
        ('[a,b', '[a,b'),
    ],
)
def test_words_of_the_command_line_keep_their_blanks(typed, value):
    assert parse_options([f'a.b={typed}']) == {'a.b': value}


@pytest.mark.parametrize('value', ['dict(first=1)', "{'a': 'b'}", '[dict(type=X)]', '[{"a": 1}]'])
def test_a_table_is_no_value(value):
    with pytest.raises(ValueError, match=r'a\.b: expected a value .*: write a\.b\.NAME=VALUE for'):
        parse_options([f'a.b={value}'])
