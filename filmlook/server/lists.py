"""What there is: settings, stocks, papers, presets, each told in a list and by its name."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict
from typing import Any

from fastapi import APIRouter, HTTPException

from filmlook.engine.card import film_card
from filmlook.errors import LookError, UnknownStockError
from filmlook.lenses import list_lenses
from filmlook.matching.match import PARTS
from filmlook.presets import Preset, is_look, list_presets, load_preset
from filmlook.prints import OWN, is_paper, paper_facts, paper_labels, stock_facts
from filmlook.server import requests
from filmlook.server.description import answered
from filmlook.server.request_body import Limits
from filmlook.server.schema import look_schema
from filmlook.stock import is_installed, load_stock, stock_headings


def add_lists(router: APIRouter, limits: Callable[[], Limits]) -> None:
    """Adds the routes that only tell."""

    @router.get("/limits", summary="What one request may bring", **answered("limits"))
    def most() -> dict[str, Any]:
        return asdict(limits())

    @router.get("/schema", summary="JSON Schema of the settings", **answered("schema"))
    def schema() -> dict[str, Any]:
        return {**look_schema(), "x-match": list(PARTS)}

    @router.get("/stocks", summary="The installed stocks", **answered("stocks"))
    def stocks() -> list[dict[str, Any]]:
        return [{"name": name, **asdict(heading)} for name, heading in stock_headings().items()]

    @router.get("/stocks/{name}", summary="What is known of a stock", **answered("stock", 404, 422))
    def stock(name: str) -> dict[str, Any]:
        if not is_installed(name):
            raise HTTPException(404, f"there is no stock {name!r}")
        with requests.refusing():
            try:
                return stock_facts(load_stock(name, allow_path=False))
            except UnknownStockError:  # deleted meanwhile
                raise HTTPException(404, f"there is no stock {name!r}") from None

    @router.get("/card/{stock}", summary="What a stock's plots show", **answered("card", 404, 422))
    def card(stock: str, print: str = OWN) -> dict[str, Any]:
        if not is_installed(stock):
            raise HTTPException(404, f"there is no stock {stock!r}")
        with requests.refusing():
            try:
                return film_card(load_stock(stock, allow_path=False), print)
            except UnknownStockError:  # deleted meanwhile
                raise HTTPException(404, f"there is no stock {stock!r}") from None

    @router.get("/papers", summary="The installed papers", **answered("papers"))
    def papers() -> list[dict[str, Any]]:
        return [{"name": name, "label": label} for name, label in paper_labels().items()]

    @router.get("/papers/{name}", summary="What is known of a paper", **answered("paper", 404, 422))
    def paper(name: str) -> dict[str, Any]:
        if not is_paper(name):
            raise HTTPException(404, f"there is no paper {name!r}")
        with requests.refusing():
            return paper_facts(name)

    @router.get("/lenses", summary="The lenses", **answered("lenses"))
    def lenses() -> list[dict[str, Any]]:
        return [
            {"name": lens.name, "label": lens.label, "help": lens.help, "settings": lens.settings} for lens in list_lenses()
        ]

    @router.get("/looks", summary="The presets", **answered("looks"))
    def looks() -> list[dict[str, Any]]:
        return [preset_facts(preset) for preset in list_presets()]

    @router.get("/looks/{name}", summary="One preset", **answered("look", 404, 422))
    def look(name: str) -> dict[str, Any]:
        try:
            if is_look(name):  # a name, not a label, as in the other calls
                return preset_facts(load_preset(name))
        except LookError as error:
            if is_look(name):  # and not deleted meanwhile
                raise HTTPException(422, requests.told(error)) from None
        raise HTTPException(404, f"there is no look {name!r}")


def preset_facts(preset: Preset) -> dict[str, Any]:
    """What an answer tells of a preset."""
    return {
        "name": preset.name,
        "label": preset.label,
        "help": preset.help,
        "own": preset.own,
        "look": preset.look.to_dict(),
        **({"keyframes": dict(preset.schedules)} if preset.schedules else {}),
    }
