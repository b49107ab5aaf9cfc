"""Run by the WebUI before it starts. Film Look needs nothing that the WebUI does not bring; it installs nothing."""

import importlib.metadata
import re

NEEDED = {"torch": (2, 0), "numpy": (1, 23), "pillow": (9, 5), "safetensors": (0, 3)}


def shortcomings() -> list[str]:
    """A line for every package that is missing or older than Film Look needs."""
    lines = []
    for name, needed in NEEDED.items():
        wanted = ".".join(map(str, needed))
        try:
            version = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            lines.append(f"Film Look needs {name} {wanted} or later, which is not installed")
            continue
        if tuple(int(part) for part in re.findall(r"\d+", version)[:2]) < needed:
            lines.append(f"Film Look needs {name} {wanted} or later; installed is {version}")
    return lines


if __name__ == "__main__":
    for line in shortcomings():
        print(line)
