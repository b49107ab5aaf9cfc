// One picture of a batch: its line in the list, how far it is, and what became of it.

import { h } from './darkroom/dom.mjs';

const THUMBNAIL = { width: 104, height: 78 }; // px, twice what it has on screen
let queue = Promise.resolve(); // one thumbnail at a time
const seen = new IntersectionObserver((entries) => {
    for (const { isIntersecting, target } of entries) {
        if (!isIntersecting) continue;
        seen.unobserve(target);
        queue = queue.then(() => paint(target, target.source));
    }
});

export class Job {
    state = 'waiting'; // working, done, failed, passed
    why = '';
    name = '';
    result = null;
    #t;
    #canvas;
    #state;
    #save;
    #remove;
    #named;

    /** `depth` is the file of its depth map, or null. */
    constructor(t, file, path, depth, remove, save) {
        this.#t = t;
        this.file = file;
        this.path = path;
        this.depth = depth;
        this.#canvas = h('canvas', { ...THUMBNAIL, 'aria-hidden': 'true' });
        this.#canvas.source = file;
        seen.observe(this.#canvas);
        this.#named = h('small', {});
        this.#state = h('span', { class: 'note' });
        this.#save = h('button', { class: 'small', hidden: true, 'aria-label': `${t('Save')}: ${path}`, onclick: () => save(this) }, t('Save'));
        this.#remove = h('button', { class: 'small remove', 'aria-label': `${t('Remove from the list')}: ${path}`, title: t('Remove from the list'), onclick: () => remove(this) }, '×');
        this.element = h('li', {}, this.#canvas, h('span', { class: 'what' }, h('span', {}, path, depth && h('small', { class: 'map' }, ` + ${t('depth map')}`)), this.#named), this.#state, this.#save, this.#remove);
    }

    /** The name that its file will have. */
    call(name) {
        this.name = name;
        this.#named.textContent = `→ ${name}`;
    }

    reset() {
        this.#become('waiting', '');
        this.result = null;
        this.#save.hidden = true;
    }

    work(share) {
        this.#become('working', `${Math.round(100 * share)} %`);
    }

    finish(result) {
        this.result = result;
        this.#become('done', this.#t('developed'));
        this.#save.hidden = false;
        this.#canvas.source = result;
        seen.unobserve(this.#canvas);
        seen.observe(this.#canvas); // as it is now
    }

    fail(why) {
        this.#become('failed', this.#t('failed'));
        this.why = this.#state.title = why;
    }

    pass(why) {
        this.#become('passed', why);
    }

    lock(on) {
        this.#remove.disabled = on;
    }

    /** What became of it, for the report. */
    told(t) {
        return { done: t('developed'), failed: this.why, passed: t('developed already') }[this.state] ?? t('not developed');
    }

    #become(state, text) {
        this.state = state;
        this.why = this.#state.title = '';
        this.#state.textContent = text;
        this.element.dataset.state = state;
    }
}

/** A small picture of a file; none of what the browser cannot read. */
async function paint(canvas, file) {
    const bitmap = await createImageBitmap(file, { resizeHeight: 2 * THUMBNAIL.height, resizeQuality: 'medium' }).catch(() => null);
    if (!bitmap) return;
    const scale = Math.max(THUMBNAIL.width / bitmap.width, THUMBNAIL.height / bitmap.height);
    const [width, height] = [bitmap.width * scale, bitmap.height * scale];
    canvas.getContext('2d').drawImage(bitmap, (THUMBNAIL.width - width) / 2, (THUMBNAIL.height - height) / 2, width, height);
    bitmap.close();
}
