"""What the host has: checkpoints, networks, embeddings, and the tokenizer of the loaded model. Nothing is loaded here."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from modules import sd_models, shared

from filmlook.prompts import comments
from filmlook.prompts.checkpoints import Checkpoint, config_beside, names_film, read_metadata
from filmlook.prompts.findings import GenerationParams
from filmlook.prompts.report import Report, report
from filmlook.prompts.tokens import Tokenizer, installed_tokenizer
from filmlook.webui import hosts


def chosen_checkpoint() -> Checkpoint | None:
    """The checkpoint that the settings name, loaded or not."""
    info = _chosen()
    return _checkpoint(info) if info else None


def _chosen() -> Any:
    return sd_models.get_closet_checkpoint_match(shared.opts.data.get("sd_model_checkpoint"))


def installed_checkpoints() -> list[Checkpoint]:
    """All checkpoints of the host's menu."""
    return [_checkpoint(info) for info in list(sd_models.checkpoints_list.values())]


def checkpoint_named(name: str) -> Checkpoint:
    """An installed checkpoint by its title, name or hash; of one that is not installed the name alone."""
    for checkpoint in installed_checkpoints():
        if name in (checkpoint.title, checkpoint.name, checkpoint.stem, checkpoint.sha256, checkpoint.shorthash):
            return checkpoint
    return Checkpoint(name=name, title=name)


def _checkpoint(info: Any) -> Checkpoint:
    metadata = info.metadata if isinstance(info.metadata, dict) else {}
    return Checkpoint(info.filename, info.name, info.title, info.sha256, info.shorthash, metadata, config_beside(info.filename))


def compute_hash() -> bool:
    """Reads the chosen checkpoint's whole file for its hash, which the host keeps: only when the user asks for it.

    False where there is none, as with --no-hashing.
    """
    info = _chosen()
    return bool(info and info.calculate_shorthash())


@dataclass(frozen=True)
class _Encoder:
    """The text encoder that the host has loaded, asked for tokens alone."""

    engine: Any

    def encode(self, text: str) -> Sequence[int]:
        tokens: Sequence[int] = self.engine.tokenize([text])[0]
        return tokens


def tokenizer() -> Tokenizer | None:
    """The loaded model's tokenizer; before one is loaded that of the package `clip`, which hosts install."""
    engine = hosts.text_engine()
    return installed_tokenizer() if engine is None else _Encoder(engine)


def embedding_vectors() -> dict[str, int]:
    """How many tokens' room each embedding takes, by name."""
    sizes = {name: getattr(embedding, "vectors", None) for name, embedding in hosts.embeddings().items()}
    return {name: size for name, size in sizes.items() if isinstance(size, int) and size > 0}


def comment_style() -> str:
    """How the host takes comments out of prompts, one of `filmlook.prompts.comments.STYLES`: its function is asked.

    Forge's asks the setting itself, AUTOMATIC1111's is called only where it is on; reForge's has no setting.
    """
    strip = hosts.comment_stripper()
    if strip is None:
        return comments.NONE
    if strip("film // x").rstrip() == "film":
        return comments.SLASHES
    is_on = shared.opts.data.get("enable_prompt_comments", True)
    return comments.HASH if is_on and strip("film # x").rstrip() == "film" else comments.NONE


def report_of(prompt: str, negative: str, checkpoint: Checkpoint | None, settings: GenerationParams) -> Report:
    """What there is to say of a prompt, by the host's tokenizer and with its checkpoints and embeddings."""
    return report(
        prompt,
        negative,
        checkpoint,
        settings,
        tokenizer=tokenizer(),
        installed=installed_checkpoints(),
        upscalers=[*shared.latent_upscale_modes, *(upscaler.name for upscaler in shared.sd_upscalers)],
        vectors=embedding_vectors(),
        comments=comment_style(),
    )


def film_networks() -> list[tuple[str, str, str]]:
    """The installed LoRA and embeddings whose name or metadata names film: how a prompt names each, its kind, and why."""
    found = []
    for name, network in sorted(hosts.lora().items()):
        if reason := _reason(name, str(getattr(network, "filename", "")), getattr(network, "metadata", None)):
            found.append((f"<lora:{name}:1>", "LoRA", reason))
    for name, embedding in sorted(hosts.embeddings().items()):
        if reason := _reason(name, str(getattr(embedding, "filename", None) or "")):
            found.append((name, "Embedding", reason))
    return found


_reasons: dict[tuple[str, str], str | None] = {}


def _reason(name: str, filename: str, metadata: Any = None) -> str | None:
    """Why a network has to do with film; looked for once a file, for metadata may tell thousands of tags."""
    if (name, filename) not in _reasons:
        _reasons[name, filename] = names_film(read_metadata(filename) if metadata is None else metadata, name)
    return _reasons[name, filename]
