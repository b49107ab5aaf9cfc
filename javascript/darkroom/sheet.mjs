// The contact sheet: the picture on every film, paper or look, or up a ladder of a setting; a click takes its settings over.

import { h } from './dom.mjs';
import { ladder } from './ladder.mjs';
import { faultOf, valueOf } from './words.mjs';

const STEPS = [5, 6, 7, 8, 9];
const FRAME = 320; // px, the long side of a frame
const REACH = 1 / 4; // of a number's range to both sides of where it is
const LADDER = ['exposure', 'grain']; // settings that a ladder begins with

export class SheetPanel {
    #room;
    #frames;
    #note;
    #of;
    #settings = [];
    #steps;
    #properties = {};
    #flight = null;
    #made = '';

    constructor(room) {
        this.#room = room;
        const { t } = room;
        this.#of = h(
            'select',
            { 'aria-label': t('Contact sheet of'), onchange: () => this.#chosen() },
            [
                ['stocks', t('All films')],
                ['papers', t('All papers')],
                ['looks', t('All looks')],
                ['setting', t('One setting')],
                ['settings', t('Two settings')],
            ].map(([value, text]) => h('option', { value }, text)),
        );
        this.#settings = LADDER.map((_, i) => h('select', { 'aria-label': i ? t('Second setting') : t('Setting'), hidden: true, onchange: () => this.make() }));
        this.#steps = h('select', { 'aria-label': t('Steps'), hidden: true, onchange: () => this.make() }, STEPS.map((n) => h('option', { value: n, selected: n === 5 }, n)));
        this.#note = h('span', { class: 'note', role: 'status' });
        const again = h('button', { onclick: () => this.make(), title: t('Make the sheet with the settings as they are now') }, t('Make anew'));
        this.#frames = h('div', { class: 'frames' });
        this.element = h(
            'section',
            { class: 'panel sheet', 'aria-label': t('Contact sheet') },
            h('div', { class: 'tools' }, this.#of, this.#settings, this.#steps, again, this.#note),
            this.#frames,
        );
    }

    opened() {
        if (this.#made !== this.#key()) this.make();
    }

    closed() {
        if (!this.#flight) return;
        this.#flight.abort();
        this.#flight = null;
        this.#made = '';
        this.#room.sheetAtWork(false);
    }

    /** The look or the picture is another: what is shown says so. */
    changed() {
        const { t, client } = this.#room;
        if (this.#made && !this.#made.startsWith(client.picture?.hash)) return void this.make(); // of another picture
        if (this.#made && !this.#flight) this.#note.textContent = this.#made === this.#key() ? '' : t('Made with other settings');
        const chosen = this.#room.lookKey();
        for (const frame of this.#frames.children) frame.setAttribute('aria-pressed', String(frame.dataset.key === chosen));
    }

    async #chosen() {
        const count = { setting: 1, settings: 2 }[this.#of.value] ?? 0;
        this.#settings.forEach((select, i) => (select.hidden = i >= count));
        this.#steps.hidden = !count;
        if (count && !this.#settings[0].length) await this.#fill();
        this.make();
    }

    async #fill() {
        const { t } = this.#room;
        const { properties } = await this.#room.schema();
        this.#properties = properties;
        const stepped = Object.entries(properties).filter(([, about]) => about['x-step'] || about.enum);
        this.#settings.forEach((select, i) => {
            select.append(...stepped.map(([key, about]) => h('option', { value: key, selected: key === LADDER[i] }, t(about.title))));
        });
    }

    /** What a ladder of a number shows: a quarter of its range to both sides of where it is, within what is allowed. */
    #valuesOf(key) {
        const about = this.#properties[key];
        if (!about['x-step']) return {};
        return { values: ladder(about, this.#room.look?.[key] ?? about.default, Number(this.#steps.value), REACH) };
    }

    #key() {
        return `${this.#room.client.picture?.hash} ${this.#room.lookKey()}`;
    }

    async make() {
        const { client, t } = this.#room;
        if (!client.picture) return;
        this.#flight?.abort();
        const flight = (this.#flight = new AbortController());
        this.#made = this.#key();
        this.#frames.replaceChildren();
        this.#note.textContent = t('Working');
        this.#room.sheetAtWork(true);
        const of = this.#of.value;
        const [first, second] = this.#settings.map((select) => select.value);
        const ladder = { setting: { setting: first }, settings: { setting: first, second } }[of];
        const steps = ladder ? { ...ladder, steps: Number(this.#steps.value), ...this.#valuesOf(first) } : {};
        this.#frames.classList.toggle('grid', of === 'settings');
        this.#frames.style.setProperty('--columns', this.#steps.value);
        try {
            const fields = { look: this.#room.look, of, ...steps, long_side: FRAME };
            for await (const frame of client.sheet('sheet', fields, flight.signal)) {
                if (flight !== this.#flight) return;
                this.#add(frame);
            }
            this.#note.textContent = '';
        } catch (error) {
            if (error.name !== 'AbortError' && flight === this.#flight) {
                this.#made = '';
                this.#note.textContent = faultOf(t, error);
            }
        }
        if (flight !== this.#flight) return;
        this.#flight = null;
        this.#room.sheetAtWork(false);
        this.changed();
    }

    /** What stands below a frame: of a ladder its settings and their values. */
    #captionOf(label, values) {
        const { t } = this.#room;
        const steps = Object.entries(values ?? {}).filter(([key]) => this.#properties[key]);
        const isLadder = ['setting', 'settings'].includes(this.#of.value);
        return isLadder && steps.length ? steps.map(([key, value]) => `${t(this.#properties[key].title)} ${valueOf(t, this.#properties[key], value)}`).join(' · ') : t(label);
    }

    #add({ index, count, label, values, look, image, error }) {
        const { t } = this.#room;
        const shown = image ? h('img', { src: `data:image/jpeg;base64,${image}`, alt: '' }) : h('span', { class: 'failed' }, t.sentence(error));
        const caption = this.#captionOf(label, values);
        const frame = h(
            'button',
            { class: 'frame', title: error ? t.sentence(error) : caption, disabled: !look || Boolean(error), onclick: () => this.#room.choose(look) },
            shown,
            h('span', { class: 'caption' }, caption),
        );
        frame.place = index;
        frame.dataset.key = look ? this.#room.keyOf(look) : '';
        frame.setAttribute('aria-pressed', String(frame.dataset.key === this.#room.lookKey()));
        const next = [...this.#frames.children].find((other) => other.place > index);
        this.#frames.insertBefore(frame, next ?? null); // in order for the keyboard too, however they come
        this.#note.textContent = t('{made} of {count}', { made: this.#frames.children.length, count });
    }
}
