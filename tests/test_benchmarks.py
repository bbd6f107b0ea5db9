"""The benchmarks count what they say, run at small size, and the counted bars hold at true size."""

import json
import os
from pathlib import Path

import pytest
import torch
from mmaction.registry import MODELS
from mmengine.config import Config
from torch._subclasses.fake_tensor import FakeTensor

from benchmarks import corpus, data, measure, memory, models, page, pillow
from benchmarks.measure import flops, interleaved, saved_bytes
from benchmarks.table import Row, compared, over_rounds, table

ROOT = Path(__file__).resolve().parent.parent
CONFIG = str(ROOT / 'configs' / 'dferclip_dfew.py')


def test_a_comparison_is_the_median_of_pairs_with_its_range():
    row = compared('ours ÷ theirs', [2.0, 6.0, 30.0], [1.0, 2.0, 3.0], '≤ 4')
    assert row == Row('ours ÷ theirs', 3.0, '≤ 4', (2.0, 10.0))
    assert '| ours ÷ theirs | 3 | 2 – 10 | ≤ 4 |' in table([row])
    assert '| counted | 0.5 |  |  |' in table([Row('counted', 0.5)])


@pytest.mark.parametrize(
    ('value', 'bar', 'holds'),
    [(0.9, '≤ 0.95', True), (1, '≤ 0.95', False), (5, '≥ 4.5', True), (4, '≥ 4.5', False)],
)
def test_a_bar_is_at_most_or_at_least(value, bar, holds):
    assert Row('', value, bar).holds is holds
    assert Row('', value).holds


def test_the_page_has_every_row_and_tells_of_the_machine():
    rows = [over_rounds('some row', [1.0, 2.0, 4.0])]
    text = page.page(rows, minutes=7.5, gpu=page.OPEN)
    assert '| some row | 2 | 1 – 4 |  |' in text
    assert measure.machine() in text
    assert text.endswith(page.OPEN)
    assert '(speed_notes.md)' in text
    assert (ROOT / 'docs' / 'speed_notes.md').is_file()


def test_every_other_round_is_reversed():
    order = []
    runs = {name: lambda name=name: order.append(name) for name in 'ab'}
    found = interleaved(runs, rounds=3)
    assert ''.join(order) == 'ab' + 'ab' + 'ba' + 'ab'
    assert [len(times) for times in found.values()] == [3, 3]


def test_saved_bytes_leave_weights_out_and_count_storages_once():
    layer = torch.nn.Linear(8, 4)
    x = torch.randn(10, 8, requires_grad=True)
    # The layer keeps x, of 320 bytes; the exponential keeps its own answer, of 160.
    assert saved_bytes(lambda: layer(x).exp(), layer.parameters()) == 320 + 160
    assert saved_bytes(lambda: (x * x, x[:5] * 2, x.square()), []) == 320


def test_flops_of_a_product():
    assert flops(lambda: torch.randn(3, 5) @ torch.randn(5, 7)) == 2 * 3 * 5 * 7


@pytest.fixture
def model(tiny_model):
    return MODELS.build(tiny_model)


def test_equality_rows(model):
    for row in models.equality(models.Case(model.train(), 2, 4)):
        assert row.bar
        assert row.holds, row


@pytest.fixture(scope='module')
def true_model():
    return models.build(CONFIG)


def test_arithmetic_holds_its_bar_at_true_shapes():
    (row,) = models.arithmetic(CONFIG)
    assert row.bar == '≤ 0.95'
    assert row.holds, row


def test_memory_holds_its_bars_at_true_shapes(true_model):
    one = memory.kept(true_model)
    rows = memory.memory_rows(one, one, 1)
    assert [row.bar for row in rows if row.bar] == ['≤ 0.82', '≤ 0.55', '≤ 0.10']
    for row in rows:
        assert row.holds, row


