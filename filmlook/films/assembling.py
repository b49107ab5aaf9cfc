"""Finished parts to one film, with what lies beside the picture in the source: sound, subtitles, chapters and metadata.

Nothing is encoded again but sound that the new container cannot hold, and animations, which are made of lossless parts.
"""

from __future__ import annotations

import heapq
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import nullcontext
from fractions import Fraction
from pathlib import Path
from typing import Any

from filmlook.errors import FilmLookError
from filmlook.files.atomic import replacing
from filmlook.films.codecs import Encoding
from filmlook.films.parts import Part, Parts
from filmlook.films.pyav import address, opened, picture_stream, pyav, told_of
from filmlook.films.reading import Film
from filmlook.films.writing import CONTAINERS

_SOUND = {".webm": "libopus"}  # what sound becomes where its own codec is not kept
_DAMAGED_SOUND = "its sound is damaged: what cannot be read is left out"
_OPUS_RATE = 48000
_KEPT_ELSEWHERE = {"major_brand", "minor_version", "compatible_brands", "encoder", "ENCODER"}  # the muxer tells its own
_GIF_TICK = Fraction(1, 100)
_FRONT = {"movflags": "+faststart"}  # the index before the pictures: a player on the web begins at once
_REPEATABLE = {"fflags": "+bitexact"}  # no random numbers: the same film is the same file

Timed = tuple[float, int, Any]
"""Seconds, a number that tells apart what comes at once, and a packet."""


def assemble(
    parts: Parts, out: Path, film: Film, encoding: Encoding, *, comment: str = "", overwrite: bool = False
) -> list[str]:
    """Makes the film of its finished parts; it takes its place at once.

    Returns:
        What could not be kept, a line each.

    Raises:
        FilmLookError: it cannot be written.
    """
    ending = out.suffix.lower()
    notes: list[str] = []
    with told_of(out), replacing(out, overwrite=overwrite) as file:
        kind = CONTAINERS[ending]
        options = {**_REPEATABLE, **(_FRONT if kind in ("mp4", "mov") else {})}
        target = pyav().open(address(file.name), "w", format=kind, options=options)
        try:
            if encoding.codec.name in ("gif", "webp"):
                _animate(target, parts, film, encoding)
                notes += left_out(film, ending)
            else:
                _mux(target, parts, film, encoding, ending, comment, notes)
        finally:
            target.close()
    return notes


def left_out(film: Film, ending: str) -> list[str]:
    """What lies beside the picture in a film, for a kind of file that holds nothing of it: a line, or none."""
    if not film.has_streams:
        return []
    with opened(film.path) as source:
        shown = picture_stream(source, film.path).index
        kinds = sorted(
            {
                f"{stream.type}s" if stream.type == "subtitle" else "sound"
                for stream in source.streams
                if stream.index != shown and stream.type in ("audio", "subtitle")
            }
        )
        kinds += ["chapters"] if source.chapters() else []
    return [f"{', '.join(kinds)}: left out, {ending} holds pictures alone"] if kinds else []


def _mux(target: Any, parts: Parts, film: Film, encoding: Encoding, ending: str, comment: str, notes: list[str]) -> None:
    paths = parts.paths()
    with opened(paths[0]) as first, opened(film.path) if film.has_streams else nullcontext() as source:
        template = first.streams.video[0]
        picture = target.add_stream_from_template(template, opaque=True)
        picture.time_base = film.time_base
        picture.codec_context.sample_aspect_ratio = film.aspect  # AV1's own says nothing of it
        if film.rate:  # H.264 tells the tick of variable rates, which MKV would take to be the rate
            picture.codec_context.framerate = film.rate
        if encoding.codec.name == "h265" and ending != ".mkv":
            picture.codec_context.codec_tag = "hvc1"  # Apple's players open no other
        offset = Fraction(0)
        beside: dict[int, Callable[[Any], list[Any]]] = {}
        if source is not None:
            offset = max(Fraction(0), Fraction(source.start_time or 0, 1_000_000))
            beside = _streams_beside(target, source, film, ending, notes)
            _copy_facts(target, source, picture, film)
        if comment and "comment" not in {key.lower() for key in target.metadata}:
            target.metadata["comment"] = comment
        lists = [_picture_packets(parts, film, picture, offset)]
        if source is not None and beside:
            lists.append(_source_packets(source, beside, offset))
        for _, _, packet in heapq.merge(*lists):
            target.mux(packet)
        if source is not None:
            for encode in beside.values():
                target.mux(encode(None))


