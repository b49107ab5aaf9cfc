"""The training loop: seeded, resumable, with a log. What it trains, on what and towards what, others say.

A step's batch and everything random in it depend on seed and step alone, so a run that was stopped and resumed ends with the
same weights as one that was not.
"""

from __future__ import annotations

import csv
import dataclasses
import io
import json
import math
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path

import torch
from torch import Tensor, nn
from tqdm import tqdm

from filmlook.errors import FilmLookError, StockFileError
from filmlook.files.atomic import replacing
from filmlook.networks.weights import read_tensors, write_tensors
from filmlook.training.data import step_seed
from filmlook.training.figures import COLOUR_FIGURES, curve
from filmlook.training.recipe import Recipe
from filmlook.training.scores import writing

CHECKPOINT = "checkpoint.safetensors"  # in a run's folder
_WARM_UP = 0.02  # share of the steps over which the rate rises
_MOST_GRADIENT = 1.0
_SAVE_SECONDS = 60.0


def run_folder(out: Path) -> Path:
    """Where checkpoint, log and report of the weights in `out` go: beside them."""
    return out.with_suffix(".training")


Batch = Callable[[int], tuple[Tensor, Tensor]]
Loss = Callable[[Tensor, Tensor], Tensor]


class Run:
    """One training run and its folder: `checkpoint.safetensors`, `log.csv` and `curve.png`.

    Args:
        network: trained in place.
        recipe: how.
        folder: made if it is not there.
        what: told in the progress bar.
        data: what tells this run's data from others; a checkpoint of another run is refused.
        device: where to train.
        figures: the two figures of the held-out part that the curve shows, and what they are called.
        resume: go on from the folder's checkpoint, if there is one.

    Raises:
        FilmLookError: the folder cannot be made, or its checkpoint is another recipe's or damaged.
    """

    def __init__(
        self,
        network: nn.Module,
        recipe: Recipe,
        folder: Path,
        *,
        what: str,
        data: str,
        device: torch.device,
        figures: Mapping[str, str] = COLOUR_FIGURES,
        resume: bool = False,
    ) -> None:
        self.network, self.recipe, self.folder, self._what, self._device = network.to(device), recipe, folder, what, device
        self._optimizer = torch.optim.Adam(network.parameters(), lr=recipe.rate, betas=(0.9, 0.99))
        self._figures = figures
        self._identity = json.dumps({"what": what, "data": data, **dataclasses.asdict(recipe)})
        self.step = 0
        self.log: list[dict[str, float]] = []
        self._seen: tuple[float, int] = (0.0, 0)  # sum and count of the losses since the last row of the log
        with writing(folder):
            folder.mkdir(parents=True, exist_ok=True)
        self._checkpoint = folder / CHECKPOINT
        if resume and self._checkpoint.exists():
            self._load()

    def _load(self) -> None:
        tensors, metadata = read_tensors(self._checkpoint)
        if metadata.get("identity") != self._identity:
            raise FilmLookError(
                f"{self._checkpoint}: of a run with another recipe or other data; --resume goes on with the same"
            )
        try:
            self.network.load_state_dict(_group(tensors, "network."))
            state = self._optimizer.state_dict()
            moments = [_group(tensors, f"adam.{i}.") for i in range(len(state["param_groups"][0]["params"]))]
            state["state"] = {i: {k: t.cpu() if k == "step" else t for k, t in m.items()} for i, m in enumerate(moments) if m}
            self._optimizer.load_state_dict(state)
            self.step, self.log, self._seen = (json.loads(metadata[name]) for name in ("step", "log", "seen"))
        except (RuntimeError, KeyError, ValueError) as error:
            raise StockFileError(f"{self._checkpoint}: damaged: {str(error).splitlines()[0]}") from None

    def save(self) -> None:
        """Writes the checkpoint, the log and its curve."""
        tensors = {f"network.{k}": v for k, v in self.network.state_dict().items()}
        for i, moments in self._optimizer.state_dict()["state"].items():
            tensors |= {f"adam.{i}.{k}": v for k, v in moments.items()}
        facts = {"step": self.step, "log": self.log, "seen": self._seen}
        metadata = {"identity": self._identity, **{name: json.dumps(value) for name, value in facts.items()}}
        write_tensors(self._checkpoint, tensors, metadata)
        if not self.log:
            return
        names = list(dict.fromkeys(name for row in self.log for name in row))
        log = self.folder / "log.csv"
        with writing(log), replacing(log) as binary, io.TextIOWrapper(binary, newline="", encoding="utf-8") as file:
            writer = csv.DictWriter(file, names)
            writer.writeheader()
            writer.writerows(self.log)
        curve(self.folder / "curve.png", self.log, self._figures)

    def _rate(self) -> float:
        done, warm = self.step / self.recipe.steps, _WARM_UP
        rise = min(1.0, (self.step + 1) / max(1, warm * self.recipe.steps))
        return self.recipe.rate * rise * 0.5 * (1 + math.cos(math.pi * done))

    def train(
        self,
        batch: Batch,
        loss: Loss,
        check: Callable[[nn.Module], Mapping[str, float]],
        forward: Callable[[Tensor, int], Tensor] | None = None,
    ) -> None:
        """Trains to the recipe's last step, and saves.

        Args:
            batch: a step's input and target.
            loss: of what the network made and the target.
            check: figures of the held-out part.
            forward: what the network makes of an input at a step, if not what it always does.
        """
        parameters = list(self.network.parameters())
        half = self._device.type == "cuda" and torch.cuda.is_bf16_supported()  # bfloat16 needs no scaling of the loss
        saved = time.monotonic()
        bar = tqdm(total=self.recipe.steps, initial=self.step, desc=self._what, unit="step", file=sys.stderr, disable=None)
        with bar:
            while self.step < self.recipe.steps:
                torch.manual_seed(step_seed(self.recipe.seed, self.step))  # for dropout
                for group in self._optimizer.param_groups:
                    group["lr"] = self._rate()
                source, target = (t.to(self._device) for t in batch(self.step))
                with torch.autocast(self._device.type, torch.bfloat16, enabled=half):
                    made = forward(source, self.step) if forward else self.network(source)
                value = loss(made.float(), target)
                if not value.isfinite():
                    raise FilmLookError(f"step {self.step}: the loss is {float(value)}; a lower rate may help")
                self._optimizer.zero_grad(set_to_none=True)
                torch.autograd.backward(value)
                nn.utils.clip_grad_norm_(parameters, _MOST_GRADIENT)
                self._optimizer.step()
                self.step += 1
                self._seen = self._seen[0] + float(value.detach()), self._seen[1] + 1
                bar.update()
                if self.step % self.recipe.check_every == 0 or self.step == self.recipe.steps:
                    row = {
                        "step": self.step,
                        "loss": self._seen[0] / self._seen[1],
                        "rate": self._rate(),
                        **check(self.network),
                    }
                    self.log.append({k: round(v, 7) for k, v in row.items()})
                    bar.set_postfix({k: f"{v:.3g}" for k, v in row.items() if k not in ("step", "rate")})
                    self._seen = 0.0, 0
                    self.save()
                    saved = time.monotonic()
                elif time.monotonic() - saved > _SAVE_SECONDS:
                    self.save()
                    saved = time.monotonic()


def _group(tensors: Mapping[str, Tensor], prefix: str) -> dict[str, Tensor]:
    return {name.removeprefix(prefix): t for name, t in tensors.items() if name.startswith(prefix)}
