import pytest

from dferclip_mm.datasets.list_text import ListError, check_reference, check_rows, decode_list
from dferclip_mm.datasets.lists import (
    ListLabels,
    Row,
    is_dferclip_list,
    parse_dferclip_list,
    parse_dfew_csv,
    parse_ferv39k_list,
    parse_mafw_captions,
)
from dferclip_mm.emotions import CORPUS_CLASSES

SEVEN, ELEVEN = (ListLabels(CORPUS_CLASSES[name]) for name in ('dfew', 'mafw'))
FROM_0, FROM_1 = (ListLabels(CORPUS_CLASSES['dfew'], first) for first in (0, 1))
LABELS = {parse_dfew_csv: FROM_1, parse_dferclip_list: FROM_0}


@pytest.mark.promise(
    'Lists and prompts', 'BOM, CRLF, tabs, blank lines, GB18030 and any letters are read'
)
@pytest.mark.parametrize('encoding', ['utf-8', 'utf-8-sig', 'gb18030'])
@pytest.mark.parametrize('end', ['\n', '\r\n', '\r'])
def test_a_list_is_read_whatever_its_encoding_and_line_ends(encoding, end):
    lines = ['一个/女人\tHappy', '', '  ', 'cafe\u0301\\b c  Sad', '']
    text = decode_list(end.join(lines).encode(encoding), 'f')
    assert check_rows(parse_ferv39k_list(text, 'f', SEVEN)) == [
        Row('一个/女人', 'happiness', 1),
        Row('caf\xe9/b c', 'sadness', 4),
    ]


def test_other_encodings_name_the_file():
    message = r'^dir/list.txt:3: expected text in UTF-8 or GB18030'
    with pytest.raises(ValueError, match=message):
        decode_list('一\n二\n'.encode('gbk') + b'a \xff\xfe b\n', 'dir/list.txt')


def test_the_csv_of_dfew_is_parsed():
    text = 'video_name,label\r\n1,1\r\n\r\n12345,7\r\nsome clip,3\r\n"16",4\nX,4'
    assert list(parse_dfew_csv(text, 'f', FROM_1)) == [
        Row('00001', 'happiness', 2),
        Row('12345', 'fear', 4),
        Row('some clip', 'neutral', 5),
        Row('00016', 'anger', 6),
        Row('X', 'anger', 7),
    ]


def test_the_words_and_compounds_of_mafw_are_parsed():
    assert list(parse_ferv39k_list('00025.mp4 anger\r\n00026.mp4 contempt', 'f', ELEVEN)) == [
        Row('00025.mp4', 'anger', 1),
        Row('00026.mp4', 'contempt', 2),
    ]
    text = '00001.mp4 anger_disgust\n00002.mp4 sadness_anxiety_helplessness\n00003.mp4 neutral'
    compound = ListLabels(CORPUS_CLASSES['mafw'], compound=True)
    rows = check_rows(parse_ferv39k_list(text, 'f', compound))
    assert [row.label for row in rows] == [
        'anger_disgust',
        'sadness_anxiety_helplessness',
        'neutral',
    ]


def test_the_captions_of_mafw_are_parsed():
    text = (
        '00001.mp4\tanger\t一个男人，皱眉。\tA man frowns，  deeply.\r\n'
        '00002.mp4\tsadness\t一个女人。\t\r\n'
        '00003.mp4\tfear\t\t\r\n'
        '00004.mp4\tfear\n'
        '00005.mp4\tdisgust\tz\tone\u2028line\n'
        '00006.mp4\tdisgust\tz\ta\x07bell\tand a tab\n'
    )
    assert list(parse_mafw_captions(text, 'f', ELEVEN)) == [
        Row('00001.mp4', 'anger', 1, english='A man frowns， deeply.'),
        Row('00002.mp4', 'sadness', 2),
        Row('00003.mp4', 'fear', 3),
        Row('00004.mp4', 'fear', 4),
        Row('00005.mp4', 'disgust', 5, english='one line'),
        Row('00006.mp4', 'disgust', 6, english='a bell and a tab'),
    ]


def test_the_lists_of_dferclip_are_parsed():
    text = '/data/DFEW/Clip/00001 113 0\nD:\\my clips\\x 16 6\n'
    assert is_dferclip_list(text)
    assert list(parse_dferclip_list(text, 'f', FROM_0)) == [
        Row(
            'data/DFEW/Clip/00001',
            'happiness',
            1,
            113,
            path_from_other_machine=True,
        ),
        Row('my clips/x', 'fear', 2, 16, path_from_other_machine=True),
    ]


@pytest.mark.parametrize(
    'text', ['00025.mp4 anger', 'video_name,label\n1,2', 'a 3', '', '3 4', 'a 1 x']
)
def test_other_lists_are_not_counted(text):
    assert not is_dferclip_list(text)


