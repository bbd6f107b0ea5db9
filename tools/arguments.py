"""The options that the programs share, and how they start.

Nothing beyond the standard library is imported here, and the programs import the rest after they
have read the command line: ``--help`` and a wrong command line take no time.
"""

from __future__ import annotations

import argparse
import os
import signal
import sys
from collections.abc import Callable


def run_program(main: Callable[[], None]) -> None:
    """Run a program, which Ctrl-C ends in one line also while it imports PyTorch.

    From there on ``friendly_errors`` does so. It ends in silence where the reader of its output,
    such as ``head``, has closed the pipe.
    """
    before = signal.getsignal(signal.SIGINT)
    # Ignored in what a shell starts in the background.
    if before is signal.default_int_handler:
        signal.signal(signal.SIGINT, _end)
    try:
        main()
        sys.stdout.flush()
    except BrokenPipeError:
        # What is left would fail again when the interpreter ends.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        raise SystemExit(128 + 13) from None
    finally:
        signal.signal(signal.SIGINT, before)


def _end(number: int, frame: object) -> None:
    # Libraries would catch an exception within their imports.
    os.write(2, b'\ninterrupted\n')
    os._exit(128 + number)


def setting(text: str) -> str:
    """A ``key=value`` of ``--cfg-options``."""
    key, equals, value = text.partition('=')
    if not (equals and key) or key != key.strip() or value != value.strip():
        raise argparse.ArgumentTypeError(
            f'expected key=value without blanks around it or "=", found {text!r}; quote a value '
            'that has blanks, as in "key=two words", and twice where they are at its ends'
        )
    return text


def add_cfg_options(parser: argparse.ArgumentParser) -> None:
    """Add ``--cfg-options``."""
    parser.add_argument(
        '--cfg-options',
        nargs='+',
        action='extend',
        default=[],
        type=setting,
        metavar='KEY=VALUE',
        help='settings that override the config, with dots between levels; a list is "key=[a,b]", '
        'and "key=[a word, \'this, too\']" keeps blanks and quoted commas',
    )


def add_run_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options that MMAction2's own programs, ``mim`` and torchrun rely on."""
    parser.add_argument('config', help='config file')
    parser.add_argument('--work-dir', help='folder for logs and checkpoints; created')
    parser.add_argument('--launcher', choices=['none', 'pytorch', 'slurm', 'mpi'], default='none')
    # `mim` still passes it, through torch.distributed.launch.
    parser.add_argument('--local_rank', '--local-rank', type=int, default=0)
    add_cfg_options(parser)


def add_data_root_option(parser: argparse.ArgumentParser) -> None:
    """Add ``--data-root``."""
    parser.add_argument('--data-root', metavar='DIR', help='data_root of every dataset')


def add_data_options(parser: argparse.ArgumentParser) -> None:
    """Add ``--data-root`` and ``--fold``."""
    add_data_root_option(parser)
    parser.add_argument('--fold', type=int, metavar='N', help='fold of every dataset, from 1')


def add_batch_size_option(parser: argparse.ArgumentParser) -> None:
    """Add ``--batch-size``."""
    parser.add_argument(
        '--batch-size',
        type=int,
        metavar='N',
        help='clips per process in one step, as batch_size in the config; with several GPUs a step '
        'has N clips on each',
    )


def add_face_options(parser: argparse.ArgumentParser) -> None:
    """How and in which frames faces are searched for, and which faces count."""
    parser.add_argument(
        '--detector',
        default='mtcnn',
        help="'mtcnn', a YuNet file (.onnx), or for one video a table of boxes (.csv)",
    )
    parser.add_argument('--every', type=int, default=3, help='detect in every n-th frame')
    parser.add_argument(
        '--min-face',
        type=float,
        default=24,
        metavar='PIXELS',
        help='leave out faces that are less high (default: %(default)s)',
    )
