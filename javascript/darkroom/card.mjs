// The film card: what is known of the stock, as plots and words.

import { h } from './dom.mjs';
import { CHANNELS, lines } from './plots.mjs';
import { antihalationOf, faultOf, fitOf, kindOf } from './words.mjs';

const SILVER = '#9a9a9a'; // the line of a film of one layer

export class CardPanel {
    #room;
    #cards = new Map(); // by stock and print
    #shown = '';
    #drawn = [];

    constructor(room) {
        this.#room = room;
        this.element = h('section', { class: 'panel card', 'aria-label': room.t('Film card') });
    }

    opened() {
        this.changed();
        this.resized();
    }

    closed() {}

    resized() {
        if (this.element.clientWidth) for (const draw of this.#drawn) draw();
    }

    async changed() {
        const { stock, print = 'stock' } = this.#room.look ?? {};
        const key = `${stock} ${print}`;
        if (!stock || key === this.#shown) return;
        this.#shown = key;
        try {
            if (!this.#cards.has(key)) {
                this.#cards.set(key, await this.#room.client.get(`card/${encodeURIComponent(stock)}?print=${encodeURIComponent(print)}`));
            }
            if (key === this.#shown) this.#show(this.#cards.get(key));
        } catch (error) {
            this.#shown = '';
            this.#drawn = [];
            this.element.replaceChildren(h('p', { class: 'note' }, faultOf(this.#room.t, error)));
        }
    }

    #show(card) {
        const { t } = this.#room;
        this.#drawn = [];
        const facts = [
            [t('Antihalation layer'), antihalationOf(t, card.halation)],
            [t('Moods'), (card.moods ?? []).map((mood) => t(mood)).join(', ')],
            [t('Quality of fit'), fitOf(card.fit ?? {})],
        ].filter(([, value]) => value);
        const sources = [card.sources ?? []].flat();
        this.element.replaceChildren(...[
            h(
                'div',
                { class: 'about' },
                h('h3', {}, card.label),
                h('p', { class: 'note' }, [card.maker, card.iso && `ISO ${card.iso}`, kindOf(t, card.kind)].filter(Boolean).join(' · ')),
                h('dl', {}, facts.map(([name, value]) => [h('dt', {}, name), h('dd', {}, value)])),
                sources.length ? h('details', {}, h('summary', {}, t('Sources')), h('ul', {}, sources.map((source) => h('li', {}, source)))) : null,
            ),
            card.curves ? null : h('p', { class: 'note' }, t('This film is one map of colours: it has no curves to show.')),
            this.#plot(card, t('Characteristic curves'), card.curves, 'log_exposure', { xLabel: 'log H', yLabel: 'D' }),
            this.#plot(card, t('Granularity'), card.granularity, 'code', { xLabel: t('Code value'), yLabel: 'σ', low: 0 }),
            this.#plot(card, t('MTF'), card.mtf, 'cycles_mm', { xLabel: t('Cycles per mm'), yLabel: t('Response'), log: true, low: 0 }),
        ].filter(Boolean));
        this.resized();
    }

    #plot({ layers }, name, told, along, axes) {
        if (!told) return null;
        const canvas = h('canvas', { role: 'img', 'aria-label': name });
        const drawn = layers === 1 ? [['g', SILVER]] : Object.entries(CHANNELS);
        this.#drawn.push(() => lines(canvas, { x: told[along], lines: drawn.map(([channel, colour]) => ({ y: told[channel], colour })), ...axes }));
        return h('figure', {}, canvas, h('figcaption', {}, name));
    }
}