BAD = [
    (parse_dfew_csv, 'video_name,label\n1,0', 'f:2: expected a label from 1 .* to 7 .*, found .0.'),
    (parse_dfew_csv, '1,\uff12', 'f:1: expected a label from 1 '),
    (parse_dfew_csv, '1,' + '9' * 5000, 'f:1: expected a label from 1 '),
    (parse_dfew_csv, '1 2', "f:1: expected 'video_name,label', 'path num_frames label' .* '1 2'"),
    (parse_dfew_csv, '1,1\nvideo_name,label', "f:2: expected a label from 1 .*, found 'label'"),
    (parse_dfew_csv, ',3', 'f:1: expected a clip below data_root'),
    (parse_ferv39k_list, 'a Happy\n\nb', "f:3: expected 'clip emotion', 'path num_.*, found 'b'"),
    (parse_ferv39k_list, 'a Glad', "f:1: expected one of .*, found 'Glad'"),
    (parse_ferv39k_list, 'a anger_disgust', "f:1: expected one of .*, found 'anger_disgust'"),
    (parse_ferv39k_list, 'a\0b Happy', 'f:1: expected a clip without control characters'),
    (parse_ferv39k_list, 'x/..\\a Happy', "f:1: expected a clip below data_root without '..'"),
    (parse_mafw_captions, '00001.mp4 anger', "f:1: expected 'clip<tab>emotion<tab>Chinese"),
    (parse_dferclip_list, 'a 16 0\nb 16', "f:2: expected 'path num_frames label', .*'b 16'"),
    (parse_dferclip_list, 'a 0 0', "f:1: expected a positive number of frames, found '0'"),
    (parse_dferclip_list, 'a 16 -1', "f:1: expected a label from 0 .* to 6 .*, found '-1'"),
    (parse_dferclip_list, '/x/../a 16 1', "f:1: expected a clip below data_root without '..'"),
]


@pytest.mark.promise('Lists and prompts', 'A list gives valid rows, or an error with file and line')
@pytest.mark.parametrize(('parse', 'text', 'message'), BAD)
def test_errors_name_file_and_line(parse, text, message):
    with pytest.raises(ValueError, match='^' + message):
        check_rows(parse(text, 'f', LABELS.get(parse, SEVEN)))


def test_all_wrong_lines_are_yielded_between_the_rows():
    rows = list(parse_ferv39k_list('a Happy\nb\nc Sad\n../d Sad', 'f', SEVEN))
    assert [row.clip for row in rows if isinstance(row, Row)] == ['a', 'c']
    errors = [row for row in rows if isinstance(row, ListError)]
    assert [(error.file, error.line, error.found) for error in errors] == [
        ('f', 2, 'b'),
        ('f', 4, '../d'),
    ]


@pytest.mark.parametrize(
    ('clip', 'reference'),
    [('./a//b/.', 'a/b'), ('a\\b', 'a/b'), ('cafe\u0301', 'caf\u00e9'), ('a~/~', 'a~/~')],
)
def test_parts_of_a_name_are_joined_by_slashes(clip, reference):
    assert check_reference(clip) == reference


@pytest.mark.parametrize(
    ('clip', 'reference'),
    [('/data/a', 'data/a'), ('D:\\a', 'a'), ('D:a/b', 'a/b'), ('\\\\server\\a', 'server/a')],
)
def test_folders_of_another_machine_are_kept_where_they_may_be(clip, reference):
    assert check_reference(clip, other_machine=True) == reference
    with pytest.raises(ValueError, match=r'expected a path relative to data_root, found '):
        check_reference(clip)


# A bell, half of a pair, a line separator, a byte order mark, and two marks of direction.
@pytest.mark.parametrize('sign', [*'\a\u2028\ufeff\u200f\u202e', chr(0xD800)], ids=ascii)
def test_signs_that_nobody_sees_are_refused(sign):
    with pytest.raises(ValueError, match=r'expected a clip without control characters'):
        check_reference(f'a{sign}b')


@pytest.mark.parametrize(
    ('clip', 'why'),
    [
        ('../a', "without '..'"),
        ('a/. ./b', "without '..'"),
        ('./.', 'below data_root'),
        ('http://169.254.169.254/x', 'not a URL'),
        ('concat:a|b', 'not a URL'),
        ('./http:a', 'not a URL'),
        ('.//C:a', 'not a URL'),
        ('./~/a', 'not a URL'),
        ('"a', 'blanks or quotes'),
    ],
)
@pytest.mark.parametrize('other_machine', [False, True])
def test_names_that_lead_elsewhere_are_refused(clip, why, other_machine):
    with pytest.raises(ValueError, match=why):
        check_reference(clip, other_machine=other_machine)
