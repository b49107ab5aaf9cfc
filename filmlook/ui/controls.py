"""The settings as components: all of them made from `SETTINGS`, in the order and the groups that stand there."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import gradio as gr

from filmlook.errors import FilmLookError
from filmlook.look import SETTINGS, Look, Setting
from filmlook.look_choice import SEED_MODES, VALUES, key_of_label
from filmlook.prints import OWN, print_labels
from filmlook.stock import load_stock, stock_labels

FIRST = ("stock", "print", "strength")
"""What stands before the groups."""

REFRESH = "\U0001f504"
_IN_A_ROW = 2
_HUE = "_hue"  # ends the key of a strength's hue, which stands beside the strength


@dataclass(frozen=True)
class Controls:
    """The components of a look and of its grain's seed.

    Attributes:
        settings: a component for every setting, by key.
        seed_mode: one of `SEED_MODES`.
        seed: the seed, where the mode is "fixed".
    """

    settings: dict[str, Any]
    seed_mode: Any
    seed: Any

    @property
    def all(self) -> list[Any]:
        """Every component, in the order that `LookChoice.from_values` reads."""
        return [self.by_key[key] for key in VALUES]

    @property
    def by_key(self) -> dict[str, Any]:
        """Every component by its key in `VALUES`."""
        return {**self.settings, "seed_mode": self.seed_mode, "seed": self.seed}


def stock_choices() -> list[str]:
    """The labels of the installed stocks. Labels are the dropdown's values: gradio 3 does not show one for the other."""
    return sorted(stock_labels().values(), key=str.lower)


def _prints_of(stock: str | None) -> dict[str, str]:
    """Names and labels of the prints that a stock, told by label or name, allows; its own alone where none is chosen, or where
    it cannot be read."""
    try:
        if stock:
            return print_labels(load_stock(key_of_label(stock, stock_labels()), allow_path=False))
    except FilmLookError:
        pass  # it is told of where the stock is used
    return {OWN: print_labels()[OWN]}


def _follow_stock(stock: str | None, chosen: str | None) -> Any:
    """The dropdown of prints for a stock; a chosen print that it does not allow becomes the stock's own."""
    labels = _prints_of(stock)
    choices = list(labels.values())
    return gr.update(choices=choices, **({} if chosen in choices else {"value": labels[OWN]}))


def _refreshed(stock: str | None, chosen: str | None) -> list[Any]:
    """Both dropdowns, with what lies in the folders now."""
    return [gr.update(choices=stock_choices()), _follow_stock(stock, chosen)]


def groups() -> dict[str, list[Setting]]:
    """The settings by group, less those that stand before the groups."""
    found: dict[str, list[Setting]] = {}
    for setting in SETTINGS:
        if setting.key not in FIRST:
            found.setdefault(setting.group, []).append(setting)
    return found


def build_controls(prefix: str, look: Look) -> Controls:
    """Lays out the components of all settings. Element ids are `<prefix>_film_look_<key>`; to be called inside a Blocks.

    Args:
        prefix: of the element ids, another one for every place.
        look: the values to begin with.
    """
    by_key = {setting.key: setting for setting in SETTINGS}
    built: dict[str, Any] = {}
    with gr.Row():
        built["stock"] = _component(by_key["stock"], prefix, look)
        built["print"] = _component(by_key["print"], prefix, look)
        refresh = gr.Button(REFRESH, elem_id=f"{prefix}_film_look_refresh_stocks", elem_classes=["tool", "film-look-tool"])
    built["strength"] = _component(by_key["strength"], prefix, look)
    both = [built["stock"], built["print"]]
    refresh.click(fn=_refreshed, inputs=both, outputs=both, show_progress=False)
    # by whatever it was changed: a preset, a pasted infotext and "send to" set both, and their print is allowed
    built["stock"].change(fn=_follow_stock, inputs=both, outputs=[built["print"]], show_progress=False)
    for group, settings in groups().items():
        with gr.Accordion(group, open=False, elem_id=f"{prefix}_film_look_{group.lower()}_group"):
            for row in _rows(settings):
                with gr.Row():
                    for setting in row:
                        built[setting.key] = _component(setting, prefix, look)
            if group == "Grain":
                with gr.Row():
                    seed_mode = gr.Dropdown(
                        label="Grain seed",
                        info="The same seed gives the same grain.",
                        choices=list(SEED_MODES.values()),
                        value=SEED_MODES["picture"],
                        elem_id=f"{prefix}_film_look_seed_mode",
                    )
                    seed = gr.Number(label="Fixed grain seed", value=0, precision=0, elem_id=f"{prefix}_film_look_seed")
    controls = Controls({s.key: built[s.key] for s in SETTINGS}, seed_mode, seed)
    for component in controls.all:
        component.do_not_save_to_config = True  # the WebUI would freeze ranges and defaults at its first start
    return controls


def values_of(look: Look) -> list[Any]:
    """The values of the settings' components that show a look."""
    return [value_of(look, setting) for setting in SETTINGS]


def value_of(look: Look, setting: Setting) -> Any:
    """A setting's value as its component shows it."""
    value = getattr(look, setting.key)
    if setting.key == "print":
        labels = _prints_of(look.stock)
        return labels.get(value) or (value if value in labels.values() else labels[OWN])
    return stock_labels().get(value, value) if setting.key == "stock" else value


def _rows(settings: Sequence[Setting]) -> Iterator[Sequence[Setting]]:
    """What stands side by side: two by two, and a hue beside its strength."""
    hues = {setting.key for setting in settings if setting.key.endswith(_HUE)}
    row: list[Setting] = []
    for setting in settings:
        if len(row) == _IN_A_ROW or (row and f"{setting.key}{_HUE}" in hues):
            yield row
            row = []
        row.append(setting)
    yield row


def _component(setting: Setting, prefix: str, look: Look) -> Any:
    common = {
        "label": setting.caption,
        "info": setting.help,
        "value": value_of(look, setting),
        "elem_id": f"{prefix}_film_look_{setting.key}",
    }
    if setting.is_number:
        return gr.Slider(minimum=setting.low, maximum=setting.high, step=setting.step, **common)
    choices: list[Any] = list(setting.choices)
    if setting.names:
        choices = stock_choices() if setting.key == "stock" else list(_prints_of(look.stock).values())
    return gr.Dropdown(choices=choices, **common)
