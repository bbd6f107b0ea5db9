import pytest

from dferclip_mm.datasets.list_text import check_reference, decode_list


@pytest.mark.parametrize(
    ('clip', 'reference'),
    [
        ('X/XX', 'X/XX'),
        ('./a//b/.', 'a/b'),
        ('a\\b', 'a/b'),
        ('cafe\u0301', 'caf\u00e9'),
        ('a~/~', 'a~/~'),
    ],
)
def test_parts_are_joined_by_slashes(clip, reference):
    assert check_reference(clip) == reference


@pytest.mark.parametrize(
    ('clip', 'reference'), [('/data/a', 'data/a'), ('D:\\a', 'a'), ('D:a/b', 'a/b')]
)
def test_folders_of_another_machine_are_kept_where_they_may_be(clip, reference):
    assert check_reference(clip, other_machine=True) == reference
    with pytest.raises(ValueError, match=r'expected a path relative to data_root, found '):
        check_reference(clip)


@pytest.mark.parametrize(
    'sign',
    # A bell, half of a pair, a line and a paragraph separator, then what is not seen.
    '\a' + chr(0xD800) + '\u2028\u2029'
    '\ufeff\u200e\u200f\u061c\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069',
    ids=lambda sign: f'U+{ord(sign):04X}',
)
def test_signs_that_nobody_sees_are_refused(sign):
    with pytest.raises(ValueError, match=r'expected a clip without control characters'):
        check_reference(f'a{sign}b')


@pytest.mark.parametrize(
    ('clip', 'why'),
    [
        ('./http:a', 'not a URL'),
        ('.//C:a', 'not a URL'),
        ('./~/a', 'not a URL'),
        ('"a', 'blanks or quotes'),
        ('a"', 'blanks or quotes'),
        ('a/. ./b', "without '..'"),
    ],
)
@pytest.mark.parametrize('other_machine', [False, True])
def test_what_hides_behind_folders_is_refused(clip, why, other_machine):
    with pytest.raises(ValueError, match=why):
        check_reference(clip, other_machine=other_machine)


def test_the_line_of_other_bytes_is_counted_from_the_first():
    with pytest.raises(ValueError, match=r'^f:3: expected text'):
        decode_list(b'\n\n\xff\xff', 'f')
