"""Install this project's requirements into the environment whose Python runs this file.

In an environment that ``make`` created, everything gets the exact tested versions of
constraints.txt. In one that somebody else made, what is installed stays as it is, unless it lies
outside the ranges of setup.py; only what is missing comes from constraints.txt, and mmcv-lite only
where there is no mmcv.
"""

from __future__ import annotations

import argparse
import importlib.metadata
import importlib.util
import re
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
CONSTRAINTS = Path(__file__).resolve().parent / 'constraints.txt'


def canonical(name: str) -> str:
    """The one spelling of a distribution's name (``Open_CLIP.torch`` -> ``open-clip-torch``)."""
    return re.sub(r'[-_.]+', '-', name).lower()


def constraints_for(lines: list[str], installed: dict[str, str]) -> list[str]:
    """What pip is held to: the pins of what is missing, and what must go with what is there.

    Args:
        lines: of constraints.txt.
        installed: canonical name -> version of what the environment has.
    """
    pins = [line for line in lines if line.strip() and not line.startswith('#')]
    missing = [pin for pin in pins if canonical(pin.split('==')[0]) not in installed]
    torch = installed.get('torch', '').split('+')[0]
    if torch:
        # Each torchvision wants one torch: without this line pip would replace the user's torch.
        missing.append(f'torch=={torch}')
        if f'torch=={torch}' not in pins:
            missing = [pin for pin in missing if not pin.startswith('torchvision==')]
    # Both OpenCV packages write one folder, so they must have one version.
    pair = ('opencv-python', 'opencv-contrib-python')
    for there, other in (pair, pair[::-1]):
        if there in installed and other not in installed:
            missing = [pin for pin in missing if not pin.startswith(f'{other}==')]
            missing.append(f'{other}=={installed[there]}')
    return missing


def pip_install(constraints: Path, *wanted: str) -> None:
    """Run pip with its own output showing; its failure ends this program."""
    command = [sys.executable, '-m', 'pip', 'install', '--disable-pip-version-check']
    command += ['--constraint', str(constraints), *wanted]
    print('+', ' '.join(command), flush=True)
    done = subprocess.run(command, cwd=ROOT, check=False)
    if done.returncode:
        raise SystemExit(f'pip failed with exit code {done.returncode}; its last lines say why')


def main() -> None:
    """Install the package with the extras that testing and ``mim`` need."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument('--exact', action='store_true', help='every version as in constraints.txt')
    exact = parser.parse_args().exact

    installed: dict[str, str] = {}
    if not exact:
        for entry in importlib.metadata.distributions():
            if entry.metadata['Name']:
                installed.setdefault(canonical(entry.metadata['Name']), entry.version)
    pins = constraints_for(CONSTRAINTS.read_text().splitlines(), installed)
    extras = ['mim', 'tests', 'docs']
    if exact or importlib.util.find_spec('mmcv') is None:
        extras.append('mmcv-lite')
    with tempfile.TemporaryDirectory() as folder:
        constraints = Path(folder) / 'constraints.txt'
        constraints.write_text('\n'.join(pins) + '\n')
        # First what builds the package, so that building it downloads nothing of its own.
        pip_install(constraints, 'setuptools>=77.0.3,<82')
        pip_install(constraints, '--no-build-isolation', f'.[{",".join(extras)}]')


if __name__ == '__main__':
    main()
