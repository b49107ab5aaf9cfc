// When which preview is asked for: of a look that moves a coarse one, unless fine ones keep up; one as fine as the screen shows as soon as
// it has come and nothing moves; and the picture's own pixels where it is looked at closely. One request is on its way at a time, and the
// newest look is the next. What is on its way while a look moves is let come, or nothing would be seen; but for fine ones that take longer.

import { Gone } from './client.mjs';
import { clamp, lookKey } from './dom.mjs';

const REST_MS = 150; // without another zoom or place, after which these rest
const PAUSE_MS = 40; // without another look, after which a fine preview is begun: it is broken off where the look moves on
const MOVING_MS = 250; // looks that come closer are a movement
const QUICK_MS = 60; // a fine preview that takes less keeps up with movements
const SLOW_MS = 120; // a fine preview that takes longer comes after a coarse one, moving or not
const COARSE = 384; // px, its long side
const COARSER = 256; // and where even that is slow
const PATIENCE_MS = [500, 1000, 2000, 4000]; // between tries while the server is gone

export class Previews {
    #client;
    #view;
    #told;
    #look = null;
    #seed = null;
    #changedAt = -Infinity; // the look
    #isMoving = false;
    #movedAt = -Infinity; // zoom, place or size
    #flight = null; // {controller, yields}
    #timer = 0;
    #tries = 0;
    #fineMs = 0;
    #coarseMs = 0;
    #refused = ''; // the key of what the server refuses, which is not asked for again

    /** `told(what, detail)`: 'preview', 'gone', 'back', 'problem', 'state'. */
    constructor(client, view, told) {
        this.#client = client;
        this.#view = view;
        this.#told = told;
    }

    /** Another look, or the same picture with other grain. */
    show(look, seed) {
        const now = performance.now();
        this.#look = look;
        this.#seed = seed;
        this.#isMoving = now - this.#changedAt < MOVING_MS;
        this.#changedAt = now;
        if (this.#flight?.yields) this.#flight.controller.abort();
        this.ask();
    }

    /** Another picture: nothing that was made is of it. */
    restart() {
        this.#flight?.controller.abort();
        this.#flight = null;
        this.#fineMs = this.#coarseMs = 0;
        this.#refused = '';
        this.#isMoving = false;
        this.#changedAt = -Infinity;
        this.ask();
    }

    /** Zoom, place or size are others. */
    moved() {
        this.#movedAt = performance.now();
        this.ask();
    }

    /** Something may be missing on screen: the look, its size, its detail. */
    ask() {
        clearTimeout(this.#timer);
        if (this.#flight || !this.#client.picture) return;
        const next = this.#next();
        if (!next) {
            if (this.#refused && this.#refused !== this.#key()) { // what is shown already is wanted again: nothing comes that clears it
                this.#refused = '';
                this.#told('back');
            }
            return this.#told('state', 'rest');
        }
        this.#told('state', 'working');
        if (next.wait) this.#timer = setTimeout(() => this.ask(), next.wait);
        else this.#fetch(next);
    }

    #key() {
        const depth = this.#look?.aperture ? this.#client.depthKey : '';
        return `${this.#client.picture.hash} ${depth} ${this.#seed} ${lookKey(this.#look)}`;
    }

    #next() {
        const view = this.#view;
        const key = this.#key();
        if (this.#refused === key) return null;
        const side = view.fineSide();
        const now = performance.now();
        const wait = Math.ceil(Math.max(this.#changedAt + PAUSE_MS, this.#movedAt + REST_MS) - now);
        if (this.#look === null) return this.#nextBefore(side, wait);
        if (view.afterKey !== key) {
            const coarse = Math.min(this.#coarseMs > SLOW_MS ? COARSER : COARSE, side);
            const isCoarse = this.#fineMs > (this.#isMoving ? QUICK_MS : SLOW_MS);
            return isCoarse ? { key, side: coarse, fine: coarse === side } : { key, side, fine: true };
        }
        if (view.isComparing() || view.beforeSide === 0) {
            const before = this.#nextBefore(side, wait);
            if (before) return before;
        }
        const crop = view.detailCrop();
        const lacksDetail = crop && view.detailKey !== `${key} ${crop}`;
        if (!lacksDetail && view.afterSide === side) return null;
        if (wait > 0) return { wait };
        return lacksDetail ? { key, crop, fine: true } : { key, side, fine: true }; // what is looked at closely comes first
    }

    /** What is missing of the undeveloped picture; at once where there is none. */
    #nextBefore(side, wait) {
        const view = this.#view;
        const { hash } = this.#client.picture;
        if (view.beforeKey !== hash) return { key: hash, side, fine: true, before: true };
        const crop = view.isComparing() || this.#look === null ? view.detailCrop() : null;
        const detail = crop && view.beforeDetailKey !== `${hash} ${crop}`;
        if (view.beforeSide === side && !detail) return null;
        if (wait > 0) return { wait };
        return view.beforeSide !== side ? { key: hash, side, fine: true, before: true } : { key: hash, crop, fine: true, before: true };
    }

    async #fetch({ key, side, crop, fine, before = false }) {
        const controller = new AbortController();
        const flight = { controller, yields: fine && !before && this.#fineMs > QUICK_MS };
        this.#flight = flight;
        const size = crop ? { crop, format: 'png' } : { long_side: side, quality: fine ? 92 : 85 };
        const seed = this.#seed == null ? {} : { seed: this.#seed };
        let again = 0;
        try {
            const made = await this.#client.preview(before ? 'before' : 'after', { look: before ? null : this.#look, ...seed, ...size }, controller.signal);
            if (flight === this.#flight && made) this.#paint(made, { key, side, crop, fine, before });
            if (this.#tries) this.#told('back');
            this.#tries = 0;
        } catch (error) {
            if (error.name === 'AbortError' || !this.#client.picture) {
                // a newer one is next, or another picture is on its way
            } else if (error instanceof Gone) {
                again = PATIENCE_MS[clamp(this.#tries++, 0, PATIENCE_MS.length - 1)];
                this.#told('gone');
            } else {
                this.#refused = this.#key();
                this.#told('problem', error.message);
            }
        }
        if (flight !== this.#flight) return;
        this.#flight = null;
        if (again) this.#timer = setTimeout(() => this.ask(), again);
        else this.ask();
    }

    #paint(made, { key, side, crop, fine, before }) {
        const view = this.#view;
        if (before) {
            if (crop) view.setBeforeDetail(made.bitmap, crop, `${key} ${crop}`);
            else view.setBefore(made.bitmap, key, side);
            return;
        }
        if (crop) view.setDetail(made.bitmap, crop, `${key} ${crop}`);
        else view.setAfter(made.bitmap, key, side);
        if (!crop && fine) this.#fineMs = made.ms;
        if (!crop && !fine) this.#coarseMs = made.ms;
        this.#told('preview', { ms: Math.round(made.ms), device: made.device, busy: made.busy, depth: made.depth, fine, current: key === this.#key() });
    }
}
