"""A page to analyse videos on, for this computer: ``python tools/app.py CONFIG CHECKPOINT``."""

from __future__ import annotations

import argparse
import os
import shutil
import tempfile
import threading
import time
from collections.abc import Iterable, Iterator
from contextlib import suppress
from functools import lru_cache
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Any

from arguments import run_program

if TYPE_CHECKING:
    from dferclip_mm.inference import EmotionAnalyzer
    from dferclip_mm.media.timed_frames import TimedFrame

# A browser that has the page fetches nothing from anywhere else, whatever Gradio would like.
POLICY = (
    "default-src 'self' data: blob: 'unsafe-inline' 'unsafe-eval'; form-action 'self'; "
    "frame-ancestors 'self'"
)
FORMATS = ('csv', 'json', 'srt', 'vtt', 'eaf', 'png', 'html')
# Seconds after which uploads and results are removed, and between two looks at them.
KEPT, LOOK = 1800, 60


def parse_arguments() -> argparse.Namespace:
    """Model, address, limits."""
    parser = argparse.ArgumentParser(
        description='Open a page on which videos are dropped or recorded, and their emotions over '
        'time are shown. Only this computer can open it. Uploads and results are removed after '
        'half an hour, and when the program ends.'
    )
    parser.add_argument('config', help="the model's config file, or an exported model (.onnx)")
    parser.add_argument('checkpoint', nargs='?', help='a trained model')
    parser.add_argument('--crop', help='file of measure_crop.py, as in analyze.py')
    parser.add_argument('--detector', default='mtcnn', help='of faces, as in analyze.py')
    parser.add_argument('--window', type=float, help='seconds, as in analyze.py')
    parser.add_argument('--device', help='cpu, cuda, …; a GPU where there is one by default')
    parser.add_argument(
        '--host', default='127.0.0.1', help='address (default: %(default)s, this computer alone)'
    )
    parser.add_argument('--port', type=int, default=7860, help='(default: %(default)s)')
    parser.add_argument(
        '--max-size', type=float, default=200, metavar='MB', help='of a video (default: 200)'
    )
    parser.add_argument(
        '--max-seconds', type=float, default=300, help='of a video (default: %(default)s)'
    )
    return parser.parse_args()


def read_classes(text: str) -> tuple[list[str], dict[str, list[str]]] | None:
    """Classes and their sentences from lines ``class: sentence``; None for those of the model.

    A class may have several lines.

    Raises:
        ValueError: when a line has no colon, or there is only one class.
    """
    prompts: dict[str, list[str]] = {}
    for line in filter(None, map(str.strip, text.splitlines())):
        name, colon, sentence = (part.strip() for part in line.partition(':'))
        if not (name and colon and sentence):
            raise ValueError(f'expected a line like "bored: heavy lids.", found {line!r}')
        prompts.setdefault(name, []).append(sentence)
    if len(prompts) == 1:
        raise ValueError('expected at least two classes, of which one is chosen')
    return ([*prompts], prompts) if prompts else None


def check_limits(size: float, seconds: float, *, max_size: float, max_seconds: float) -> None:
    """Raise ValueError when a video has more megabytes or seconds than are allowed."""
    if size > max_size:
        raise ValueError(f'expected a video of at most {max_size:g} MB, found {size:.0f} MB')
    if seconds > max_seconds:
        raise ValueError(
            f'expected a video of at most {max_seconds:g} seconds, found one of {seconds:.0f}: cut '
            'it, or use dferclip analyze'
        )