def _picture_packets(parts: Parts, film: Film, stream: Any, offset: Fraction) -> Iterator[Timed]:
    """The packets of all parts, with the source's times. When each is to be decoded is counted anew over all of them."""
    shift = round(offset / film.time_base)
    delay = _delay(parts, film.time_base)
    shown: deque[int] = deque()  # times of frames in their order, from `delay` frames ago on
    number = 0
    extradata: bytes | None = None
    for path, part, following in zip(parts.paths(), parts.done, [*parts.done[1:], None], strict=True):
        times, own = _times(path, part, film.time_base)
        if extradata not in (None, own):
            raise FilmLookError(f"{path}: another version of the encoder made it; --overwrite begins anew")
        extradata = own
        order = sorted(times)
        ends = [*order[1:], following.pts if following else part.end]
        lengths = dict(zip(order, (b - a for a, b in zip(order, ends, strict=True)), strict=True))
        if not number:
            step = order[1] - order[0] if len(order) > 1 else 1
            shown.extend(order[0] - step * (delay - i) for i in range(delay))
        shown.extend(order)
        with opened(path) as container:
            packets = (packet for packet in container.demux(container.streams.video[0]) if packet.size)
            for packet, pts in zip(packets, times, strict=True):
                packet.stream = stream
                packet.time_base = film.time_base
                packet.pts, packet.dts, packet.duration = pts - shift, shown.popleft() - shift, lengths[pts]
                yield float(packet.dts * film.time_base), 0, packet
                number += 1


def _times(path: Path, part: Part, time_base: Fraction) -> tuple[list[int], bytes | None]:
    """When a part's packets are shown, in their order, and what its encoder tells once for all.

    The part's container may have moved all of them by the encoder's delay.
    """
    with opened(path) as container:
        stream = container.streams.video[0]
        ticks = [packet.pts * packet.time_base / time_base for packet in container.demux(stream) if packet.size]
        first = min(ticks)
        return [part.pts + round(tick - first) for tick in ticks], stream.codec_context.extradata


def _delay(parts: Parts, time_base: Fraction) -> int:
    """By how many frames decoding runs ahead of showing."""
    most = 0
    for path, part in zip(parts.paths(), parts.done, strict=True):
        times, _ = _times(path, part, time_base)
        rank = {pts: i for i, pts in enumerate(sorted(times))}
        most = max(most, *(i - rank[pts] for i, pts in enumerate(times)))
    return most


def _source_packets(source: Any, beside: dict[int, Callable[[Any], list[Any]]], offset: Fraction) -> Iterator[Timed]:
    count = 0
    last = 0.0
    for packet in source.demux([source.streams[index] for index in beside]):
        if not packet.size:
            continue
        for made in beside[packet.stream.index](packet):
            for name in ("pts", "dts"):
                ticks = getattr(made, name)
                if ticks is not None and offset:
                    setattr(made, name, ticks - round(offset / made.time_base))
            time = made.dts if made.dts is not None else made.pts
            last = max(last, float(time * made.time_base)) if time is not None else last
            count += 1
            yield last, count, made


def _streams_beside(
    target: Any, source: Any, film: Film, ending: str, notes: list[str]
) -> dict[int, Callable[[Any], list[Any]]]:
    """What makes the packets for the target, by the source's streams; what is not kept is told."""
    picture = picture_stream(source, film.path)
    made: dict[int, Callable[[Any], list[Any]]] = {}
    for stream in source.streams:
        if stream.index == picture.index:
            continue
        name = stream.codec_context.codec.canonical_name if stream.codec_context else "unknown"
        what = f"{stream.type} ({name})"
        if stream.type == "attachment":
            if ending == ".mkv":
                target.add_attachment(stream.metadata.get("filename", "attachment"), stream.mimetype or "", stream.data)
            else:
                notes.append(f"{what} is left out: {ending} holds none")
            continue
        copied = _copied(target, stream) if stream.type in ("audio", "subtitle") else None
        if copied is not None:
            made[stream.index] = copied
        elif stream.type == "audio":
            codec = _SOUND.get(ending, "aac")
            made[stream.index] = _sound(target, stream, codec, notes)
            notes.append(f"sound ({name}) is not kept in {ending} and became {codec.removeprefix('lib')}")
        elif stream.type != "data" or not source.chapters():  # MP4 keeps the names of chapters as such a stream
            notes.append(f"{what} is left out: {ending} does not hold it")
    return made


