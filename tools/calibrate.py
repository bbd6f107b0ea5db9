"""Fit a checkpoint's temperature: ``python tools/calibrate.py CONFIG CHECKPOINT [options]``."""

from __future__ import annotations

import argparse
from dataclasses import replace
from itertools import compress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from arguments import add_batch_size_option, add_cfg_options, add_data_options

if TYPE_CHECKING:
    import numpy as np

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


def check_clips(cfg: Any, fitted: str, reported: str) -> None:
    """Refuse to fit on clips of another split that are trained on or reported."""
    from dferclip_mm.engine.calibration import list_clips

    for split in (fitted, reported):
        if not cfg.get(f'{split}_dataloader'):
            raise ValueError(f'the config has no {split}_dataloader: see --test-share')
    clips = {*list_clips(cfg, fitted)}
    if fitted != reported and clips & {*list_clips(cfg, reported)}:
        raise ValueError(
            'the validation clips are test clips, and a temperature is not reported on clips that '
            'it was fitted on: give --test-share 0.5, or validate on training clips that are held '
            'out (val_fraction, as in configs/dferclip_dfew_val10.py)'
        )
    trained = clips & {*list_clips(cfg, 'train')}
    if trained:
        raise ValueError(
            f'{len(trained)} of the clips to fit on are training clips, on which the model is '
            'surer than elsewhere: hold them out'
        )


def evaluate(cfg: Any, split: str, checkpoint: str) -> Results:
    """The logits of the clips of a split that can be read."""
    import copy
    import tempfile

    from dferclip_mm.engine.run import build_runner, find_data
    from dferclip_mm.evaluation.results import read_results

    with tempfile.TemporaryDirectory() as folder:
        run, path = copy.deepcopy(cfg), Path(folder) / 'results.json'
        find_data(run, split)
        run.update(load_from=checkpoint, resume=False, work_dir=folder)
        run.update(train_dataloader=None, train_cfg=None, optim_wrapper=None, param_scheduler=None)
        run.update(val_dataloader=None, val_cfg=None, val_evaluator=None)
        run.test_dataloader = cfg[f'{split}_dataloader']
        run.test_evaluator = dict(type='RecallMetric', save_to=str(path))
        # The mean of the views' logits; of probabilities the logits would be unknown.
        run.model.cls_head.update(average_clips='score', temperature=1.0)
        build_runner(run).test()
        results = read_results(path)
    return take(results, results.predicted >= 0)


def take(results: Results, chosen: np.ndarray) -> Results:
    """The clips for which `chosen` is True."""
    return replace(
        results,
        truth=results.truth[chosen],
        predicted=results.predicted[chosen],
        class_scores=results.class_scores[chosen],
        clips=tuple(compress(results.clips, chosen)),
    )


def find_clips(cfg: Any, checkpoint: str, test_share: float | None) -> tuple[Results, Results]:
    """The clips to fit on, and those to report on."""
    from dferclip_mm.datasets.holdout import stratified_holdout

    fitted = 'test' if test_share else 'val'
    check_clips(cfg, fitted, 'test')
    if not test_share:
        return evaluate(cfg, 'val', checkpoint), evaluate(cfg, 'test', checkpoint)
    tested = evaluate(cfg, 'test', checkpoint)
    chosen = stratified_holdout(tested.truth.tolist(), test_share, 0)
    return take(tested, chosen), take(tested, ~chosen)


def main() -> None:
    """Evaluate, fit, write, report."""
    args = parse_arguments()

    from scipy.special import softmax

    from dferclip_mm.engine.calibration import clip_names, write_calibration
    from dferclip_mm.engine.options import load_config, merge_batch_size, merge_data_options
    from dferclip_mm.engine.run import friendly_errors
    from dferclip_mm.evaluation import confidence
    from dferclip_mm.evaluation.calibration import expected_calibration_error, reliability
    from dferclip_mm.evaluation.plots import reliability_figure, risk_coverage_figure

    measures = {
        'ECE': expected_calibration_error,
        'AURC': confidence.area_under_risk_coverage,
    }
    with friendly_errors():
        cfg = load_config(args.config, args.cfg_options)
        merge_data_options(cfg, args.data_root, args.fold)
        merge_batch_size(cfg, 'test', args.batch_size)
        fitted, reported = find_clips(cfg, args.checkpoint, args.test_share)
        temperature = confidence.fit_temperature(fitted.class_scores, fitted.truth)
        threshold = confidence.find_threshold(
            softmax(fitted.class_scores / temperature, axis=1), fitted.truth, args.error_rate
        )
        truth = reported.truth
        scores = {
            'before': softmax(reported.class_scores, axis=1),
            'after': softmax(reported.class_scores / temperature, axis=1),
        }
        table = {
            when: {
                name: [measure(each, truth), *confidence.interval(measure, each, truth)]
                for name, measure in measures.items()
            }
            for when, each in scores.items()
        }
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
            fitted_on=clip_names(fitted.clips),
            reported_on=len(truth),
            selective=selective,
            **table,
        )
        curves = {when: reliability(each, truth) for when, each in scores.items()}
        risks = confidence.risk_coverage(scores['after'], truth)
        pictures = {
            'reliability': reliability_figure(curves),
            'risk_coverage': risk_coverage_figure(*risks, selective),
        }
        for name, figure in pictures.items():
            figure.savefig(path.with_name(path.name.replace('.json', f'_{name}.png')), dpi=120)
    print(f'temperature {temperature:.3f}, fitted on {len(fitted.truth)} clips: {path}')
    print(f'on {len(truth)} other clips (95 % intervals):')
    for name in measures:
        for when in scores:
            value, low, high = table[when][name]
            print(f'{name:5}{when:7}{value:.3f}  [{low:.3f}, {high:.3f}]')
    error = 'none' if selective['error'] is None else f'{selective["error"]:.1%}'
    print(
        f'answers above {threshold:.3f}, for an error rate of {args.error_rate:.0%}: '
        f'{selective["coverage"]:.1%} of the clips, wrong {error} (all: {wrong.mean():.1%})'
    )


if __name__ == '__main__':
    main()
