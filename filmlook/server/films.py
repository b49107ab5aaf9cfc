"""Films over HTTP: an upload is answered at once, and what becomes of it is asked for until it is there."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path
from typing import Any

from fastapi import APIRouter, HTTPException, Request, Response
from fastapi.concurrency import run_in_threadpool

from filmlook.errors import FilmLookError
from filmlook.files.picture import Picture
from filmlook.films.codecs import encoding_for
from filmlook.films.develop_film import develop_film
from filmlook.films.pyav import pyav
from filmlook.films.reading import open_film
from filmlook.server import film_upload, requests
from filmlook.server.answers import FileAnswer, JsonAnswer, StoredAnswer
from filmlook.server.backend import Backend
from filmlook.server.description import answered, described_film, described_film_file
from filmlook.server.film_jobs import FilmJob, FilmJobs, Progress, told_of
from filmlook.server.queue import WorkQueue
from filmlook.server.request_body import Limits

_MOST_RATE = 1000  # frames a second that a film may tell: a limit in seconds would not be one else


def add_films(router: APIRouter, backend: Backend, line: WorkQueue) -> None:
    """Adds the routes of films."""

    def work(job: FilmJob, progress: Progress) -> tuple[Path, list[str]]:
        asked, target = job.asked, job.folder / f"film.{job.asked.format}"
        device, tile = backend.film_place()
        fps = None if asked.fps is None else Fraction(asked.fps).limit_denominator(1001)
        how: dict[str, Any] = {"codec": asked.codec, "crf": asked.crf, "fps": fps, "cuts": asked.cuts, "again": asked.again}
        how |= {"device": device, "tile": tile, "depth": job.depth, "depth_far_white": asked.depth_far_white}
        how["find_depth"] = lambda pixels: backend.depth(Picture(pixels))
        report = develop_film(job.source, target, asked.look, seed=asked.seed, progress=progress, **how)
        return target, report.notes

    kept = FilmJobs(work, line.long)
    backend.at_end(kept.close)

    @router.post("/develop-video", summary="Develop a film", status_code=202, **described_film())
    async def develop_video(request: Request) -> Response:
        limits = backend.limits
        with requests.refusing(status=501):
            pyav()
        job = await run_in_threadpool(kept.begin, limits.videos)
        try:
            came = await film_upload.taken_in(request, job.folder, limits.video_bytes)
            job.source, job.depth = came.film, came.depth
            job.asked = await run_in_threadpool(requests.film_request, came.fields, limits)
            with requests.refusing():
                encoding_for(Path(f"film.{job.asked.format}"), job.asked.codec, job.asked.crf)
            job.most_frames = await run_in_threadpool(_most_frames, came.film, limits)
        except BaseException:
            kept.forget(job)
            raise
        kept.start(job)
        return JsonAnswer({"id": job.id}, 202)

    @router.get("/videos/{id}", summary="How far a film is", **answered("video", 404, 422))
    def state(id: str) -> dict[str, Any]:
        return kept.facts(id)

    @router.get("/videos/{id}/file", summary="A developed film", response_class=FileAnswer, **described_film_file())
    def file(id: str, request: Request) -> Response:
        job = kept.get(id)
        if job.state != "done" or job.made is None:
            raise HTTPException(409, f"the film is {job.state}")
        ending = job.made.suffix[1:]
        return StoredAnswer(job.made, requests.FILMS[ending], job.id, request.headers)

    @router.delete("/videos/{id}", summary="Stop and forget a film", **answered("deleted", 404, 422))
    def delete(id: str) -> dict[str, Any]:
        kept.forget(kept.get(id))
        return {"deleted": id}


def _most_frames(path: Path, limits: Limits) -> int:
    """How many frames a film may turn out to have, whatever it tells.

    Raises:
        HTTPException: 422, it is no film; 413, it is too long or too large, as far as it tells.
    """
    try:
        film = open_film(path)
    except FilmLookError as error:
        raise HTTPException(422, f"video: {told_of(path, error)}") from None
    seconds = film.count / film.rate if film.count and film.rate else 0
    if seconds > limits.video_seconds:
        raise HTTPException(413, f"video lasts {float(seconds):.0f} seconds; allowed are {limits.video_seconds}")
    if film.width * film.height > limits.pixels:
        raise HTTPException(413, f"video: a frame has {film.width * film.height} pixels; allowed are {limits.pixels}")
    most = int(limits.video_seconds * min(_MOST_RATE, film.rate or requests.MOST_FPS)) + 1
    if film.count and film.count > most:
        raise HTTPException(413, f"video has {film.count} frames; allowed are {most}")
    return most
