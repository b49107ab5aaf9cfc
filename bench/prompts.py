"""Speed of the prompt helper, as times of what CLIP's tokenizer alone takes for the same text in the same run.

python bench/prompts.py
"""

from __future__ import annotations

import random
import statistics
import time
from collections.abc import Callable
from typing import Any

from filmlook.prompts.checkpoints import Checkpoint
from filmlook.prompts.findings import GenerationParams
from filmlook.prompts.report import report
from filmlook.prompts.tokens import NO_TOKENIZER, installed_tokenizer


def texts() -> dict[str, str]:
    """Prompts by name, the same at every call."""
    rng = random.Random(1)
    words = ["".join(rng.choices("abcdefghij", k=rng.randint(2, 9))) for _ in range(10_000)]
    return {
        "75 words": ", ".join(words[:75]),
        "10 000 words": " ".join(words),
        "10 000 tags": ", ".join(words),
        "10 000 weighted words": " ".join(f"({word}:1.2)" for word in words),
        "400 schedules": " ".join(f"[{word}:{word}:{n % 20}]" for n, word in enumerate(words[:400])),
    }


def seconds(work: Callable[[], Any]) -> float:
    """Median of five calls."""
    found = []
    for _ in range(5):
        begin = time.perf_counter()
        work()
        found.append(time.perf_counter() - begin)
    return statistics.median(found)


def main() -> None:
    tokenizer = installed_tokenizer()
    if tokenizer is None:
        raise SystemExit(NO_TOKENIZER)
    checkpoint, settings = Checkpoint(name="classicnegative.ckpt"), GenerationParams(width=512, height=512, steps=20, look="")
    print(f"{'report on':28}{'seconds':>10}{'ratio':>8}  to tokens alone")
    for name, text in texts().items():
        plain = seconds(lambda t=text: tokenizer.encode(t))  # type: ignore[misc]
        whole = seconds(lambda t=text: report(t, "", checkpoint, settings, tokenizer=tokenizer))  # type: ignore[misc]
        print(f"{name:28}{whole:10.4f}{whole / plain:8.1f}  {plain:.4f} s")


if __name__ == "__main__":
    main()
