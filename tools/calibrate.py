"""Fit a checkpoint's temperature: ``python tools/calibrate.py CONFIG CHECKPOINT [options]``."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Any

from arguments import add_batch_size_option, add_cfg_options, add_data_options

if TYPE_CHECKING:
    from dferclip_mm.evaluation.results import Results


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
        help='fit on this share of the test clips, such as 0.5, and report on the others; by '
        'default on the clips of val_dataloader, and report on those of test_dataloader',
    )
    parser.add_argument(
        '--error-rate', type=float, default=0.1, help='wished of selective answers (%(default)s)'
    )
    add_data_options(parser)
    add_batch_size_option(parser)
    add_cfg_options(parser)
    return parser.parse_args()


def evaluate(cfg: Any, split: str, checkpoint: str, folder: Path) -> Results:
    """The logits of a split's clips."""
    import copy

    from dferclip_mm.engine.run import build_runner, find_data
    from dferclip_mm.evaluation.results import read_results

    run, results = copy.deepcopy(cfg), folder / f'{split}.json'
    find_data(run, split)
    run.update(load_from=checkpoint, resume=False, work_dir=str(folder))
    run.update(train_dataloader=None, train_cfg=None, optim_wrapper=None, param_scheduler=None)
    run.update(val_dataloader=None, val_cfg=None, val_evaluator=None)
    run.test_dataloader = cfg[f'{split}_dataloader']
    run.test_evaluator = dict(type='RecallMetric', save_to=str(results))
    # The mean of the views' logits; of probabilities the logits would be unknown.
    run.model.cls_head.update(average_clips='score', temperature=1.0)
    build_runner(run).test()
    return read_results(results)


def main() -> None:
    """Evaluate, fit, write, report."""
    args = parse_arguments()

    import tempfile

    import numpy as np
    from scipy.special import softmax

    from dferclip_mm.datasets.holdout import stratified_holdout
    from dferclip_mm.engine.calibration import clip_names, list_clips, write_calibration
    from dferclip_mm.engine.options import load_config, merge_batch_size, merge_data_options
    from dferclip_mm.engine.run import friendly_errors
    from dferclip_mm.evaluation import confidence
    from dferclip_mm.evaluation.calibration import expected_calibration_error, reliability
    from dferclip_mm.evaluation.plots import reliability_figure, risk_coverage_figure

    with friendly_errors():
        cfg = load_config(args.config, args.cfg_options)
        merge_data_options(cfg, args.data_root, args.fold)
        merge_batch_size(cfg, 'test', args.batch_size)
        splits = ['test'] if args.test_share else ['val', 'test']
        for split in splits:
            if not cfg.get(f'{split}_dataloader'):
                raise ValueError(f'{args.config} has no {split}_dataloader: see --test-share')
        clips = {split: {*list_clips(cfg, split)} for split in splits}
        if not args.test_share and clips['val'] & clips['test']:
            raise ValueError(
                'the validation clips are test clips, and a temperature is not reported on clips '
                'that it was fitted on: give --test-share 0.5, or validate on training clips that '
                'are held out (val_fraction, as in configs/dferclip_dfew_val10.py)'
            )
        common = {*list_clips(cfg, 'train')} & clips[splits[0]]
        if common:
            raise ValueError(
                f'{len(common)} of the clips to fit on are training clips, on which the model is '
                'surer than elsewhere: hold them out'
            )
        with tempfile.TemporaryDirectory() as folder:
            results = {
                split: evaluate(cfg, split, args.checkpoint, Path(folder)) for split in splits
            }
        logits = {}
        for split, each in results.items():
            read = each.predicted >= 0
            names = np.array(clip_names(each.clips))[read]
            logits[split] = each.class_scores[read], each.truth[read], names
        if args.test_share:
            fit = stratified_holdout(logits['test'][1], args.test_share, 0)
            logits = {
                'val': tuple(each[fit] for each in logits['test']),
                'test': tuple(each[~fit] for each in logits['test']),
            }
        fitted, labels, names = logits['val']
        temperature = confidence.fit_temperature(fitted, labels)
        threshold = confidence.find_threshold(
            softmax(fitted / temperature, axis=1), labels, args.error_rate
        )

        reported, truth, _ = logits['test']
        scores = {'before': softmax(reported, axis=1)}
        scores['after'] = softmax(reported / temperature, axis=1)
        table: dict[str, dict[str, Any]] = {}
        for measure, name in (
            (expected_calibration_error, 'ECE'),
            (confidence.area_under_risk_coverage, 'AURC'),
        ):
            for when, each in scores.items():
                low, high = confidence.interval(measure, each, truth)
                table.setdefault(when, {})[name] = [measure(each, truth), low, high]
        answered = scores['after'].max(axis=1) >= threshold
        wrong = scores['after'].argmax(axis=1) != truth
        selective = dict(
            wished_error=args.error_rate,
            threshold=threshold,
            coverage=float(answered.mean()),
            error=float(wrong[answered].mean()) if answered.any() else None,
        )
        path = write_calibration(
            args.checkpoint,
            temperature=temperature,
            fitted_on=names.tolist(),
            reported_on=len(truth),
            selective=selective,
            **table,
        )
        pictures = {
            'reliability': reliability_figure(
                {when: reliability(each, truth) for when, each in scores.items()}
            ),
            'risk_coverage': risk_coverage_figure(
                *confidence.risk_coverage(scores['after'], truth), selective
            ),
        }
        for name, figure in pictures.items():
            figure.savefig(path.with_name(path.name.replace('.json', f'_{name}.png')), dpi=120)
    print(f'temperature {temperature:.3f}, fitted on {len(names)} clips: {path}')
    print(f'on {len(truth)} other clips (95 % intervals):')
    for name in ('ECE', 'AURC'):
        for when in ('before', 'after'):
            value, low, high = table[when][name]
            print(f'{name:5}{when:7}{value:.3f}  [{low:.3f}, {high:.3f}]')
    error = 'none' if selective['error'] is None else f'{selective["error"]:.1%}'
    print(
        f'answers above {threshold:.3f}, for an error rate of {args.error_rate:.0%}: '
        f'{selective["coverage"]:.1%} of the clips, wrong {error} (all: {wrong.mean():.1%})'
    )


if __name__ == '__main__':
    main()
