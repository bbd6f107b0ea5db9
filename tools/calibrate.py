"""Fit a checkpoint's temperature: ``python tools/calibrate.py CONFIG CHECKPOINT [options]``."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, Any

from arguments import add_cfg_options, add_data_options, run_program

if TYPE_CHECKING:
    import numpy as np


def parse_arguments() -> argparse.Namespace:
    """Model, clips, wished error rate."""
    parser = argparse.ArgumentParser(
        description='Fit one temperature to clips that the model was not trained on, write it '
        'beside the checkpoint, where test.py, analyze.py and export_model.py read it, and report '
        'calibration and selective answers on other clips.'
    )
    parser.add_argument('config', help='config file')
    parser.add_argument('checkpoint', help='its checkpoint, a file')
    parser.add_argument(
        '--test-share',
        type=float,
        metavar='SHARE',
        help='fit on this share of the test clips, such as 0.5, and report on the others (on other '
        'subjects, where they are known); by default fit on the clips of val_dataloader, and '
        'report on those of test_dataloader',
    )
    parser.add_argument(
        '--error-rate', type=float, default=0.1, help='wished of selective answers (%(default)s)'
    )
    add_data_options(parser)
    add_cfg_options(parser)
    return parser.parse_args()


def evaluate(
    cfg: Any, split: str, checkpoint: str
) -> tuple[np.ndarray, np.ndarray, np.ndarray, list[str]]:
    """Logits, labels, names and subjects of a split's clips, without those that cannot be read."""
    import copy
    import tempfile

    import numpy as np

    from dferclip_mm.engine.calibration import clip_names
    from dferclip_mm.engine.run import build_runner
    from dferclip_mm.evaluation.results import read_results

    run = copy.deepcopy(cfg)
    with tempfile.TemporaryDirectory() as folder:
        run.update(load_from=checkpoint, resume=False, work_dir=folder)
        run.test_dataloader = cfg[f'{split}_dataloader']
        run.test_evaluator = dict(type='RecallMetric', save_to=f'{folder}/results.json')
        # The mean of the views' logits; of probabilities the logits would be unknown.
        run.model.cls_head.update(average_clips='score', temperature=1.0)
        build_runner(run).test()
        found = read_results(f'{folder}/results.json')
    read = found.predicted >= 0
    names = np.array(clip_names(found.clips))[read]
    subjects = np.array(found.subjects)[read].tolist() if found.subjects else []
    return found.class_scores[read], found.truth[read], names, subjects


def main() -> None:
    """Evaluate, fit, write, report."""
    args = parse_arguments()

    from scipy.special import softmax

    from dferclip_mm.datasets.splits import take_share
    from dferclip_mm.engine import calibration
    from dferclip_mm.engine.options import load_config
    from dferclip_mm.engine.run import friendly_errors
    from dferclip_mm.evaluation import confidence, plots
    from dferclip_mm.evaluation.calibration import expected_calibration_error, reliability
    from dferclip_mm.files import write_json

    with friendly_errors():
        cfg = load_config(args.config, args.cfg_options, data_root=args.data_root, fold=args.fold)
        split = 'test' if args.test_share else 'val'
        for other in {'train', 'test'} - {split}:
            clips = calibration.list_clips(cfg, split)
            if common := {*clips} & {*calibration.list_clips(cfg, other)}:
                raise ValueError(
                    f'{len(common)} of the {split} clips to fit on are {other} clips: fit on '
                    'training clips that are held out (val_fraction, as in '
                    'configs/dferclip_dfew_val10.py), or give --test-share 0.5'
                )
        logits, labels, names, subjects = evaluate(cfg, split, args.checkpoint)
        if args.test_share:
            fit = take_share(labels.tolist(), subjects, args.test_share)
            reported, truth = logits[~fit], labels[~fit]
            logits, labels, names = logits[fit], labels[fit], names[fit]
        else:
            reported, truth, *_ = evaluate(cfg, 'test', args.checkpoint)
        temperature = confidence.fit_temperature(logits, labels)
        calibrated = softmax(logits / temperature, axis=1)
        threshold = confidence.find_threshold(calibrated, labels, args.error_rate)

        before, after = softmax(reported, axis=1), softmax(reported / temperature, axis=1)
        table = {
            f'{name} {when}': [measure(scores, truth), *confidence.interval(measure, scores, truth)]
            for name, measure in (
                ('ECE', expected_calibration_error),
                ('AURC', confidence.area_under_risk_coverage),
            )
            for when, scores in (('before', before), ('after', after))
        }
        answered, wrong = after.max(axis=1) >= threshold, after.argmax(axis=1) != truth
        selective = dict(
            wished_error=args.error_rate,
            threshold=threshold,
            coverage=float(answered.mean()),
            error=float(wrong[answered].sum() / max(answered.sum(), 1)),
        )
        path = calibration.calibration_file(args.checkpoint)
        reliability_picture = plots.reliability_figure(
            dict(before=reliability(before, truth), after=reliability(after, truth))
        )
        reliability_picture.savefig(path.with_name(f'{path.stem}_reliability.png'), dpi=120)
        curve = confidence.risk_coverage(after, truth)
        risk_picture = plots.risk_coverage_figure(*curve, selective)
        risk_picture.savefig(path.with_name(f'{path.stem}_risk_coverage.png'), dpi=120)
        content = dict(
            temperature=temperature, fitted_on=names.tolist(), reported_on=len(truth), **table
        )
        sha256 = calibration.checkpoint_hash(args.checkpoint)
        write_json(path, dict(content, selective=selective, checkpoint_sha256=sha256))
    print(f'temperature {temperature:.3f}, fitted on {len(names)} clips: {path}')
    print(f'on {len(truth)} other clips (95 % intervals):')
    for name, (value, low, high) in table.items():
        print(f'{name:12}{value:.3f}  [{low:.3f}, {high:.3f}]')
    print(
        f'answers above {threshold:.3f}, for an error rate of {args.error_rate:.0%}: '
        f'{selective["coverage"]:.1%} of the clips, wrong {selective["error"]:.1%} '
        f'(all: {wrong.mean():.1%})'
    )


if __name__ == '__main__':
    run_program(main)
