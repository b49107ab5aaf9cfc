"""Writes docs/settings.md, the table of all settings, from `filmlook.look`.

python docs/settings.py
"""

from __future__ import annotations

from pathlib import Path

from filmlook.look import FRAMES_MM, SETTINGS

TARGET = Path(__file__).with_name("settings.md")


def page() -> str:
    """The page's text."""
    lines = ["# Settings", "", "Made from `filmlook/look.py` by `python docs/settings.py`.", ""]
    for group in dict.fromkeys(s.group for s in SETTINGS):
        lines += [f"## {group}", "", "| key | label | range | default | |", "|---|---|---|---|---|"]
        for s in (s for s in SETTINGS if s.group == group):
            unit = f" {s.unit}" if s.unit else ""
            allowed = f"{s.low:g} to {s.high:g}{unit}" if s.is_number else ", ".join(f"`{c}`" for c in s.choices) or s.names
            default = f"{s.default:g}" if isinstance(s.default, float) else f"`{s.default}`"
            lines.append(f"| `{s.key}` | {s.label} | {allowed} | {default} | {s.help} |")
        lines.append("")
    frames = ", ".join(f"`{name}` {mm:g} mm" for name, mm in FRAMES_MM.items())
    return "\n".join([*lines, f"The long side of the film formats: {frames}.", ""])


if __name__ == "__main__":
    TARGET.write_text(page(), encoding="utf-8")
