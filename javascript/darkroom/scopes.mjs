// Scopes: parade, histogram, and the picture's colours before and after, live.

import { Gone } from './client.mjs';
import { bytes, h } from './dom.mjs';
import { colours, histogram, parade } from './plots.mjs';

export class ScopesPanel {
    #room;
    #plots;
    #clipped;
    #flight = null;
    #made = '';
    #last = null;

    constructor(room) {
        this.#room = room;
        const { t } = room;
        const plot = (name) => h('canvas', { role: 'img', 'aria-label': name });
        this.#plots = {
            parade: plot(t('Parade of red, green and blue')),
            histogram: plot(t('Histogram')),
            before: plot(t('Colours before')),
            after: plot(t('Colours after')),
        };
        this.#clipped = h('span', { class: 'note' });
        const figure = (key, name, ...more) => h('figure', { class: key }, this.#plots[key], h('figcaption', {}, name, ...more));
        this.element = h(
            'section',
            { class: 'panel scopes', 'aria-label': t('Scopes') },
            figure('parade', t('Parade of red, green and blue')),
            figure('histogram', t('Histogram'), this.#clipped),
            figure('before', t('Colours before')),
            figure('after', t('Colours after')),
        );
    }

    opened() {
        if (this.#last) requestAnimationFrame(() => this.#draw());
        this.changed();
    }

    closed() {}

    resized() {
        if (this.#last) this.#draw();
    }

    /** Asks for the scopes of the look as it is; one request at a time. */
    async changed() {
        const key = this.#key();
        if (this.#flight || !this.#room.client.picture || key === this.#made) return;
        const flight = (this.#flight = {});
        this.#made = key;
        try {
            const told = await this.#room.client.scopes({ look: this.#room.look });
            if (told) {
                this.#last = told;
                this.#draw();
            }
        } catch (error) {
            this.#made = error instanceof Gone ? '' : key; // a look that is refused is told of by its preview
        }
        if (flight === this.#flight) this.#flight = null;
        if (this.element.isConnected && this.#made && this.#made !== this.#key()) this.changed();
    }

    #key() {
        return `${this.#room.client.picture?.hash} ${this.#room.lookKey()}`;
    }

    #draw() {
        const { t } = this.#room;
        const { before, after } = this.#last;
        if (!this.#plots.parade.clientWidth) return;
        const data = Object.fromEntries(['r', 'g', 'b'].map((channel) => [channel, bytes(after.parade[channel])]));
        parade(this.#plots.parade, { ...after.parade, data });
        histogram(this.#plots.histogram, after);
        colours(this.#plots.before, before.colours);
        colours(this.#plots.after, after.colours);
        const share = (part) => (100 * part).toFixed(part < 0.1 ? 1 : 0);
        const { black, white } = after.clipped;
        this.#clipped.textContent = t('black {black} %, white {white} %', { black: share(black), white: share(white) });
    }
}
