"""`compile` in a config: a run of MMEngine's runner gives the same with and without."""

import copy

import pytest
import torch
from lengths import LONG
from mini_corpora import write_dfew
from small_runs import small_config, start


@pytest.fixture(autouse=True)
def _fresh_compiler():
    torch._dynamo.reset()
    yield
    torch._dynamo.reset()


def trained(name, root, **options):
    """The model after an epoch of training and its validation, and the scores of this."""
    cfg = small_config(name, root, root / 'run', **options)
    # Batches of one size are compiled once.
    cfg.val_dataloader.batch_size = 7
    runner = start(cfg)
    seen = []
    runner.val_evaluator.metrics[0].__class__ = recording(runner, seen)
    runner.train()
    return runner.model, seen


def recording(runner, seen):
    """The metric's class with a look at what it is given."""

    class Recording(type(runner.val_evaluator.metrics[0])):
        def process(self, data_batch, data_samples):
            seen.extend(sample['pred_score'].detach().clone() for sample in data_samples)
            super().process(data_batch, data_samples)

    return Recording


@pytest.mark.parametrize('name', ['dferclip_dfew'])
def test_compiled_training_is_the_same_training(tmp_path, name):
    write_dfew(tmp_path / 'DFEW', num_frames=3)
    plain, expected = trained(name, tmp_path)
    # The compiler of C++ code takes a minute; short runs take what it would be given.
    compiled = True if LONG else dict(backend='aot_eager')
    model, found = trained(name, tmp_path, compile=compiled)
    graphs = torch._dynamo.utils.counters['stats']['unique_graphs']
    assert graphs > 0
    assert len(found) == len(expected) > 0
    torch.testing.assert_close(torch.stack(found), torch.stack(expected), atol=1e-4, rtol=0)
    for key, value in plain.state_dict().items():
        torch.testing.assert_close(model.state_dict()[key], value, atol=1e-5, rtol=1e-4)
    # What validation remembered of the texts is what the trained context gives.
    with torch.no_grad():
        kept = model.eval().cls_head.class_features()
        fresh = copy.deepcopy(model.cls_head).class_features()
    torch.testing.assert_close(kept, fresh)
