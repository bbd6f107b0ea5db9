"""Lists and clips beside each other: what is wrong with them together."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from itertools import product
from pathlib import Path

from .findings import Finding
from .inspect_clips import ClipReport
from .published import find_wrong_order
from .splits import ListedClip, SplitListing

# Aligned faces are nearly square, and the corpora's 224 x 224 or a little less.
_ASPECT = 4 / 3
_LEAST_SIDE = 64


def compare(splits: Sequence[SplitListing], reports: Mapping[str, ClipReport]) -> list[Finding]:
    """All that shows when the lists of a config and the content of their clips are known.

    Args:
        splits: each dataloader and fold.
        reports: of each clip by its path.
    """
    lists: dict[str, list[ListedClip]] = defaultdict(list)
    for split in splits:
        for each in split.clips:
            if each.path is not None:
                lists[each.path].append(each)
    found = [
        finding
        for path, listed in lists.items()
        if path in reports
        for finding in _of_clip(reports[path], listed)
    ]
    for split in splits:
        found += [*_repeated(split), *_repeated_content(split, reports), *_counts(split)]
    evaluated = [split for split in splits if split.name != 'train']
    for train, other in product([split for split in splits if split.name == 'train'], evaluated):
        # Of several folds each is a run of its own.
        if None in (train.run, other.run) or train.run == other.run:
            found += _overlap(train, other, reports)
    # The same line may serve several dataloaders.
    return list(dict.fromkeys(found))


def _of_clip(report: ClipReport, listed: Sequence[ListedClip]) -> Iterator[Finding]:
    places = tuple(dict.fromkeys(each.place for each in listed))

    def finding(kind: str, message: str) -> Finding:
        return Finding(kind, message, report.path, places)

    for kind, message in report.problems:
        yield finding(kind, message)
    if not report.frames:
        return
    for each in listed:
        counted = each.num_frames
        if counted is not None and counted != report.frames and not report.unread:
            message = f'the list counts {counted} frames, {report.frames} are there'
            yield Finding('frame count', message, report.path, (each.place,))
            break
    if report.orientation:
        message = f'{report.orientation} of {report.frames} frames have one, which is ignored'
        yield finding('orientation tag', message)
    if len(report.sizes) > 1:
        sizes = ', '.join(f'{w}x{h} ({n})' for (h, w), n in report.sizes.most_common(3))
        yield finding('mixed sizes', f'frames of {len(report.sizes)} sizes: {sizes}')
    doubt = _face_doubt(report)
    if doubt:
        yield finding('no face crop?', doubt)


def _face_doubt(report: ClipReport) -> str:
    """Why a clip may be no face crop, by its frames' commonest size."""
    height, width = report.sizes.most_common(1)[0][0]
    if max(height, width) > _ASPECT * min(height, width):
        return f'frames of {width}x{height} are not nearly square: a whole picture?'
    if min(height, width) < _LEAST_SIDE:
        return f'frames of {width}x{height} are smaller than {_LEAST_SIDE} pixels'
    return ''


def _repeated(split: SplitListing) -> Iterator[Finding]:
    """Clips that the same list names twice."""
    first: dict[str, ListedClip] = {}
    for each in split.clips:
        before = first.setdefault(each.path or each.clip, each)
        if before is each:
            continue
        clip = each.path or each.clip
        if (before.label, before.text) == (each.label, each.text):
            message = f'already in line {before.line}'
            yield Finding('listed twice', message, clip, (each.place,))
        elif before.label == each.label:
            message = f'one caption in line {before.line}, another in line {each.line}'
            yield Finding('two captions', message, clip, (before.place, each.place))
        else:
            message = f'{before.label} in line {before.line}, {each.label} in line {each.line}'
            yield Finding('two labels', message, clip, (before.place, each.place))


def _by_content(
    split: SplitListing, reports: Mapping[str, ClipReport]
) -> dict[str, list[ListedClip]]:
    found: dict[str, dict[str, ListedClip]] = defaultdict(dict)
    for each in split.clips:
        there = reports.get(each.path or '')
        if there is not None and there.digest and there.frames:
            found[there.digest].setdefault(there.path, each)
    return {digest: [*listed.values()] for digest, listed in found.items()}


def _repeated_content(split: SplitListing, reports: Mapping[str, ClipReport]) -> Iterator[Finding]:
    for same in _by_content(split, reports).values():
        for other in same[1:]:
            first = same[0]
            message = f'the same files as {first.path} ({_place(first)})'
            if first.label == other.label:
                yield Finding('same content', message, other.path or '', (other.place,))
            else:
                message += f', which is {first.label}, while this is {other.label}'
                places = (other.place, first.place)
                yield Finding('same content, two labels', message, other.path or '', places)


def _overlap(
    train: SplitListing, other: SplitListing, reports: Mapping[str, ClipReport]
) -> Iterator[Finding]:
    paths = {each.path: each for each in other.clips if each.path}
    seen = {each.subject: each for each in other.clips if each.subject}
    for subject, each in {each.subject: each for each in train.clips}.items():
        if subject in seen:
            message = f'{subject} is also in {other.name} ({_place(seen[subject])})'
            yield Finding('subject in train and test', message, each.path or '', (each.place,))
    contents = _by_content(other, reports)
    for each in train.clips:
        places = (each.place,)
        if each.path in paths:
            message = f'also in {other.name} ({_place(paths[each.path])})'
            yield Finding('train and test', message, each.path or '', places)
            continue
        there = reports.get(each.path or '')
        twin = contents.get(there.digest) if there and there.digest else None
        if twin:
            message = f'the same files as {twin[0].path} of {other.name} ({_place(twin[0])})'
            yield Finding('same content in train and test', message, each.path or '', places)


def _counts(split: SplitListing) -> Iterator[Finding]:
    if not split.clips:
        return
    place = ((split.clips[0].file, 0),)
    count = split.count()
    for name in split.classes:
        if not count[name]:
            yield Finding('class without clips', f'{split.title}: no clips of {name}', '', place)
    wrong = find_wrong_order(split.dataset.CORPUS, count) if split.complete else ''
    if wrong:
        yield Finding('label order', f'{split.title}: {wrong}', '', place)
    published, _ = split.published()
    if published is not None and published != count.total():
        message = f'{split.title}: {count.total()} clips, {published} are published'
        yield Finding('published counts', message, '', place)


def _place(listed: ListedClip) -> str:
    if not listed.line:
        return Path(listed.file).name
    return f'{Path(listed.file).parent.name}/{Path(listed.file).name}:{listed.line}'
