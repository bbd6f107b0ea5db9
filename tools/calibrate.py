"""Fit a checkpoint's temperature: ``python tools/calibrate.py CONFIG CHECKPOINT [options]``."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, Any

from arguments import add_cfg_options, add_data_options, run_program

if TYPE_CHECKING:
    from collections.abc import Callable


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


def evaluate(cfg: Any, split: str, checkpoint: str) -> Any:
    """The `Results` of a split, with logits as scores, without clips that cannot be read."""
    import copy
    import tempfile

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
    return found.select(found.answered)


def main() -> None:
    """Evaluate, fit, write, report."""
    args = parse_arguments()

    import pandas as pd
    from scipy.special import softmax

    from dferclip_mm.datasets.splits import take_share
    from dferclip_mm.engine import calibration as files
    from dferclip_mm.engine.options import load_config
    from dferclip_mm.engine.run import friendly_errors
    from dferclip_mm.evaluation import calibration, plots
    from dferclip_mm.evaluation.bootstrap import interval
    from dferclip_mm.files import write_json

    with friendly_errors():
        cfg = load_config(args.config, args.cfg_options, data_root=args.data_root, fold=args.fold)
        split = 'test' if args.test_share else 'val'
        clips = {*files.list_clips(cfg, split)}
        for other in {'train', 'test'} - {split}:
            if common := clips.intersection(files.list_clips(cfg, other)):
                raise ValueError(
                    f'{len(common)} of the {split} clips to fit on are {other} clips: fit on '
                    'training clips that are held out (val_fraction, as in '
                    'configs/dferclip_dfew_val10.py), or give --test-share 0.5'
                )
        fitted = evaluate(cfg, split, args.checkpoint)
        if args.test_share:
            chosen = take_share(fitted.truth.tolist(), fitted.subjects, args.test_share)
            fitted, reported = fitted.select(chosen), fitted.select(~chosen)
        else:
            reported = evaluate(cfg, 'test', args.checkpoint)
        temperature = calibration.fit_temperature(fitted.class_scores, fitted.truth)
        calibrated = softmax(fitted.class_scores / temperature, axis=1)
        threshold = calibration.find_threshold(calibrated, fitted.truth, args.error_rate)

        logits, truth = reported.class_scores, reported.truth
        scores = dict(before=softmax(logits, axis=1), after=softmax(logits / temperature, axis=1))
        curves = {name: calibration.reliability(each, truth) for name, each in scores.items()}
        measures: dict[str, Callable[..., float]] = {
            'ECE': lambda *given: calibration.calibration_error(calibration.reliability(*given)),
            'AURC': lambda *given: float(calibration.risk_coverage(*given)[1].mean()),
        }
        table = {
            f'{name} {when}': [measure(each, truth), *interval(measure, each, truth)]
            for name, measure in measures.items()
            for when, each in scores.items()
        }
        after = scores['after']
        coverage, error = calibration.select_answers(after, truth, threshold)
        selective = dict(
            wished_error=args.error_rate,
            threshold=threshold,
            coverage=coverage,
            # Of no answers there is none.
            error=error if coverage else None,
        )
        path = files.calibration_file(args.checkpoint)
        pictures = dict(
            reliability=plots.reliability_figure(curves),
            risk_coverage=plots.risk_coverage_figure(
                *calibration.risk_coverage(after, truth), selective
            ),
        )
        for name, picture in pictures.items():
            picture.savefig(path.with_name(f'{path.stem}_{name}.png'), dpi=120)
        sha256 = files.checkpoint_hash(args.checkpoint)
        fit = dict(temperature=temperature, fitted_on=files.clip_names(fitted.clips))
        about = dict(selective=selective, checkpoint_sha256=sha256)
        write_json(path, dict(**fit, reported_on=len(truth), **table, **about))
    print(f'temperature {temperature:.3f}, fitted on {len(calibrated)} clips: {path}')
    print(f'on {len(truth)} other clips (95 % intervals):')
    shown = pd.DataFrame(table, index=['', 'low', 'high']).T
    print(shown.to_string(float_format='{:.3f}'.format))
    wrong = (after.argmax(axis=1) != truth).mean()
    found = f'{coverage:.1%} of the clips' + (f', wrong {error:.1%}' if coverage else '')
    print(
        f'answers above {threshold:.3f}, for an error rate of {args.error_rate:.0%}: {found} '
        f'(all: {wrong:.1%})'
    )


if __name__ == '__main__':
    run_program(main)
