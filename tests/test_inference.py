"""MMAction2's own ways to inference: our config alone must be enough, in a fresh process."""

import json

import pytest
from clip_files import write_frames, write_video
from mmaction.registry import MODELS
from mmengine.config import Config
from processes import run_python
from small_runs import CONFIGS, ROOT, write_model

CONFIG = CONFIGS / 'demo_dferclip.py'

PROGRAM = """
import json, sys
config, checkpoint, video, folder, labels = sys.argv[1:]
import numpy as np
from mmaction.apis import inference_recognizer, init_recognizer
from mmaction.apis.inferencers import ActionRecogInferencer, MMAction2Inferencer
model = init_recognizer(config, checkpoint, device='cpu')
scores = [inference_recognizer(model, clip).pred_score.tolist() for clip in (video, folder)]
inferencer = MMAction2Inferencer(
    rec=config, rec_weights=checkpoint, device='cpu', label_file=labels)
scores.append(inferencer(video)['predictions'][0]['rec_scores'][0])

frames = np.stack([np.full((64, 64, 3), 10 * number, np.uint8) for number in range(8)])
template = '{}.png'
numbered = dict(frame_dir=folder, filename_tmpl=template, start_index=0, total_frames=8)
for form in (dict(array=frames), dict(array=list(frames)), dict(frame_dir=folder), numbered):
    scores.append(inference_recognizer(model, form).pred_score.tolist())
rest = dict(device='cpu', label_file=labels)
array = MMAction2Inferencer(rec=config, rec_weights=checkpoint, input_format='array', **rest)
scores.append(array(frames)['predictions'][0]['rec_scores'][0])
rawframes = ActionRecogInferencer(
    config, checkpoint, input_format='rawframes',
    pack_cfg=dict(filename_tmpl=template, start_index=0), **rest)
scores.append(rawframes(folder)['predictions'][0]['pred_scores'])

from mmaction.datasets import RawframeDataset
from mmengine.dataset import pseudo_collate
with open('list.txt', 'w') as file:
    print(folder, 8, 3, file=file)
dataset = RawframeDataset(
    'list.txt', model.cfg.test_pipeline, filename_tmpl=template, start_index=0, test_mode=True)
(sample,) = model.test_step(pseudo_collate([dataset[0]]))
assert (sample.filename, sample.gt_label.item()) == (folder, 3)
scores.append(sample.pred_score.tolist())
print('RESULT', json.dumps(scores))
"""


def test_recognizer_inferencer_and_datasets_give_equal_scores_for_every_form_of_a_clip(tmp_path):
    video = write_video(tmp_path / 'clip.mp4', 8, (64, 64))
    folder = write_frames(tmp_path / 'clip', 8, (64, 64), [f'{number}.png' for number in range(8)])
    model = MODELS.build(Config.fromfile(CONFIG).model)
    write_model(model, tmp_path / 'model.pth')
    (tmp_path / 'labels.txt').write_text('\n'.join(model.cls_head.classes))
    files = [CONFIG, tmp_path / 'model.pth', video, folder, tmp_path / 'labels.txt']
    done = run_python('-c', PROGRAM, *files, path=ROOT, cwd=tmp_path)
    assert done.returncode == 0, done.stderr[-2000:]
    assert (done.stdout + done.stderr).count('expects crops of one face') == 1
    line = next(line for line in done.stdout.splitlines() if line.startswith('RESULT'))
    video, folder, inferencer, *others = json.loads(line.removeprefix('RESULT '))
    assert inferencer == video
    assert sum(video) == pytest.approx(1, abs=1e-5)
    # mpeg4 changes grey levels by a little.
    assert video == pytest.approx(folder, abs=0.05)
    assert others == [pytest.approx(folder, abs=1e-6)] * 7
