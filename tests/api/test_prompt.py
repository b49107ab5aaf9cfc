"""Advice on prompts over HTTP: the same as the library's, and what is no prompt is refused."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient

from filmlook.prompts.checkpoints import Checkpoint
from filmlook.prompts.findings import GenerationParams
from filmlook.prompts.report import report
from filmlook.prompts.tokens import installed_tokenizer
from tests.api.clients import PREFIX

SETTINGS = {"width": 512, "height": 512, "steps": 20, "cfg": 7, "sampler": "Euler a", "hires": False, "look": ""}


def test_it_tells_what_the_library_tells(client: TestClient) -> None:
    prompts, name = {"prompt": "photo of a (dog, 8k", "negative": "<lora:x:1>"}, "classicnegative.ckpt"
    known = Checkpoint(name=name, title=name)
    told = report(**prompts, checkpoint=known, settings=GenerationParams(**SETTINGS), tokenizer=installed_tokenizer())
    answer = client.post(f"{PREFIX}/prompt", json={**prompts, "checkpoint": name, "settings": SETTINGS}).json()
    assert answer == json.loads(json.dumps(told.as_dict()))
    assert {"bracket-unclosed", "token-missing", "size", "network-in-negative"} <= {f["code"] for f in answer["findings"]}


def test_without_a_checkpoint_the_craft_alone(client: TestClient) -> None:
    for order in ({"prompt": "a cat"}, {"prompt": "a cat", "checkpoint": None, "settings": {"width": None}}):
        answer = client.post(f"{PREFIX}/prompt", json=order).json()
        assert answer["checkpoint"] is None
        assert {f["code"] for f in answer["findings"]} <= {"film-word", "film-negative", "not-counted"}


def test_no_file_is_looked_at(client: TestClient, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "classicnegative768px.safetensors").write_bytes(b"x")
    for name in ("classicnegative768px.safetensors", str(tmp_path / "classicnegative768px.safetensors")):
        answer = client.post(f"{PREFIX}/prompt", json={"prompt": "x", "checkpoint": name}).json()
        assert answer["checkpoint"]["how"] == "name"
        assert not [f for f in answer["findings"] if f["code"] == "config-missing"]  # it would say what lies beside the file


@pytest.mark.parametrize(
    ("order", "told"),
    [
        ({}, "prompt is None; allowed: a text"),
        ({"prompt": 1}, "prompt is 1; allowed: a text"),
        ({"prompt": "\ud800"}, "allowed: a text"),
        ({"prompt": "x", "negative": None}, "negative is None"),
        ({"prompt": "x", "checkpoint": ["a"]}, "checkpoint is ['a']"),
        ({"prompt": "x", "checkpoint": "a" * 1001}, "checkpoint has 1001 characters; allowed: a text of up to 1000"),
        ({"prompt": "(" * 20_001}, "prompt has 20001 characters; allowed: a text of up to 20000"),
        ({"prompt": "x", "negative": "(" * 900_000}, "negative has 900000 characters; allowed: a text of up to 20000"),
        ({"prompt": "x", "settings": {"sampler": "\ud800"}}, "settings: sampler is"),
        ({"prompt": "x", "file": "a"}, "unknown field 'file'"),
        ({"prompt": "x", "settings": []}, "settings is []; allowed: an object"),
        ({"prompt": "x", "settings": {"widht": 1}}, "settings: unknown field 'widht'"),
        ({"prompt": "x", "settings": {"width": 1.5}}, "settings: width is 1.5; allowed: integer"),
        ({"prompt": "x", "settings": {"steps": 10**400}}, "settings: steps is 1000"),
        ({"prompt": "x", "settings": {"cfg": True}}, "settings: cfg is True; allowed: number"),
        ({"prompt": "x", "settings": {"hires": 1}}, "settings: hires is 1; allowed: boolean"),
    ],
)
def test_what_is_no_order_is_refused(client: TestClient, order: dict[str, Any], told: str) -> None:
    answer = client.post(f"{PREFIX}/prompt", content=json.dumps(order), headers={"content-type": "application/json"})
    assert answer.status_code == 422
    assert told in answer.json()["detail"]
