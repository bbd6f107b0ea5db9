"""TorchScript archives give the state dict that they would give as programs, and run nothing."""

import io
import pickle
import struct
import zipfile

import open_clip
import pytest
import torch
from torch import nn

from dferclip_mm.models.clip.script_pickle import Name, read_pickle
from dferclip_mm.models.clip.script_weights import is_script, read_script

# TorchScript says at each use that it is not developed any more.
pytestmark = [
    pytest.mark.filterwarnings(r'ignore:.*torch\.jit:FutureWarning'),
    pytest.mark.filterwarnings('ignore::torch.jit.TracerWarning'),
]


class Odd(nn.Module):
    """Shared modules, parameters and storages; views; attributes that are no weights."""

    def __init__(self):
        super().__init__()
        self.first, self.other = nn.Linear(3, 4), nn.Linear(3, 4)
        self.again = self.first
        self.other.weight = self.first.weight
        numbers = torch.arange(12.0).reshape(3, 4)
        self.register_buffer('part', numbers[1:, ::2])
        self.register_buffer('turned', numbers.t())
        self.register_buffer('empty', torch.zeros(0, 3))
        self.register_buffer('none', None)
        self.register_buffer('repeated', torch.zeros(1).expand(5))
        self.register_buffer('scratch', torch.ones(2), persistent=False)
        self.register_buffer('small', torch.arange(3, dtype=torch.int8))
        self.register_buffer('whether', torch.tensor([True, False]))
        self.plain = torch.ones(3)
        self.numbers, self.table = [1, 2], {'a': 1.0, 'b': float('inf')}
        self.listed = nn.ParameterList([nn.Parameter(torch.ones(2))])
        self.norm = nn.BatchNorm1d(4)
        self.large, self.below = 12345678901, -5

    def forward(self, x):
        numbers = self.plain.sum() + self.numbers[0] + self.table['a'] + self.large + self.below
        return self.other(x) + self.norm(self.first(x)) + numbers + torch.ones(3).sum()


def clip_of(arch, dtype):
    return torch.jit.script(open_clip.CLIP(**arch).eval().to(dtype))


def traced_clip(arch):
    example = (torch.rand(1, 3, 32, 32), open_clip.tokenize(['a smile']))
    return torch.jit.trace(open_clip.CLIP(**arch).eval(), example, check_trace=False)


PROGRAMS = {
    'CLIP, traced': traced_clip,
    'CLIP, traced, then float16': lambda arch: traced_clip(arch).half(),
    'CLIP, float32': lambda arch: clip_of(arch, torch.float32),
    'CLIP, float16': lambda arch: clip_of(arch, torch.float16),
    'CLIP, bfloat16': lambda arch: clip_of(arch, torch.bfloat16),
    'odd, scripted': lambda arch: torch.jit.script(Odd().eval()),
    'odd, traced': lambda arch: torch.jit.trace(Odd().eval(), torch.zeros(2, 3)),
    'frozen': lambda arch: torch.jit.freeze(torch.jit.script(Odd().eval())),
}


@pytest.mark.parametrize('kind', PROGRAMS)
def test_the_state_dict_is_that_of_the_program(tmp_path, tiny_clip, kind):
    path = tmp_path / 'program.pt'
    PROGRAMS[kind](tiny_clip).save(path)
    assert is_script(path)
    expected, found = torch.jit.load(path).state_dict(), read_script(path)
    assert list(found) == list(expected)
    for name, tensor in expected.items():
        assert found[name].dtype == tensor.dtype
        assert found[name].stride() == tensor.stride()
        assert torch.equal(found[name], tensor)
    # As many places in memory: what was shared is.
    assert len(places(found)) == len(places(expected))


def places(state):
    return {tensor.untyped_storage().data_ptr() for tensor in state.values()}


# Damaged and hostile ones


@pytest.fixture
def program(tmp_path):
    path = tmp_path / 'program.pt'
    torch.jit.script(nn.Linear(3, 4)).save(path)
    return path


def changed(path, **records):
    """Write an archive again, records changed by functions of their content; None: left out."""
    stream = io.BytesIO()
    with zipfile.ZipFile(path) as old, zipfile.ZipFile(stream, 'w') as new:
        for name in old.namelist():
            change = records.get(name.split('/', 1)[1].replace('.', '_').replace('/', '_'))
            content = change(old.read(name)) if change else old.read(name)
            if content is not None:
                new.writestr(name, content)
    path.write_bytes(stream.getvalue())


def in_pickle(old, new):
    def change(content):
        assert old in content
        return content.replace(old, new)

    return dict(data_pkl=change)