def build_page(args: argparse.Namespace, folder: Path) -> Any:
    """The page, whose results lie in a folder until they are removed."""
    import gradio

    from dferclip_mm.inference import EmotionAnalyzer
    from dferclip_mm.media.timed_frames import read_duration

    @lru_cache(maxsize=2)
    def analyzer(text: str) -> EmotionAnalyzer:
        classes, prompts = read_classes(text) or (None, None)
        settings = {name: getattr(args, name) for name in ('crop', 'detector', 'window', 'device')}
        return EmotionAnalyzer(
            args.config, args.checkpoint, classes=classes, prompts=prompts, **settings
        )

    print(f'loading {args.checkpoint or args.config}', flush=True)
    classes, model = ', '.join(analyzer('').classes), Path(args.checkpoint or args.config)
    print(f'its classes: {classes}; starting the page', flush=True)

    def analyze(video: str | None, text: str, progress: Any) -> tuple[Any, ...]:
        if video is None:
            raise ValueError('expected a video: drop one, choose one, or record one')
        limits = dict(max_size=args.max_size, max_seconds=args.max_seconds)
        size, declared = Path(video).stat().st_size / 1e6, read_duration(video)
        check_limits(size, declared, **limits)

        def shown(frames: Iterable[TimedFrame]) -> Iterator[TimedFrame]:
            for frame in frames:
                # A recording does not declare how long it is.
                check_limits(size, frame.time, **limits)
                share = frame.time / (declared or args.max_seconds)
                progress(min(share, 1.0), desc='looking for faces')
                yield frame

        timeline = analyzer(text)(video, progress=shown)
        out = Path(tempfile.mkdtemp(dir=folder))
        timeline.save(out, FORMATS)
        page = (out / 'timeline.html').read_text(encoding='utf-8')
        frame = (
            '<iframe title="report" sandbox="allow-scripts" '
            'style="width:100%;height:85vh;border:1px solid #d9dee6;border-radius:8px" '
            f'srcdoc="{escape(page)}"></iframe>'
        )
        found = timeline.summary
        said = f'Faces that were followed: {found["tracks"]}, answered: {found["tracks_answered"]}.'
        if not len(timeline.windows):
            said = 'No face was in view for long enough, so there is no answer.'
        tables = (timeline.segments, timeline.tracks)
        rounded = [table.drop(columns='video').round(2) for table in tables]
        files = [str(path) for path in sorted(out.iterdir())]
        return said, frame, str(out / 'timeline.png'), *rounded, files

    def answer(
        video: str | None,
        text: str,
        progress: Any = gradio.Progress(),  # noqa: B008
    ) -> tuple[Any, ...]:
        try:
            return analyze(video, text, progress)
        except (ValueError, OSError) as error:
            raise gradio.Error(
                str(error).replace(str(video), 'the video'), duration=None, print_exception=False
            ) from error

    with gradio.Blocks(title='Emotions over time', analytics_enabled=False) as page:
        gradio.Markdown(
            '# Emotions over time\n'
            f'Model: {model.name} of {Path(args.config).name}. Classes: {classes}.\n\n'
            f'Videos up to {args.max_seconds:g} seconds and {args.max_size:g} MB. They stay on the '
            'computer that runs this program, and are removed after half an hour, as are the '
            'results. An expression is not a feeling, and nobody is identified.'
        )
        with gradio.Row():
            video = gradio.Video(label='Video', sources=['upload', 'webcam'], include_audio=True)
            with gradio.Column():
                text = gradio.Textbox(
                    label='Other classes (a model without learned context)',
                    placeholder='bored: heavy lids and a slack face.\ninterested: wide eyes.',
                    lines=5,
                )
                start = gradio.Button('Analyse', variant='primary')
                said = gradio.Markdown()
        with gradio.Tab('Report'):
            report = gradio.HTML()
        with gradio.Tab('Plot'):
            plot = gradio.Image(show_label=False, type='filepath', interactive=False)
        with gradio.Tab('Tables'):
            segments = gradio.Dataframe(label='Segments', interactive=False)
            tracks = gradio.Dataframe(label='Faces', interactive=False)
        with gradio.Tab('Files'):
            files = gradio.Files(label='Files', interactive=False)
        start.click(
            answer,
            [video, text],
            [said, report, plot, segments, tracks, files],
            api_visibility='private',
        )
    return page


def remove_old(folder: Path, seconds: float) -> None:
    """Remove what lies in a folder and has not been changed for a time."""
    for path in folder.iterdir():
        with suppress(OSError):
            if path.stat().st_mtime < time.time() - seconds:
                shutil.rmtree(path)


async def add_policy(request: Any, answer: Any) -> Any:
    """Add `POLICY` to every answer of a web application."""
    response = await answer(request)
    response.headers['content-security-policy'] = POLICY
    return response


def serve(args: argparse.Namespace, folder: Path, ended: threading.Event) -> Any:
    """Start the page; another thread removes old files until the event."""
    from starlette.middleware import Middleware
    from starlette.middleware.base import BaseHTTPMiddleware

    # Gradio reads them when it is imported: no telemetry, and all its files in this folder.
    os.environ.update(
        GRADIO_ANALYTICS_ENABLED='False', GRADIO_TEMP_DIR=str(folder), HF_HUB_OFFLINE='1'
    )
    page = build_page(args, folder)

    def sweep() -> None:
        while not ended.wait(LOOK):
            remove_old(folder, KEPT)

    threading.Thread(target=sweep, daemon=True).start()
    page.queue(default_concurrency_limit=1)
    page.launch(
        server_name=args.host,
        server_port=args.port,
        share=False,
        prevent_thread_lock=True,
        max_file_size=f'{args.max_size:g}mb',
        footer_links=[],
        quiet=True,
        app_kwargs=dict(middleware=[Middleware(BaseHTTPMiddleware, dispatch=add_policy)]),
    )
    print(f'open {page.local_url} in a browser; Ctrl-C ends the page', flush=True)
    return page


def main() -> None:
    """Serve the page until Ctrl-C."""
    args = parse_arguments()

    from dferclip_mm.engine.run import friendly_errors

    ended = threading.Event()
    with friendly_errors(), tempfile.TemporaryDirectory(prefix='dferclip-') as folder:
        try:
            serve(args, Path(folder), ended).block_thread()
        except ImportError as error:
            raise ValueError(
                f"the page needs Gradio ({error}): pip install 'gradio>=6,<7'"
            ) from error
        finally:
            ended.set()


if __name__ == '__main__':
    run_program(main)
