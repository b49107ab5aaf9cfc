// Undo, redo and snapshots of looks.

import { lookKey } from './dom.mjs';

const TOGETHER_MS = 600; // movements of one setting that come closer than this are one step
const MOST = 200;

export class History {
    #past = [];
    #future = [];
    #now = null;
    #changed = { at: -Infinity, settings: '' };

    /** Tells of the look that is now; what it was before can be undone to. */
    record(look, now = performance.now()) {
        if (lookKey(look) === lookKey(this.#now)) return;
        const settings = changedSettings(this.#now, look);
        const same = settings === this.#changed.settings && now - this.#changed.at < TOGETHER_MS;
        if (this.#now !== null && !same) this.#past = [...this.#past.slice(-MOST + 1), this.#now];
        this.#now = look;
        this.#future = [];
        this.#changed = { at: now, settings };
    }

    get canUndo() {
        return this.#past.length > 0;
    }

    get canRedo() {
        return this.#future.length > 0;
    }

    undo() {
        return this.#step(this.#past, this.#future);
    }

    redo() {
        return this.#step(this.#future, this.#past);
    }

    #step(from, to) {
        if (!from.length) return null;
        to.push(this.#now);
        this.#now = from.pop();
        this.#changed = { at: -Infinity, settings: '' };
        return this.#now;
    }
}

function changedSettings(before, after) {
    if (before === null || after === null || typeof before !== 'object' || typeof after !== 'object') return '';
    return [...new Set([...Object.keys(before), ...Object.keys(after)])].filter((key) => before[key] !== after[key]).join(' ');
}

/** Three places for looks. Recalling the one that is shown goes back to what was shown before: a flip. */
export class Snapshots {
    #kept = [null, null, null];
    #other = null;

    store(place, look) {
        this.#kept[place] = look;
    }

    has(place) {
        return this.#kept[place] !== null;
    }

    is(place, look) {
        return this.has(place) && lookKey(this.#kept[place]) === lookKey(look);
    }

    recall(place, look) {
        if (!this.has(place)) return null;
        if (this.is(place, look)) return this.#other;
        this.#other = look;
        return this.#kept[place];
    }
}
