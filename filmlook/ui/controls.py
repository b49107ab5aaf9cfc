"""The settings as components: all of them made from `SETTINGS`, in the order and the groups that stand there."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import gradio as gr

from filmlook import lenses
from filmlook.errors import FilmLookError
from filmlook.look import SETTINGS, Look, Setting
from filmlook.look_choice import SEED_MODES, VALUES, is_own_frame, key_of_label, own_frame
from filmlook.prints import OWN, print_labels
from filmlook.stock import Stock, is_installed, load_stock, stock_labels
from filmlook.ui.widgets import REFRESH, button

FIRST = ("stock", "print", "strength", "exposure", "grain", "halation")
"""What stands open, before the groups: what a newcomer reads at once."""

ONLY: dict[str, Callable[[Stock], bool]] = {
    "context": lambda stock: stock.kind == "network",
    "toning": lambda stock: stock.is_monochrome,
}
"""Settings that mean nothing to most stocks, and are shown where they do."""

_IN_A_ROW = 2
_ROW = ["film-look-row"]
_HUE = "_hue"  # ends the key of a strength's hue, which stands beside the strength
_CHOOSE = "Choose a lens"
_GONE = "This stock is not installed: choose another one."


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


def _stock_of(label: str | None) -> Stock | None:
    """The stock that a label or a name means; None where none is chosen, or where it cannot be read."""
    try:
        return load_stock(key_of_label(label, stock_labels()), allow_path=False) if label else None
    except FilmLookError:
        return None  # it is told of where the stock is used


def _prints_of(stock: Stock | None) -> dict[str, str]:
    """Names and labels of the prints that a stock allows; its own alone where there is no stock."""
    return print_labels(stock) if stock else {OWN: print_labels()[OWN]}


def _frames_of(stock: Stock | None, setting: Setting) -> list[str]:
    """The labels of the film formats: the stock's own tells which that is."""
    return [own_frame(stock), *setting.labels[1:]]


_BY_KEY = {setting.key: setting for setting in SETTINGS}
FOLLOWERS = ("print", "frame", *ONLY)
"""The settings whose components follow the stock."""


def _follow_stock(label: str | None, chosen: str | None, frame: str | None) -> list[Any]:
    """The stocks, and the components of `FOLLOWERS`, for a stock. A chosen print that it does not allow becomes its own.
    A stock that is gone is told of, and the list is read again."""
    stock = _stock_of(label)
    found: list[Any] = [gr.update()]
    if label and stock is None and not is_installed(str(key_of_label(label, stock_labels()))):
        gr.Warning(_GONE)
        found = [gr.update(choices=stock_choices())]
    prints = list(_prints_of(stock).values())
    frames = _frames_of(stock, _BY_KEY["frame"])
    found.append(gr.update(choices=prints, **({} if chosen in prints else {"value": prints[0]})))
    own = frame in (None, frames[0], _BY_KEY["frame"].labels[0]) or is_own_frame(frame)
    found.append(gr.update(choices=frames, **({"value": frames[0]} if own else {})))
    return found + [gr.update(visible=stock is not None and is_for(stock)) for is_for in ONLY.values()]