# Of the weight: its 12 numbers, its size (4, 3) and its strides (3, 1).
SIZE = b'(K\x04K\x03t'
STEPS = b'(K\x03K\x01t'
CHANGES = {
    'a record that is too short': (dict(data_0=lambda c: c[:-4]), 'claims more than the 44 bytes'),
    'no record': (dict(data_0=lambda c: None), 'the record program/data/0 is missing'),
    'a size above the record': (in_pickle(SIZE, b'(K\x05K\x03t'), 'claims more than the 48 bytes'),
    'much of little': (
        in_pickle(SIZE + STEPS, b'(J\0\0\0\x7fJ\0\0\0\x7ft(K\0K\0t'),
        'claims more than the 48 bytes',
    ),
    'sizes that are negative': (in_pickle(SIZE, b'(J\xff\xff\xff\xffK\x03t'), 'size of weight'),
    'steps that are negative': (in_pickle(STEPS, b'(K\x03J\xff\xff\xff\xfft'), 'size of weight'),
    'fewer steps than sizes': (in_pickle(STEPS, b'(K\x03t'), 'size of weight'),
    'another type': (in_pickle(b'FloatStorage', b'FlopStorage'), 'the unknown type torch.Flop'),
    'another function': (
        in_pickle(b'_rebuild_tensor_v2', b'_rebuild_parameter'),
        'no plain tensor',
    ),
    'a class without a text': (in_pickle(b'nn.modules', b'nn.medules'), 'not describe the class'),
    'another operation': (in_pickle(b'\x88h', b'\x882h'), 'operation DUP'),
    'no end': (dict(data_pkl=lambda c: c[:-1]), 'no pickle of TorchScript'),
    'no module': (dict(data_pkl=lambda c: b'\x80\x02K\x01.'), 'holds a int, no module'),
    'big-endian numbers': (dict(byteorder=lambda c: b'big'), 'big-endian'),
    'no data': (dict(data_pkl=lambda c: None), 'expected one data.pkl'),
}


@pytest.mark.parametrize('kind', CHANGES)
def test_a_changed_archive_is_refused(program, kind):
    records, message = CHANGES[kind]
    changed(program, **records)
    with pytest.raises(ValueError, match=message):
        read_script(program)


def test_a_flipped_bit_is_refused(program):
    weight = read_script(program)['weight'].numpy().tobytes()
    content = bytearray(program.read_bytes())
    content[content.index(weight) + 5] ^= 1
    program.write_bytes(content)
    with pytest.raises(ValueError, match=r'cannot be read .*CRC'):
        read_script(program)


def test_a_record_that_claims_more_than_the_file(program):
    content = bytearray(program.read_bytes())
    # In the list at the end, two sizes stand before the name, 28 and 24 bytes ahead of it.
    place = content.rindex(b'program/data/0') - 26
    struct.pack_into('<II', content, place, 1 << 30, 1 << 30)
    program.write_bytes(content)
    with pytest.raises(ValueError, match='are claimed in a file of'):
        read_script(program)


def test_two_records_of_one_name_are_refused(program):
    with pytest.warns(UserWarning, match='Duplicate'), zipfile.ZipFile(program, 'a') as archive:
        archive.writestr('program/data/0', bytes(48))
    with pytest.raises(ValueError, match=r'expected one data\.pkl'):
        read_script(program)


def test_modules_that_hold_each_other_come_to_an_end(program):
    """2 ** 40 paths to one module."""
    ends = b'}(X\x01\0\0\0ah\x00X\x01\0\0\0bh\x00ub.'
    # What follows the class that the archive does describe.
    changed(program, data_pkl=lambda old: old[: old.index(b')\x81')] + b')\x81q\x00' + ends)
    with pytest.raises(ValueError, match='more than 10000 modules'):
        read_script(program)


# The pickle alone


def test_a_pickle_gives_names_and_no_objects():
    called = read_pickle(b'\x80\x02cos\nsystem\nX\x04\0\0\0true\x85R.')
    assert called == (Name('os', 'system'), ('true',))


@pytest.mark.parametrize(
    'data',
    [
        b'',
        b'.',
        b'\x80\x02t.',
        b'\x80\x02K\x01\x86.',
        b'\x80\x02h\x05.',
        b'\x80\x02K\x01K\x02R.',
        b'\x80\x02K\x01}b.',
        b'\x80\x02K\x01)\x81.',
        b'\x80\x02K\x01K\x02a.',
        b'\x80\x02](K\x01K\x02u.',
        b'\x80\x02}(K\x01u.',
        b'\x80\x02}()K\x02u.',
        b'\x80\x02}K\x02s.',
        b'\x80\x02\xff.',
        pickle.dumps({1, 2}, 4),
        pickle.dumps(Odd, 4),
    ],
)
def test_other_pickles_are_refused(data):
    with pytest.raises(ValueError, match=r'no pickle of TorchScript \(.'):
        read_pickle(data)
