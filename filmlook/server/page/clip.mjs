// A film that is opened: its look is chosen on a frame that one goes to, and all of it is developed by the server.

import { Gone } from './darkroom/client.mjs';
import { h } from './darkroom/dom.mjs';
import { faultOf } from './darkroom/words.mjs';
import { duration } from './developing.mjs';
import { keep, kept } from './storage.mjs';

const FILM = /\.(mp4|m4v|mov|mkv|webm)$/i;
const ASK_MS = 700; // between questions how far it is

/** [name in the list, name for people, what is asked for] of the kinds of film that are written. */
const KINDS = [
    ['mp4', 'MP4, H.264', { format: 'mp4' }],
    ['mp4-10', 'MP4, H.265, 10 bit', { format: 'mp4', codec: 'h265' }],
    ['mov', 'MOV, ProRes', { format: 'mov', codec: 'prores' }],
    ['mkv', 'MKV, FFV1', { format: 'mkv', codec: 'ffv1' }],
    ['webm', 'WebM, AV1', { format: 'webm' }],
    ['gif', 'GIF', { format: 'gif' }],
    ['webp', 'WebP', { format: 'webp' }],
];

export function isFilm({ name, type }) {
    return type.startsWith('video/') || FILM.test(name);
}

export class Clip {
    #room;
    #show; // takes a frame as a picture's file
    #file = null;
    #depth = null; // the file of its depth maps
    #video = null;
    #wanted = null; // the time that is gone to
    #isSeeking = false;
    #parts;
    #job = null; // {stopping, id} while one is sent or developed
    #made = null; // {id, name, notes} of the film that the server keeps for this page