def test_many_prompts_are_as_long_as_those_of_the_bar(tiny_model):
    table = json.loads((ROOT / 'dferclip_mm' / 'prompts' / 'descriptions.json').read_text())
    found = models.many_prompts(table)
    assert len(set(found)) == len(found) == 100
    classes = [f'class {n}' for n in range(100)]
    tiny_model['cls_head'].update(classes=classes, prompts=found, num_context=8)
    ends = MODELS.build(tiny_model).cls_head.prompt_learner.end
    assert sum(ends) / len(ends) + 1 >= 26
    assert max(ends) - min(ends) >= 10


def test_every_saving_keeps_less_than_the_one_before(model):
    found = memory.kept(model, frames=4)
    assert list(found) == ['plain way', 'ours', 'checkpoint_mlp', 'checkpointing']
    assert sorted(found.values(), reverse=True) == list(found.values())
    # Positions are made for more frames than the model was built for.
    assert memory.kept(model, frames=8)['ours'] > found['ours']


def test_what_is_kept_is_counted_without_numbers_as_with_them(model):
    case = models.Case(model.train(), 2, 4)
    tensors = [*model.parameters(), *model.buffers()]
    expected = {
        'plain way': saved_bytes(case.plain, tensors) / 2**20,
        'ours': saved_bytes(case.fast, tensors) / 2**20,
    }
    found = memory.kept(model, frames=4, clips=2)
    assert {name: found[name] for name in expected} == expected
    assert {p.device.type for p in model.parameters()} == {'cpu'}
    assert not any(isinstance(p, FakeTensor) for p in model.parameters())


def test_growth_is_drawn(model, tmp_path, monkeypatch):
    monkeypatch.setattr(memory, 'FRAMES', (8, 16))
    monkeypatch.setattr(memory, 'CLIPS', (1, 2))
    path = tmp_path / 'growth.svg'
    rows = memory.growth(model, path, {8: 1.0, 16: 2.0}, {1: 1.0, 2: 2.0})
    assert '</svg>' in path.read_text()
    assert all(row.value > 0 for row in rows)


def test_the_bare_passes_leave_the_weights_alone():
    weight = torch.ones(3)
    models.five_passes([weight])()
    assert weight.tolist() == [1, 1, 1]


def test_a_pipeline_is_cut_where_it_has_decoded():
    steps = Config.fromfile(CONFIG).train_pipeline
    end = data.until_decoded(steps)
    assert steps[end - 1]['type'] == 'ClipDecode'
    assert 'ClipDecode' not in [step['type'] for step in steps[end:]]


def test_augmentation_finds_the_same_frames_each_time():
    frames = torch.randint(0, 256, (16, 224, 224, 3), dtype=torch.uint8).numpy()
    before = frames.copy()
    augment = data.augmentation(CONFIG, frames, clips=20)
    augment()
    assert (frames == before).all()


def test_plain_loading_has_the_shape_of_the_pipelines(tmp_path):
    folders = corpus.lay_out(tmp_path, clips=2)
    assert data.pillow_load(folders).shape == (2, pillow.FRAMES, 3, 224, 224)
    settings = Config.fromfile(CONFIG).train_dataloader.dataset
    for kind in (corpus.CLIPS, 'packed', 'videos'):
        batch = data.load(data.Seeded(corpus.open_corpus(settings, tmp_path, kind)))
        assert [clip.shape for clip in batch['inputs']] == [(16, 3, 224, 224)] * 2
        assert {clip.dtype for clip in batch['inputs']} == {torch.uint8}


class Counted(torch.utils.data.Dataset):
    """Burns a little of the worker's time."""

    def __getitem__(self, number):
        start = measure.time.process_time()
        while measure.time.process_time() - start < 0.02:
            pass
        return number


def test_what_a_worker_takes_is_counted():
    found = data.through_worker(Counted(), torch.tensor, clips=4, rounds=3)
    assert len(found) == 3
    # Four items of 20 ms, and the way from one process to the other.
    assert all(0.07 < seconds < 1 for seconds in found)


def test_loading_is_measured_in_a_process_of_its_own():
    assert measure.apart(torch.get_num_threads) == 1
    assert measure.apart(os.getpid) != os.getpid()