def _copied(target: Any, stream: Any) -> Callable[[Any], list[Any]] | None:
    """What copies a stream's packets; None: the container does not hold such."""
    if stream.codec_context is None:
        return None
    try:
        to = target.add_stream_from_template(stream, opaque=True)
    except ValueError:
        return None
    _copy_name(stream, to)

    def copy(packet: Any) -> list[Any]:
        if packet is None:
            return []
        packet.stream = to
        return [packet]

    return copy


def _sound(target: Any, stream: Any, codec: str, notes: list[str]) -> Callable[[Any], list[Any]]:
    """What decodes sound and encodes it anew; what is damaged is passed over and told, once."""
    av = pyav()
    rate = _OPUS_RATE if codec == "libopus" else stream.codec_context.sample_rate
    to = target.add_stream(codec, rate=rate, layout=stream.codec_context.layout.name)
    _copy_name(stream, to)
    resampler = av.AudioResampler(format=to.codec_context.format, layout=to.codec_context.layout, rate=rate)

    def encode(packet: Any) -> list[Any]:
        try:
            frames = packet.decode() if packet is not None else [*stream.decode(None), None]
        except av.error.InvalidDataError:
            if _DAMAGED_SOUND not in notes:
                notes.append(_DAMAGED_SOUND)
            frames = [] if packet is not None else [None]
        return [made for frame in frames for piece in resampler.resample(frame) for made in to.encode(piece)] + (
            to.encode(None) if packet is None else []
        )

    return encode


def _copy_name(stream: Any, to: Any) -> None:
    to.metadata.update({key: stream.metadata[key] for key in ("language", "title", "handler_name") if key in stream.metadata})
    to.disposition = stream.disposition.value


def _copy_facts(target: Any, source: Any, picture: Any, film: Film) -> None:
    """Chapters and metadata."""
    _copy_name(picture_stream(source, film.path), picture)
    target.metadata.update({key: text for key, text in source.metadata.items() if key not in _KEPT_ELSEWHERE})
    chapters = source.chapters()
    if chapters:
        target.set_chapters(chapters)


def _animate(target: Any, parts: Parts, film: Film, encoding: Encoding) -> None:
    """A GIF or an animated WebP of lossless parts."""
    is_gif = encoding.codec.name == "gif"
    av = pyav()
    options = {} if is_gif else {"quality": encoding.options.get("quality", "95"), "loop": "0"}
    stream = target.add_stream("gif" if is_gif else "libwebp_anim", rate=(film.rate or Fraction(10)), options=options)
    context = stream.codec_context
    context.width, context.height, context.pix_fmt = film.width, film.height, "pal8" if is_gif else "bgra"
    base = _GIF_TICK if is_gif else Fraction(1, 1000)
    context.time_base = stream.time_base = base
    last = -1
    palettes = _Palettes(av, encoding.alpha) if is_gif else None
    for path, part in zip(parts.paths(), parts.done, strict=True):
        with opened(path) as container:
            for frame in container.decode(container.streams.video[0]):
                shown = round((part.pts + round(frame.pts * frame.time_base / film.time_base)) * film.time_base / base)
                last = max(shown, last + 1)
                made = palettes.of(frame) if palettes else frame.reformat(format="bgra")
                made.pts, made.time_base = last, base
                target.mux(stream.encode(made))
    target.mux(stream.encode(None))


class _Palettes:
    """Frames of 256 colours, each frame with its own."""

    def __init__(self, av: Any, alpha: bool) -> None:
        self._av, self._alpha = av, alpha

    def of(self, frame: Any) -> Any:
        graph = self._av.filter.Graph()
        start = graph.add_buffer(width=frame.width, height=frame.height, format=frame.format, time_base=Fraction(1, 1000))
        split, palette = (
            graph.add("split"),
            graph.add("palettegen", f"reserve_transparent={int(self._alpha)}:stats_mode=single"),
        )
        use, end = graph.add("paletteuse", "new=1:dither=sierra2_4a"), graph.add("buffersink")
        start.link_to(split)
        split.link_to(palette, 0, 0)
        split.link_to(use, 1, 0)
        palette.link_to(use, 0, 1)
        use.link_to(end)
        graph.configure()
        frame.pts = 0
        graph.push(frame)
        graph.push(None)
        return graph.pull()
