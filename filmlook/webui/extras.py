"""The script in Extras: single pictures, batches and folders."""

from __future__ import annotations

from typing import Any

from modules import scripts_postprocessing

from filmlook.files import infotext
from filmlook.look_choice import LookChoice
from filmlook.webui.accordion import build_accordion
from filmlook.webui.hooks import is_developed
from filmlook.webui.processing import failed, film_image, log, own_seed


class FilmLookExtras(scripts_postprocessing.ScriptPostprocessing):
    """Develops pictures in Extras. A failure never costs the picture: the host does not catch it here."""

    name = "Film Look in Extras"  # another name than the always-on script's: both can be in txt2img, and the API asks by name
    order = 3500  # after upscaling and face restoration, before pictures are cut
    _told = False

    def ui(self) -> dict[str, Any]:
        try:
            return build_accordion("extras", extras=True).by_key
        except Exception as error:  # the Extras tab would not open
            failed("no controls in Extras", error)
            return {}

    def process_firstpass(self, pp: Any, enabled: Any = None, **values: Any) -> None:
        """Reads what the picture says, while it says it: upscalers drop its metadata."""
        if enabled is not True:
            return
        try:
            pp.shared.film_look = (is_developed(pp.image), own_seed(pp.image))
        except Exception as error:  # the host would give up the whole job
            failed("the picture cannot be read", error)
            pp.shared.film_look = (False, 0)

    def process(self, pp: Any, enabled: Any = None, again: Any = None, **values: Any) -> None:
        if enabled is not True:  # the API calls every script with None
            return
        if not hasattr(pp.shared, "film_look"):  # in the main page, which has no first pass
            if not self._told:
                log.warning("Film Look: in txt2img and img2img its own accordion develops; the script of Extras does nothing")
            FilmLookExtras._told = True
            return
        try:
            self._develop(pp, LookChoice.from_controls(values), bool(again))
        except Exception as error:
            pp.info[infotext.ERROR] = failed("the picture stays as it was", error)

    def _develop(self, pp: Any, chosen: LookChoice, again: bool) -> None:
        was_developed, own = pp.shared.film_look
        if was_developed and not again:
            return
        pp.image, pairs = film_image(pp.image, chosen, seed=chosen.grain_seed(own))
        pp.info.update(pairs)