def _refreshed(stock: str | None, chosen: str | None, frame: str | None) -> list[Any]:
    """All of them, with what lies in the folders now."""
    return [gr.update(choices=stock_choices()), *_follow_stock(stock, chosen, frame)[1:]]


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
    built: dict[str, Any] = {}
    with gr.Row(elem_classes=_ROW):
        built["stock"] = _component(_BY_KEY["stock"], prefix, look)
        built["print"] = _component(_BY_KEY["print"], prefix, look)
        refresh = button(
            REFRESH,
            tooltip="Read the folders of stocks and papers again.",
            tool=True,
            elem_id=f"{prefix}_film_look_refresh_stocks",
        )
    _lay_out([_BY_KEY[key] for key in FIRST[2:]], prefix, look, built)
    for group, settings in groups().items():
        with gr.Accordion(group, open=False, elem_id=f"{prefix}_film_look_{group.lower()}_group"):
            if group == "Lens":
                lens = _lens_list(prefix)
            _lay_out(settings, prefix, look, built)
            if group == "Grain":
                with gr.Row(elem_classes=_ROW):
                    seed_mode = gr.Dropdown(
                        label="Grain seed",
                        info="The same seed gives the same grain.",
                        choices=list(SEED_MODES.values()),
                        value=SEED_MODES["picture"],
                        elem_id=f"{prefix}_film_look_seed_mode",
                    )
                    seed = gr.Number(label="Fixed grain seed", value=0, precision=0, elem_id=f"{prefix}_film_look_seed")
    controls = Controls({s.key: built[s.key] for s in SETTINGS}, seed_mode, seed)
    lens.input(fn=_put_on, inputs=[lens], outputs=[lens, *(built[key] for key in lenses.KEYS)], show_progress=False)
    for component in (*controls.all, lens):
        component.do_not_save_to_config = True  # the WebUI would freeze ranges and defaults at its first start
    asked = [built[key] for key in ("stock", "print", "frame")]
    following = {"inputs": asked, "outputs": [built["stock"], *(built[key] for key in FOLLOWERS)], "show_progress": False}
    refresh.click(fn=_refreshed, **following)
    # by whatever it was changed: a preset, a pasted infotext and "send to" set both, and their print is allowed
    built["stock"].change(fn=_follow_stock, **following)
    return controls


def _lens_list(prefix: str) -> Any:
    """The list of lenses. It is no setting: choosing one fills those that are a lens's, and the list is as it was."""
    return gr.Dropdown(
        label="Put on a lens",
        info="Sets what is the lens's; the film and its colours stay.",
        choices=[_CHOOSE, *(lens.label for lens in lenses.list_lenses())],
        value=_CHOOSE,
        elem_id=f"{prefix}_film_look_lens",
    )


def _put_on(label: str | None) -> list[Any]:
    """The list, and the values of the settings that are a lens's."""
    if not label or label == _CHOOSE:
        return [gr.update()] * (1 + len(lenses.KEYS))
    try:
        settings = lenses.load_lens(label).settings
    except FilmLookError as error:  # it was deleted meanwhile, or its file is damaged
        gr.Warning(str(error))
        settings = {}
    shown = [_BY_KEY[key].label_of(settings[key]) if key in settings else gr.update() for key in lenses.KEYS]
    return [_CHOOSE, *shown]


def _lay_out(settings: Sequence[Setting], prefix: str, look: Look, built: dict[str, Any]) -> None:
    for row in _rows(settings):
        with gr.Row(elem_classes=_ROW):
            for setting in row:
                built[setting.key] = _component(setting, prefix, look)


def values_of(look: Look) -> list[Any]:
    """The values of the settings' components that show a look."""
    return [value_of(look, setting) for setting in SETTINGS]


def value_of(look: Look, setting: Setting) -> Any:
    """A setting's value as its component shows it."""
    value = getattr(look, setting.key)
    if setting.key == "print":
        labels = _prints_of(_stock_of(look.stock))
        return labels.get(value) or (value if value in labels.values() else labels[OWN])
    if setting.key == "frame" and value == OWN:
        return own_frame(_stock_of(look.stock))
    return stock_labels().get(value, value) if setting.key == "stock" else setting.label_of(value)


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
    stock = _stock_of(look.stock)
    offered: dict[str, Callable[[], list[str]]] = {
        "stock": stock_choices,
        "print": lambda: list(_prints_of(stock).values()),
        "frame": lambda: _frames_of(stock, setting),
    }
    choices = offered[setting.key]() if setting.key in offered else list(setting.labels)
    is_for = ONLY.get(setting.key)
    return gr.Dropdown(choices=choices, visible=is_for is None or (stock is not None and is_for(stock)), **common)
