from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest


def test_a_trained_run_is_compared_with_itself_untrained(
    work_dir: Path,
    run_tool: Callable[..., None],
    toy_config: str,
    capsys: pytest.CaptureFixture[str],
) -> None:
    hook = 'default_hooks.startup_check.type=StartupCheckHook'
    run_tool('train', toy_config, '--work-dir', 'runs/trained', '--cfg-options', hook)
    best = next(Path('runs/trained').glob('best_*.pth'))
    for name, files in (('trained', [best]), ('untrained', [])):
        saving = f'test_evaluator.save_to=runs/{name}/test_results.json'
        measures = 'test_evaluator.measures=[F1,top2]'
        options = ('--work-dir', 'w', '--cfg-options', hook, saving, measures)
        run_tool('test', toy_config, *files, *options)
    assert '"top2":' in Path('runs/trained/test_results.json').read_text()
    capsys.readouterr()
    run_tool('compare', 'runs/untrained', 'runs/trained', '--resamples', 200)
    lines = capsys.readouterr().out.splitlines()
    first, second = (
        next(line for line in lines if line.startswith(f'{name}  '))
        for name in ('untrained', 'trained')
    )
    assert first.split('  ')[-1] == second.split('  ')[-1] == 'lists of the dataset'
    assert '  no checkpoint  ' in first
    assert '  best dfer/WAR, validation clips  ' in second
    assert any(line.startswith('trained  WAR') for line in lines)
    run_tool('compare', 'runs/trained/test_results.json', '--names', 'x', '--format', 'csv')
    assert '\nx,13,,1,"best dfer/WAR,' in capsys.readouterr().out.replace('\r', '')
    # The tests of several seeds or folds are one run.
    run_tool('compare', 'runs', '--names', 'both')
    assert 'over 2 tests' in capsys.readouterr().out


@pytest.mark.parametrize(
    ('arguments', 'said'),
    [
        (
            ['nowhere'],
            'error: no results at nowhere: expected .*, a folder with test_.*save_to=nowhere',
        ),
        (['a', 'b', '--names', 'x'], '2'),
        (['a', 'a'], '2'),
    ],
)
def test_what_cannot_be_compared_is_refused(
    arguments: list[str], said: str, work_dir: Path, run_tool: Callable[..., None]
) -> None:
    with pytest.raises(SystemExit, match=said):
        run_tool('compare', *arguments)
