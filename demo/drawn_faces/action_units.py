"""Facial action units: the movements of which every drawn expression is made.

The numbers are those of the Facial Action Coding System (Ekman, Friesen and Hager, 2002).
"""

from __future__ import annotations

from collections.abc import Mapping

ACTION_UNITS: dict[int, str] = {
    1: 'inner brow raiser',
    2: 'outer brow raiser',
    4: 'brow lowerer',
    5: 'upper lid raiser',
    6: 'cheek raiser',
    7: 'lid tightener',
    9: 'nose wrinkler',
    10: 'upper lip raiser',
    12: 'lip corner puller',
    14: 'dimpler',
    15: 'lip corner depressor',
    17: 'chin raiser',
    20: 'lip stretcher',
    24: 'lip pressor',
    25: 'lips part',
    26: 'jaw drop',
    43: 'eyes closed',
}
BROW_UNITS = (1, 2, 4)
MOUTH_UNITS = (10, 12, 14, 15, 17, 20, 24, 25, 26)


def all_units(units: Mapping[int, float]) -> dict[int, float]:
    """Complete a set of action units: every one of `ACTION_UNITS`, those not named at rest.

    Raises:
        ValueError: for a unit that is not drawn, or an intensity outside [0, 1].
    """
    complete = dict.fromkeys(ACTION_UNITS, 0.0)
    for unit, intensity in units.items():
        if unit not in complete:
            known = ', '.join(map(str, ACTION_UNITS))
            raise ValueError(f'Expected action units among {known}, found {unit}; leave it out.')
        if not 0.0 <= intensity <= 1.0:
            raise ValueError(
                f'Expected an intensity in [0, 1] for action unit {unit}, found {intensity}; '
                'scale it.'
            )
        complete[unit] = float(intensity)
    return complete
