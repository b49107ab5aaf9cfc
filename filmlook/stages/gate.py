"""GATE: what a film does in the gates of camera and projector from frame to frame.

SMPTE RP 105 tells two motions apart: *jump*, up and down, as fast as frames follow each other, and *weave*, from side to side
and much slower. A gate holds a frame to some ten micrometres: a projector's star wheel may be .0004 inch out, .06 % of the
height of a 35 mm frame, and perforations add to it. At `weave` 1 jump and weave together stay within .2 % of the height.

*Breathing* is film that does not lie flat: it bends towards the lens and back with warmth and tension, over seconds, which
changes sharpness and, by as much as the lens sees it nearer, size.

*Flicker* is light that varies from frame to frame. At 1 it is two per cent, about twice what an eye sees at its most sensitive
(Kelly 1961: one per cent, near 10 Hz).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from filmlook.look import Look
from filmlook.stages.chance import drift_at, normal

_JUMP, _SWAY, _SINK = 0.00035, 0.0005, 0.0002  # standard deviation over the picture's height, at weave 1
_WEAVE_FRAMES = (17.3, 29.1, 53.9, 97.7)  # .25 to 1.4 Hz at 24 frames a second
_BREATH_FRAMES = (41.0, 73.3, 127.1)
_SIZE = 0.0004  # of the picture, standard deviation at breath 1
_BLUR_UM = 4.0  # on the film, at a bend of one standard deviation
_FLICKER_STOPS = math.log2(1.02)
_LAMP_FRAMES = (11.9, 26.3, 61.7)  # of the slow half of flicker
_LANES = {"jump": 1, "sway": 2, "sink": 3, "bend": 4, "shutter": 5, "lamp": 6}


@dataclass(frozen=True)
class Position:
    """How a picture lies in the gate.

    Attributes:
        down, right: by how much of its height it is moved.
        size: by which its size is multiplied.
        blur_um: sigma of its blur, on the film.
    """

    down: float = 0.0
    right: float = 0.0
    size: float = 1.0
    blur_um: float = 0.0


def position(look: Look, seed: int, frame: int) -> Position:
    """How a frame lies in the gate."""
    down = right = bend = 0.0
    if look.weave:
        slow = drift_at(seed, frame, _LANES["sink"], _WEAVE_FRAMES) * _SINK
        down = look.weave * (normal(seed, frame, _LANES["jump"]) * _JUMP + slow)
        right = look.weave * drift_at(seed, frame, _LANES["sway"], _WEAVE_FRAMES) * _SWAY
    if look.breath:
        bend = look.breath * drift_at(seed, frame, _LANES["bend"], _BREATH_FRAMES)
    return Position(down, right, 1 + bend * _SIZE, abs(bend) * _BLUR_UM)


def flicker_stops(look: Look, seed: int, frame: int) -> float:
    """By how many stops a frame's light is off."""
    if not look.flicker:
        return 0.0
    fast, slow = normal(seed, frame, _LANES["shutter"]), drift_at(seed, frame, _LANES["lamp"], _LAMP_FRAMES)
    return look.flicker * _FLICKER_STOPS * (fast + slow) / math.sqrt(2)
