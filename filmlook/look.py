"""A look: the stock and settings a user chooses. Every setting of the project is declared here, once.

The fields of `Look` are the settings; what stands beside each (group, label, unit, range, step, default, help) makes the
command line, the user interface, the API schema, the infotext and the documentation. Programs write these keys: they stay.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from numbers import Real
from typing import Any
from urllib.parse import quote, unquote

from filmlook.errors import LookError
from filmlook.paths import tell_once

LOOK_VERSION = 2  # raise it when a saved look would render differently, and convert the older ones in `from_dict`

FRAMES_MM = {  # the long side of the picture on film
    "super8": 5.79,
    "16mm": 10.26,
    "half": 24.0,
    "super35": 24.89,
    "35mm": 36.0,
    "medium": 56.0,
    "large": 121.0,
}
"""Film formats: the long side of the exposed frame in millimetres."""

_FRAME_LABELS = dict(
    zip(
        FRAMES_MM,
        ("Super 8", "16 mm", "Half frame", "Super 35", "35 mm", "Medium format", "Large format"),
        strict=True,
    )
)


@dataclass(frozen=True)
class Setting:
    """One setting's declaration. A number has `low`, `high` and `step`; a choice has `choices` with what people read for each
    (`labels`), or names something installed: what that may be, `names` tells."""

    key: str
    group: str
    label: str
    help: str
    default: float | str
    unit: str = ""
    low: float = 0.0
    high: float = 0.0
    step: float = 0.0
    choices: tuple[str, ...] = ()
    labels: tuple[str, ...] = ()
    names: str = ""

    @property
    def is_number(self) -> bool:
        return isinstance(self.default, float)

    @property
    def caption(self) -> str:
        """The label with its unit, as people see it."""
        return f"{self.label} ({self.unit})" if self.unit not in ("", "x") else self.label

    def label_of(self, value: Any) -> Any:
        """What people read for one of the choices; anything else as it is."""
        return self.labels[self.choices.index(value)] if value in self.choices else value

    def choice_of(self, label: Any) -> Any:
        """The choice that people read as `label`; anything else as it is."""
        return self.choices[self.labels.index(label)] if label in self.labels else label

    def check(self, value: Any) -> float | str:
        """The value in its own type, or a `LookError` naming the setting, the value and what is allowed."""
        if not self.is_number:
            if isinstance(value, str) and value and (not self.choices or value in self.choices):
                return value
            allowed = ", ".join(self.choices) or self.names
            raise LookError(f"{self.key} is {value!r}; allowed: {allowed}")
        number: Any = value if isinstance(value, Real) and not isinstance(value, bool) else math.nan
        if self.low <= number <= self.high:  # before it is made a float, for which a whole number may be too large
            return float(number)
        if self.unit:
            raise LookError(f"{self.key} is {value!r}; allowed: a number from {self.low:g} to {self.high:g} {self.unit}")
        raise LookError(f"{self.key} is {value!r}; allowed: a number from {self.low:g} to {self.high:g}")


def _number(group: str, label: str, low: float, high: float, step: float, default: float, text: str, unit: str = "") -> Any:
    return field(
        default=float(default),
        metadata={
            "default": float(default),
            "group": group,
            "label": label,
            "low": low,
            "high": high,
            "step": step,
            "help": text,
            "unit": unit,
        },
    )


def _choice(group: str, label: str, default: str, text: str, choices: Mapping[str, str] | None = None, names: str = "") -> Any:
    """A setting that is chosen: of `choices`, with what people read for each."""
    told = {"default": default, "group": group, "label": label, "help": text, "names": names}
    return field(default=default, metadata={**told, "choices": tuple(choices or ()), "labels": tuple((choices or {}).values())})


@dataclass(frozen=True)
class Look:
    """What the user chooses. Frozen, comparable, and checked on creation: a wrong value raises `LookError`."""

    stock: str = _choice(
        "Film", "Stock", "kodak_gold_200", "The film: the name of an installed stock.", names="the name of a stock"
    )
    print: str = _choice(
        "Film",
        "Print",
        "stock",
        "What the film is looked at on: a scan, a paper, the negative itself.",
        names="stock, minilab, negative, or the name of a paper",
    )
    frame: str = _choice(
        "Film",
        "Film format",
        "stock",
        "Size of the film the picture is taken on. On a smaller film grain and halation are larger in the picture.",
        {"stock": "The stock's own", **_FRAME_LABELS},
    )
    strength: float = _number(
        "Film", "Strength", 0, 1, 0.01, 1, "How much of the film is mixed into the picture. 0 leaves it as it is."
    )
    exposure: float = _number(
        "Film", "Exposure", -4, 4, 0.05, 0, "Exposure in the camera; the print is not corrected for it.", "stops"
    )
    rating: float = _number(
        "Film",
        "Overexposure",
        -2,
        4,
        0.05,
        0,
        "More light on the film, which the printer takes back: a film of ISO 400 rated at 200 is 1.",
        "stops",
    )
    lab: float = _number(
        "Film",
        "Lab",
        0,
        1,
        0.01,
        0,
        "How far exposure and cast are corrected, as a minilab's operator would; alike for all of a batch or a film.",
    )
    push: float = _number(
        "Film", "Push", -4, 4, 0.05, 0, "Longer (or shorter) development: speed, contrast and grain rise.", "stops"
    )
    interimage: float = _number(
        "Film",
        "Interimage effect",
        0,
        2,
        0.01,
        1,
        "How strongly the film's layers hold each other back, which makes colours purer; 1 is the stock's own.",
        "x",
    )
    effect_size: float = _number(
        "Film", "Effect size", 0.25, 8, 0.05, 1, "Multiplies every length on the film: diffusion, halation, grain.", "x"
    )
    context: str = _choice(
        "Film",
        "Network context",
        "thumbnail",
        "What a network stock judges the whole picture by: a thumbnail, or all its pixels (slower). Other stocks do not judge.",
        {"thumbnail": "A thumbnail", "exact": "All pixels"},
    )
    filter: str = _choice(
        "Lens",
        "Colour filter",
        "none",
        "A filter in front of the lens, its loss of light given back. On black and white yellow to red darken skies.",
        {
            **{"none": "No filter", "yellow-8": "Yellow 8", "orange-21": "Orange 21", "red-25": "Red 25"},
            **{"green-11": "Green 11", "blue-47": "Blue 47"},
        },
    )
    light_balance: float = _number(
        "Lens",
        "Light balance",
        -200,
        200,
        1,
        0,
        "Shifts the light's colour before the film, + warms: an 85 filter is 112, an 80A -131, tungsten film in daylight -112.",
        "mired",
    )
    diffusion: str = _choice(
        "Lens",
        "Diffusion filter",
        "glimmerglass",
        "The family of diffusion filter in front of the lens.",
        {
            "glimmerglass": "Glimmerglass",
            "black-pro-mist": "Black Pro-Mist",
            "pro-mist": "Pro-Mist",
            "cinebloom": "CineBloom",
        },
    )
    diffusion_grade: float = _number(
        "Lens",
        "Diffusion grade",
        0,
        2,
        0.01,
        0,
        "Strength of the filter as it is sold: 1/8, 1/4, 1/2, 1, 2. 0 is none.",
    )
    softness: float = _number(
        "Lens", "Optical softness", 0, 60, 1, 0, "Blur of the lens, on the film: takes the crispness off a picture.", "um"
    )
    vignette: float = _number("Lens", "Vignette", 0, 1, 0.01, 0, "Light lost towards the corners; at 1 they lose two stops.")
    highlights: float = _number(
        "Lens",
        "Highlight recovery",
        0,
        5,
        0.05,
        0,
        "Light rebuilt above the picture's white, for what diffusion and halation spread. A flat white stays as it is.",
        "stops",
    )
    halation: float = _number("Halation", "Halation", 0, 8, 0.05, 1, "Glow from the film base; 1 is the stock's own.")
    halation_size: float = _number("Halation", "Halation size", 0.25, 4, 0.05, 1, "Reach of the glow.", "x")
    sharpness: float = _number(
        "Emulsion", "Sharpness", 0, 3, 0.05, 1, "The film's own sharpness and edge effect; 1 is the stock's own."
    )
    grain: float = _number("Grain", "Grain", 0, 8, 0.05, 1, "Granularity; 1 is what the datasheet says.")
    grain_size: float = _number("Grain", "Grain size", 0.25, 4, 0.05, 1, "Size of the grain on the film.", "x")
    grain_colour: float = _number(
        "Grain", "Grain colour", 0, 1, 0.01, 1, "From one grain for all layers (0) to the layers' own (1)."
    )
    grain_shadows: float = _number("Grain", "Grain in shadows", 0, 4, 0.05, 1, "Multiplies the grain of shadows.", "x")
    grain_mids: float = _number("Grain", "Grain in mid-tones", 0, 4, 0.05, 1, "Multiplies the grain of mid-tones.", "x")
    grain_highlights: float = _number("Grain", "Grain in highlights", 0, 4, 0.05, 1, "Multiplies the grain of highlights.", "x")
    print_exposure: float = _number("Print", "Print exposure", -2, 2, 0.01, 0, "More light on the paper darkens it.", "stops")
    light_red: float = _number("Print", "Printer light, red", -2, 2, 0.01, 0, "More makes the print redder.", "stops")
    light_green: float = _number("Print", "Printer light, green", -2, 2, 0.01, 0, "More makes the print greener.", "stops")
    light_blue: float = _number("Print", "Printer light, blue", -2, 2, 0.01, 0, "More makes the print bluer.", "stops")
    contrast: float = _number("Print", "Contrast", 0, 2, 0.01, 1, "Contrast of the print around mid-grey.")
    saturation: float = _number("Print", "Saturation", 0, 2, 0.01, 1, "Colourfulness of the print; 0 is grey.")
    black: float = _number(
        "Print", "Black point", 0, 3, 0.05, 0, "0 is a scanner's black, 1 is the print's own, above that blacks fade."
    )
    white: float = _number(
        "Print", "White point", 0, 3, 0.05, 0, "0 is a scanner's white, 1 is the print's own, above that whites fade."
    )
    toning: str = _choice(
        "Print",
        "Toning",
        "none",
        "Chemical toning of black and white prints; colour stocks are not toned.",
        {"none": "No toning", "sepia": "Sepia", "selenium": "Selenium", "gold": "Gold", "blue": "Blue"},
    )
    tone_shadows: float = _number("Print", "Split toning, shadows", 0, 1, 0.01, 0, "How much colour shadows take on.")
    tone_shadows_hue: float = _number(
        "Print",
        "Split toning, hue of shadows",
        0,
        360,
        1,
        0,
        "Red is 0, yellow 60, green 120, cyan 180, blue 240, magenta 300.",
        "degrees",
    )
    tone_highlights: float = _number("Print", "Split toning, highlights", 0, 1, 0.01, 0, "How much colour highlights take on.")
    tone_highlights_hue: float = _number(
        "Print",
        "Split toning, hue of highlights",
        0,
        360,
        1,
        0,
        "Red is 0, yellow 60, green 120, cyan 180, blue 240, magenta 300. A sepia is about 40.",
        "degrees",
    )
    scan_softness: float = _number(
        "Print",
        "Scan softness",
        0,
        30,
        0.5,
        6,
        "Blur of enlarger or scanner, on the film: of picture and grain.",
        "um",
    )
    weave: float = _number(
        "Projection", "Gate weave", 0, 4, 0.05, 0, "A film's frames sway and jump in the gate; 1 is a good projection."
    )
    breath: float = _number(
        "Projection", "Breathing", 0, 4, 0.05, 0, "Film bends in the gate: sharpness and size change over seconds."
    )
    flicker: float = _number("Projection", "Flicker", 0, 4, 0.05, 0, "Light that varies from frame to frame; 1 is hardly seen.")
    dust: float = _number(
        "Projection", "Dust", 0, 4, 0.05, 0, "Dust on the film, new on each frame: white from a negative, dark on a slide."
    )
    scratches: float = _number(
        "Projection",
        "Scratches",
        0,
        4,
        0.05,
        0,
        "Scratches along the film, of its base and its emulsion; they stay for seconds.",
    )

    aperture: float = _number(
        "Depth", "Aperture", 0, 22, 0.1, 0, "f-number that blurs by a depth map, at most as f/1.2 does; 0 is all sharp."
    )
    focal_length: float = _number(
        "Depth", "Focal length", 10, 300, 1, 50, "Longer lenses blur more; what is in the picture stays.", "mm"
    )
    focus: float = _number(
        "Depth", "Focus", 0, 1, 0.01, 0.2, "What is sharp: 0 is the nearest of the depth map, 1 the farthest."
    )
    depth_near: float = _number("Depth", "Nearest", 0.4, 100, 0.1, 1.5, "How far away the depth map's white is.", "m")
    depth_far: float = _number(
        "Depth", "Farthest", 0.4, 1000, 0.1, 30, "How far away its black is; no less than the nearest.", "m"
    )
    bokeh: str = _choice(
        "Depth",
        "Bokeh",
        "round",
        "The aperture's shape, which lamps out of focus show.",
        {"round": "Round", **{f"blades-{n}": f"{n} blades" for n in range(5, 10)}, "anamorphic": "Anamorphic"},
    )
    cats_eye: float = _number(
        "Depth", "Cat's eyes", 0, 1, 0.01, 0, "How much of the discs the lens's barrel hides towards the corners."
    )
    swirl: float = _number(
        "Depth", "Swirl", 0, 1, 0.01, 0, "Draws the discs out around the picture's middle, as a Petzval lens does."
    )
    aberration: float = _number(
        "Lens",
        "Chromatic aberration",
        0,
        1,
        0.01,
        0,
        "Colours part towards the corners, and, with a depth map, before and behind what is sharp.",
    )
    glow: float = _number(
        "Lens",
        "Soft focus",
        0,
        1,
        0.01,
        0,
        "A veil of light around a sharp core: the spherical aberration of an old fast lens.",
    )
    distortion: float = _number(
        "Lens", "Distortion", -1, 1, 0.01, 0, "Bends straight lines outwards as a barrel; below 0 inwards as a cushion."
    )
    flare: float = _number("Lens", "Flare", 0, 1, 0.01, 0, "Ghosts of lamps across the picture's middle, and their veil.")
    streak: float = _number("Lens", "Streaks", 0, 1, 0.01, 0, "Lamps' horizontal streaks, as of an anamorphic lens.")
    vignette_x: float = _number(
        "Lens", "Vignette's middle, across", -1, 1, 0.01, 0, "-1 is the picture's left edge, 1 its right one."
    )
    vignette_y: float = _number(
        "Lens", "Vignette's middle, down", -1, 1, 0.01, 0, "-1 is the picture's upper edge, 1 its lower one."
    )
    vignette_shape: float = _number(
        "Lens",
        "Vignette's shape",
        -1,
        1,
        0.01,
        0,
        "0 is natural; above it only the corners darken, below it all but the middle.",
    )

    def __post_init__(self) -> None:
        for setting in SETTINGS:
            object.__setattr__(self, setting.key, setting.check(getattr(self, setting.key)))

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> Look:
        """A look from settings by key, as `to_dict` writes them; missing keys take their default.

        Raises:
            LookError: an unknown key, a value out of range, or a version newer than this program's.
        """
        if not isinstance(values, dict):
            raise LookError(f"a look is a table of settings, not {type(values).__name__}")
        settings = {k: v for k, v in values.items() if k != "version"}
        version = values.get("version", LOOK_VERSION)
        if isinstance(version, bool) or version not in range(1, LOOK_VERSION + 1):
            raise LookError(f"version is {version!r}; this Film Look reads looks up to version {LOOK_VERSION}")
        if version < 2:
            tell_once(
                "a look of version 1 was converted: film and print are apart now, so it comes out a little different; "
                "its print has a scanner's black and white (black 1 and white 1 are the print's own)"
            )
        for key in settings:
            if key not in _KEYS:
                raise LookError(f"unknown setting {key!r}; settings are: {', '.join(_KEYS)}")
        return cls(**settings)

    def to_dict(self) -> dict[str, float | str]:
        """Version and stock, and every setting that is not at its default."""
        return {
            "version": LOOK_VERSION,
            "stock": self.stock,
            **{s.key: getattr(self, s.key) for s in SETTINGS[1:] if getattr(self, s.key) != s.default},
        }

    def to_json(self) -> str:
        return json.dumps(self.to_dict())

    @classmethod
    def from_json(cls, text: str) -> Look:
        try:
            return cls.from_dict(json.loads(text))
        except (ValueError, RecursionError) as error:
            raise LookError(f"not a look in JSON: {error}") from None

    def to_text(self) -> str:
        """One line that survives an infotext: no comma, colon, quote or line break, nothing like 35x24."""
        parts = [f"{k}={v:.15g}" if isinstance(v, float) else f"{k}={quote(v, '')}" for k, v in _items(self)]
        return f"v{LOOK_VERSION} " + " ".join(parts)

    @classmethod
    def from_text(cls, text: str) -> Look:
        """The inverse of `to_text`."""
        version, *parts = text.split() or [""]
        if not version[:1] == "v" or not version[1:].isdecimal() or len(version) > 9:
            raise LookError(f"not a look: {text[:60]!r}; it begins with v{LOOK_VERSION}")
        values: dict[str, Any] = {"version": int(version[1:])}
        for part in parts:
            key, _, value = part.partition("=")
            setting = _KEYS.get(key)
            try:
                values[key] = float(value) if setting and setting.is_number else unquote(value)
            except ValueError:
                values[key] = value  # refused by name below
        return cls.from_dict(values)


def _items(look: Look) -> list[tuple[str, float | str]]:
    return [(k, v) for k, v in look.to_dict().items() if k != "version"]


SETTINGS: tuple[Setting, ...] = tuple(Setting(f.name, **f.metadata) for f in fields(Look))
"""Every setting, in the order a user meets it."""

_KEYS = {setting.key: setting for setting in SETTINGS}
