import re
from pathlib import Path

import pytest

from dferclip_mm.emotions import EMOTIONS
from dferclip_mm.prompts import PROMPT_SETS, load_prompt_parts, load_prompts, parse_prompts


def test_templates_name_the_class():
    assert {'class_names', 'expression_template'} < set(PROMPT_SETS)
    assert load_prompts('class_names', ['fear', 'joy']) == [['fear'], ['joy']]
    assert load_prompts(Path('class_names'), ['fear']) == [['fear']]
    assert load_prompts('expression_template', ['fear']) == [['an expression of fear.']]
    assert load_prompts('expression_template', ['anger_fear']) == [
        ['an expression of anger and fear.']
    ]


@pytest.mark.parametrize(
    ('name', 'number', 'named'),
    [
        ('expression_ensemble_5', 5, True),
        ('expression_ensemble_10', 10, True),
        ('action_units', 1, True),
        ('descriptions', 1, False),
        ('descriptions_ensemble', 3, False),
    ],
)
def test_a_set_has_its_sentences_for_each_emotion(name, number, named):
    groups = load_prompts(name, EMOTIONS)
    assert len({sentence for group in groups for sentence in group}) == 11 * number
    for emotion, group in zip(EMOTIONS, groups, strict=True):
        assert len(group) == number
        assert emotion == 'neutral' or all((emotion in text) == named for text in group)


@pytest.mark.parametrize(
    ('name', 'text'),
    [
        ('own.json', '{"a": "first", "b": ["second", "third"]}'),
        ('own.yaml', '\ufeffa: first\nb:\n  - second\n  - third\n'),
        ('own.yml', 'b: [second, third]\na: first\n'),
    ],
)
def test_an_own_file_goes_by_name_not_by_position(tmp_path, name, text):
    path = tmp_path / name
    path.write_text(text, encoding='utf-8')
    assert load_prompts(str(path), ['b', 'a']) == [['second', 'third'], ['first']]


def test_a_list_follows_the_classes():
    assert load_prompts(['x', ['y', 'z']], ['a', 'b']) == [['x'], ['y', 'z']]


@pytest.mark.parametrize(
    ('prompts', 'message'),
    [
        ('descriptoins', 'neither a prompt set'),
        ({'a': 'text'}, "^the prompt table has no prompt for the class 'b'"),
        (['x'], '1 entries for 2 classes'),
        ({'a': 'x', 'b': ' '}, "expected a sentence for 'b', found ' '"),
        ({'a': 'x', 'b': []}, "expected sentences for 'b'"),
        ({'a': 'x', 1: 'y'}, 'expected a class name as text, found 1'),
        ({'a': 'x', 'b': chr(0xD800)}, "expected a sentence for 'b'"),
        ({'a': 'x', int('1' * 81): 'y'}, rf'found {"1" * 77}\.\.\.'),
        ({'*': 'no place for the name'}, 'template'),
        ({}, '^the prompt table: expected .* found none'),
    ],
)
def test_a_bad_table_is_explained(prompts, message):
    with pytest.raises(ValueError, match=message):
        load_prompts(prompts, ['a', 'b'])


@pytest.mark.promise(
    'Lists and prompts', 'A prompt file is a table of sentences, or an error that names the file'
)
@pytest.mark.parametrize(
    ('name', 'data', 'message'),
    [
        (
            'p.yaml',
            b'a: x\nno: text\n',
            ":2: expected text, found 'no' of the type 'bool': quote it",
        ),
        ('p.yaml', b'a: one\na: two\n', ":2: the name 'a' appears twice"),
        ('p.yaml', b'a: one\n<<: {b: two}\n', ':2: expected text, found a mapping'),
        ('p.yaml', b'a: x\n"b: y', ':2: found unexpected end of stream'),
        ('p.yaml', b'a: x\nb: \x07', ":2: special characters are not allowed: '\\\\x07'"),
        ('p.yaml', b'', ': expected a table of class names and sentences, found none'),
        ('p.json', b'{"a": "one",\n"a": "two"}', ":2: the name 'a' appears twice"),
        ('p.json', b'{"a":\n ', ':2: expected the node content'),
        ('p.json', b'{"a": "x",\n"b" : 1}', ":2: expected text, found '1' of the type 'int'"),
        ('p.json', b'[' * 99_999, ':1: nested too deeply'),
        ('p.yaml', b'a: x\nb: \xff\xfe', ':2: byte 8 is no UTF-8 text'),
        ('p.yaml', b'a: ' + b'x' * 100_001, ' has more than 100000 bytes'),
    ],
)
def test_a_bad_file_is_explained_with_its_line(tmp_path, name, data, message):
    path = tmp_path / name
    path.write_bytes(data)
    with pytest.raises(ValueError, match=f'^{re.escape(str(path))}{message}'):
        load_prompts(str(path), ['a', 'b'])


def test_json_is_read_with_its_tabs_and_escapes():
    text = '{\n\t"a":"\\ud83d\\ude00 \\/ \\u00e9",\n\t"b": ["y"]\n}'
    assert parse_prompts(text.encode(), 'p.json') == {'a': ['😀 / é'], 'b': ['y']}


def test_a_compound_has_a_part_for_each_emotion():
    table = {'anger': ['one', 'two'], 'disgust': 'three', '*': 'a {} face'}
    assert load_prompts(table, ['anger_disgust']) == [['one', 'two', 'three']]
    assert load_prompt_parts(table, ['anger_disgust', 'anger', 'anger_joy']) == [
        {'anger': ['one', 'two'], 'disgust': ['three']},
        {'anger': ['one', 'two']},
        {'anger_joy': ['a anger and joy face']},
    ]