    constructor(room, show) {
        this.#room = room;
        this.#show = show;
        const { t } = room;
        const kind = h('select', { 'aria-label': t('Film format'), title: t('Film format'), onchange: () => keep('film-kind', kind.value) },
            KINDS.map(([value, name]) => h('option', { value, selected: value === kept('film-kind', 'mp4') }, name)));
        const parts = (this.#parts = {
            kind,
            time: h('input', { type: 'range', min: 0, max: 0, step: 'any', value: 0, disabled: true, 'aria-label': t('Time in the film'), oninput: () => this.#goTo(Number(parts.time.value)) }),
            clock: h('span', { class: 'clock' }),
            again: h('button', { hidden: true, onclick: () => this.#present() }, t('Show it')),
            start: h('button', { class: 'main', onclick: () => this.#develop() }, t('Develop the film')),
            stop: h('button', { hidden: true, onclick: () => this.#job?.stopping.abort() }, t('Stop')),
            progress: h('progress', { max: 1, value: 0, hidden: true, 'aria-label': t('Progress') }),
            note: h('p', { class: 'note', role: 'status' }),
            maps: h('button', { class: 'small', onclick: () => (this.#depth ? this.#setDepth(null) : maps.click()) }),
            far: h('input', { type: 'checkbox' }),
        });
        const maps = h('input', { type: 'file', class: 'film-maps', accept: 'video/*,image/*,.mkv,.tif,.tiff', hidden: true, onchange: () => {
            this.#setDepth(maps.files[0] ?? null);
            maps.value = '';
        } });
        parts.depth = h('p', { class: 'note maps', hidden: true }, parts.maps, maps, h('label', {}, parts.far, ` ${t('White is far')}`), parts.told = h('span'));
        this.#setDepth(null);
        this.element = h('section', { class: 'clip', hidden: true, 'aria-label': t('Film') },
            h('div', { class: 'transport' }, parts.time, parts.clock, kind, parts.stop, parts.again, parts.start), parts.depth, parts.progress, parts.note);
        window.addEventListener('beforeunload', (event) => this.#job && event.preventDefault());
        window.addEventListener('pagehide', () => this.#forget(true));
    }

    get isOpen() {
        return this.#file !== null;
    }

    /** A look with an aperture blurs a film by a film of depth maps, or by those that the server finds. */
    lookChanged() {
        this.#parts.depth.hidden = !this.#room.movingLook().aperture;
    }

    #setDepth(file) {
        const { t } = this.#room;
        this.#depth = file;
        const { maps, far, told } = this.#parts;
        maps.textContent = file ? t('Take away') : t('Depth maps of the film');
        maps.title = file ? '' : t('A film of as many frames, or one picture for all, white where it is near');
        far.disabled = !file;
        told.textContent = file ? file.name : t('Without them the server finds them, where it can.');
    }

    /** Shows a film's first frame. */
    open(file) {
        this.close();
        this.#setDepth(null);
        const { t } = this.#room;
        this.#file = file;
        this.element.hidden = false;
        this.#parts.note.textContent = '';
        const video = (this.#video = h('video', { muted: true, preload: 'auto', playsinline: true }));
        video.addEventListener('loadedmetadata', () => {
            this.#parts.time.max = Number.isFinite(video.duration) ? video.duration : 0;
        });
        video.addEventListener('loadeddata', () => {
            this.#parts.time.disabled = false;
            this.#goTo(0);
        });
        video.addEventListener('error', () => {
            if (video === this.#video) this.#tell(t('The browser cannot show this film. It can be developed all the same.'));
        });
        video.src = URL.createObjectURL(file);
    }

    /** Another picture or film is opened; what is developed goes on. */
    close() {
        if (!this.#file) return;
        const address = this.#video.src;
        this.#video.removeAttribute('src');
        setTimeout(() => URL.revokeObjectURL(address), 60_000); // it may be reading still
        this.#file = this.#video = this.#wanted = null;
        this.#isSeeking = false;
        Object.assign(this.#parts.time, { max: 0, value: 0, disabled: true });
        this.#parts.clock.textContent = '';
        this.element.hidden = !this.#job;
    }

    /** Goes to a time, and shows the frame there; of times that come quickly the last. */
    async #goTo(seconds) {
        this.#wanted = seconds;
        this.#parts.clock.textContent = `${clock(seconds)} / ${clock(this.#video.duration)}`;
        if (this.#isSeeking) return;
        this.#isSeeking = true;
        const video = this.#video;
        while (this.#wanted !== null && video === this.#video) {
            const time = this.#wanted;
            this.#wanted = null;
            await seek(video, time);
            if (this.#wanted !== null || video !== this.#video) continue;
            const frame = await drawn(video);
            const name = `${stem(this.#file?.name ?? '')} ${clock(time).replace(':', '.')}.png`;
            if (frame && video === this.#video) await this.#show(new File([frame], name, { type: 'image/png' }));
        }
        if (video === this.#video) this.#isSeeking = false;
    }

    async #develop() {
        const { t, client, seed, look } = this.#room;
        const file = this.#file;
        if (this.#job || !file) return;
        this.#forget();
        const [, , kind] = KINDS.find(([value]) => value === this.#parts.kind.value);
        const name = `${stem(file.name)}-${look.stock}.${kind.format}`;
        const job = { stopping: new AbortController(), id: null };
        this.#working(job);
        try {
            this.#tell(t('Sending the film'));
            const moving = this.#room.movingLook();
            const depth = moving.aperture ? this.#depth : null;
            const order = { look: moving, seed, ...kind, depth_far_white: Boolean(depth) && this.#parts.far.checked };
            job.id = (await client.uploadFilm(file, depth, order, job.stopping.signal)).id;
            const told = await this.#finished(job);
            if (told.error) throw new Error(told.error);
            this.#made = { id: job.id, name, notes: told.notes };
            job.id = null;
            this.#tell(t('The film is developed'));
            this.#present();
        } catch (error) {
            this.#tell(error.name === 'AbortError' ? t('Stopped') : faultOf(t, error));
        }
        if (job.id) client.call('DELETE', `videos/${job.id}`).catch(() => {}); // else the server forgets it in an hour
        this.#working(null);
    }

    /** Waits until the server is done; tells meanwhile how far it is. */
    async #finished({ id, stopping: { signal } }) {
        const { t, client } = this.#room;
        for (;;) {
            await new Promise((resolve) => setTimeout(resolve, ASK_MS));
            signal.throwIfAborted();
            try {
                const told = await client.get(`videos/${id}`, signal);
                if (told.state === 'done' || told.state === 'failed') return told;
                this.#parts.progress.value = told.share;
                this.#tell(this.#said(told));
            } catch (error) {
                if (!(error instanceof Gone)) throw error;
                this.#tell(t('The server does not answer; trying again'));
            }
        }
    }

    #said({ state, ahead, frames, of_frames: count, seconds_left: left }) {
        const { t } = this.#room;
        if (state === 'waiting') return t('{count} films come before', { count: ahead });
        const done = count ? t('Frame {frame} of {count}', { frame: frames, count }) : t('Frame {frame}', { frame: frames });
        return left === null ? done : `${done} · ${t('about {time} left', { time: duration(t, left) })}`;
    }

    /** Plays the developed film, and offers it. */
    #present() {
        const { t, client } = this.#room;
        const { id, name, notes } = this.#made;
        const source = client.address(`videos/${id}/file`);
        const isPicture = /\.(gif|webp)$/.test(name);
        const player = isPicture ? h('img', { src: source, alt: t('Developed film') }) : h('video', { src: source, controls: true, loop: true, 'aria-label': t('Developed film') });
        const note = h('p', { class: 'note' });
        player.addEventListener('error', () => {
            player.hidden = true;
            note.textContent = t('The browser cannot show this film. It can be saved all the same.');
        });
        const dialog = h('dialog', { class: 'developed', 'aria-label': t('Developed film'), onclose: () => dialog.remove() },
            player, note, h('ul', { class: 'report' }, notes.map((line) => h('li', {}, t.sentence(line)))),
            h('div', { class: 'actions' },
                h('button', { onclick: () => dialog.close() }, t('Close')),
                h('a', { class: 'main', href: source, download: name }, t('Save'))));
        document.body.append(dialog);
        dialog.showModal();
    }

    /** Takes the film that this page had made away from the server; what is being saved is sent to its end. */
    #forget(isLast = false) {
        const id = this.#made?.id ?? (isLast ? this.#job?.id : null);
        this.#made = null;
        if (id) fetch(this.#room.client.address(`videos/${id}`), { method: 'DELETE', keepalive: true }).catch(() => {});
    }

    #working(job) {
        this.#job = job;
        const { start, stop, progress, kind } = this.#parts;
        start.disabled = kind.disabled = Boolean(job);
        stop.hidden = progress.hidden = !job;
        this.#parts.again.hidden = !this.#made;
        progress.value = 0;
        if (!job) this.element.hidden = !this.#file;
    }

    #tell(text) {
        this.#parts.note.textContent = text;
    }
}

/** Waits until the video shows a time. */
function seek(video, seconds) {
    return new Promise((resolve) => {
        for (const event of ['seeked', 'error', 'emptied']) video.addEventListener(event, resolve, { once: true });
        video.currentTime = seconds;
    });
}

/** The frame that the video shows, as PNG; null where it shows none. */
async function drawn(video) {
    if (!video.videoWidth) return null;
    const canvas = h('canvas', { width: video.videoWidth, height: video.videoHeight });
    canvas.getContext('2d').drawImage(video, 0, 0);
    return new Promise((resolve) => canvas.toBlob(resolve, 'image/png'));
}

function stem(name) {
    return name.replace(/\.[^.]*$/, '') || 'film';
}

/** "1:05" */
function clock(seconds) {
    const whole = Number.isFinite(seconds) ? Math.floor(seconds) : 0;
    return `${Math.floor(whole / 60)}:${String(whole % 60).padStart(2, '0')}`;
}
