// Developing a file, and saving what becomes of it: for one picture and for many.

import { Refused } from './darkroom/client.mjs';
import { h } from './darkroom/dom.mjs';
import { keep, kept } from './storage.mjs';

const ASK_MS = 500; // between questions how far it is

/** [name in the list, name for people, what is asked for] of the kinds of file that are written. */
const KINDS = [
    ['png', 'PNG, 8 bit', { format: 'png', bits: 8 }],
    ['png16', 'PNG, 16 bit', { format: 'png', bits: 16 }],
    ['jpeg', 'JPEG', { format: 'jpeg' }],
    ['webp', 'WebP', { format: 'webp' }],
    ['tiff', 'TIFF, 8 bit', { format: 'tiff', bits: 8 }],
    ['tiff16', 'TIFF, 16 bit', { format: 'tiff', bits: 16 }],
];

/** A choice of the kind of file, which the page remembers; `kind()` is what is asked for. */
export function kindSelect(t, attributes = {}) {
    const select = h('select', { 'aria-label': t('File format'), title: t('File format'), ...attributes, onchange: () => keep('kind', select.value) },
        KINDS.map(([value, name]) => h('option', { value, selected: value === kept('kind', 'png') }, name)));
    return { select, kind: () => KINDS.find(([value]) => value === select.value)[2] };
}

/** What the server makes of a picture's file, as a file; `told(share)` hears how far it is. Raises what the client does. */
export async function developed(client, file, order, told, signal) {
    return asking(client, told, signal, async () => (await client.upload('develop', file, { ...order, answer: 'file' }, signal)).blob());
}

/** What `work` gives; while it lasts, the server is asked how far it is, which `told(share)` hears. */
export async function asking(client, told, signal, work) {
    let isOver = false;
    const timer = setInterval(async () => {
        const state = await client.get('progress', signal).catch(() => null);
        if (state?.working && !isOver) told(state.progress);
    }, ASK_MS);
    try {
        return await work();
    } finally {
        isOver = true; // a late answer about this one must not be taken for the next
        clearInterval(timer);
    }
}

/** Names for files by a pattern; raises `Refused` for a pattern that is none. */
export async function namesOf(client, pattern, files, room, kind, signal) {
    const { look, preset } = room;
    const order = { pattern, files, format: kind.format, stock: look.stock, look: preset?.name ?? '' };
    const { names } = await (await client.call('POST', 'names', order, signal)).json();
    if (names.length !== files.length) throw new Refused(500, 'names are missing');
    return names;
}

/** Saves a file as the browser saves what one downloads. */
export function download(blob, name) {
    const link = h('a', { href: URL.createObjectURL(blob), download: name });
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
}

/** A time for people: "12 s", "3 min 20 s", "2 h 5 min". */
export function duration(t, seconds) {
    const whole = Math.round(seconds);
    if (whole < 60) return t('{s} s', { s: whole });
    if (whole < 3600) return t('{min} min {s} s', { min: Math.floor(whole / 60), s: whole % 60 });
    return t('{h} h {min} min', { h: Math.floor(whole / 3600), min: Math.floor((whole % 3600) / 60) });
}
