"""The settings as JSON Schema, made from `SETTINGS`."""

from __future__ import annotations

from typing import Any

from filmlook.look import LOOK_VERSION, SETTINGS, Setting
from filmlook.schedule import MOST_TEXT


def look_schema(moving: bool = False) -> dict[str, Any]:
    """JSON Schema (2020-12) of a look: settings by key, all of them optional; and `look`, a preset that they change, with
    `lens`, what is put on it. In one that may be `moving` a number may be a schedule."""
    properties: dict[str, Any] = {
        "look": {"type": "string", "description": "A preset that the other settings change."},
        "lens": {"type": "string", "description": "A lens that is put on it before the other settings."},
        "version": {"type": "integer", "minimum": 1, "maximum": LOOK_VERSION},
    }
    properties.update({setting.key: _setting(setting, moving) for setting in SETTINGS})
    return {
        "type": "object",
        "title": "Look",
        "additionalProperties": False,
        "properties": properties,
        "examples": [{"look": "gold-snapshot", "grain": 1.4}],
    }


def _setting(setting: Setting, moving: bool) -> dict[str, Any]:
    about = {"title": setting.caption, "description": setting.help, "default": setting.default, "x-group": setting.group}
    if setting.is_number:
        steps = {"x-step": setting.step, "x-unit": setting.unit}  # of a slider; values between them are allowed
        kind = {"type": ["number", "string"], "maxLength": MOST_TEXT} if moving else {"type": "number"}
        return {**kind, "minimum": setting.low, "maximum": setting.high, **about, **steps}
    if setting.choices:
        return {"type": "string", "enum": list(setting.choices), **about, "x-labels": list(setting.labels)}
    return {"type": "string", **about, "description": f"{setting.help} Allowed: {setting.names}."}
