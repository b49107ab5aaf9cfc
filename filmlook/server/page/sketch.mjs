// What a setting does, as small pictures: the picture that is open, with less of it, as it is, and with more; of a choice with each.

import { h } from './darkroom/dom.mjs';
import { around } from './darkroom/ladder.mjs';
import { valueOf } from './darkroom/words.mjs';

const REST_MS = 350; // that one stays at a setting before its pictures are made
const SIDE = 96; // px, the long side
const REACH = 1 / 3; // of a number's range, below and above what it is
const MOST = 8; // choices
const FINE_GROUPS = ['Emulsion', 'Grain'];
const FINE = ['softness', 'scan_softness', 'effect_size', 'frame']; // seen in the picture's own pixels alone, as those groups are

export class Sketch {
    #room;
    #timer = 0;
    #flight = null;
    #at = ''; // the setting that one is at
    #shown = ''; // the key of what is shown
    element = h('div', { class: 'sketch', hidden: true });

    constructor(room) {
        this.#room = room;
    }

    /** One stays at a setting, and may go on. */
    point(key) {
        if (this.#at !== key) this.clear();
        this.#at = key;
        this.lookChanged();
    }

    /** What is shown is of another look: it is made anew when that rests. */
    lookChanged() {
        const key = this.#at;
        if (!key || this.#shown === this.#keyOf(key)) return;
        this.#cancel();
        if (this.#room.viewer.sent && this.#valuesOf(key).length) this.#timer = setTimeout(() => this.#make(key), REST_MS);
    }

    /** One has left: what is there stays, what is on its way is not made. */
    leave() {
        this.#at = '';
        if (this.#flight) this.clear();
        this.#cancel();
    }

    clear() {
        this.#cancel();
        this.#shown = '';
        this.element.replaceChildren();
    }

    #cancel() {
        clearTimeout(this.#timer);
        this.#flight?.abort();
        this.#flight = null;
    }

    #keyOf(key) {
        return `${key} ${this.#room.viewer.sent?.hash} ${JSON.stringify(this.#room.look)}`;
    }

    #valuesOf(key) {
        const about = this.#room.schema.properties[key];
        if (about?.type === 'number') return around(about, this.#room.look[key], REACH);
        return (about?.enum ?? []).slice(0, MOST);
    }

    async #make(key) {
        const { t, look, schema } = this.#room;
        const about = schema.properties[key];
        const flight = (this.#flight = new AbortController());
        const values = this.#valuesOf(key);
        const frames = values.map((value) => {
            const canvas = h('canvas', { width: SIDE, height: 1 });
            const now = value === look[key];
            const caption = h('figcaption', {}, valueOf(t, about, value));
            return { value, canvas, element: h('figure', { class: now ? 'now' : null }, canvas, caption) };
        });
        this.element.replaceChildren(...frames.map(({ element }) => element));
        this.#shown = this.#keyOf(key);
        try {
            await Promise.all(frames.map(({ value, canvas }, i) => this.#paint(canvas, i, { ...look, [key]: value }, about, key, flight.signal)));
        } catch {
            if (flight === this.#flight) this.clear(); // words must do
        }
        if (flight === this.#flight) this.#flight = null;
    }

    async #paint(canvas, place, look, about, key, signal) {
        const { viewer, seed } = this.#room;
        const isFine = FINE_GROUPS.includes(about['x-group']) || FINE.includes(key);
        const bitmap = await viewer.sketch(place, { look, seed, ...(isFine ? { crop: this.#part() } : { long_side: SIDE }) }, signal);
        if (!bitmap) return;
        canvas.width = bitmap.width;
        canvas.height = bitmap.height;
        canvas.getContext('2d').drawImage(bitmap, 0, 0);
        bitmap.close();
    }

    /** The picture's own pixels in the middle of what is in sight. */
    #part() {
        const { viewer } = this.#room;
        const { width, height } = viewer.sent;
        const [x, y] = viewer.middle;
        const [across, down] = [Math.min(SIDE, width), Math.min((SIDE * 3) / 4, height)];
        const within = (at, size, most) => Math.max(0, Math.min(Math.round(at - size / 2), most - size));
        return [within(x, across, width), within(y, down, height), across, down];
    }
}
