// The stock finder: by maker, speed, kind, mood and name; favourites first.

import { h } from './darkroom/dom.mjs';
import { kindOf } from './darkroom/words.mjs';
import { keep, kept } from './storage.mjs';
import { Thumbnails } from './thumbnails.mjs';

const SPEEDS = [[0, 64], [80, 125], [160, 250], [320, 500], [640, 6400]]; // ISO, from and to

export class Films {
    #room;
    #list;
    #count;
    #filters;
    #favourites = new Set(kept('favourites', []));
    #thumbnails;

    constructor(room) {
        this.#room = room;
        const { t, stocks } = room;
        const values = (key) => [...new Set(stocks.map((stock) => stock[key]).filter(Boolean))].sort();
        const select = (name, options) => h('select', { 'aria-label': name, title: name, onchange: () => this.#filter() },
            h('option', { value: '' }, name), options.map(([value, text]) => h('option', { value }, text)));
        this.#filters = {
            text: h('input', { type: 'search', placeholder: t('Find a film'), 'aria-label': t('Find a film'), oninput: () => this.#filter() }),
            maker: select(t('Maker'), values('maker').map((maker) => [maker, maker])),
            iso: select(t('ISO'), SPEEDS.map(([low, high], i) => [i, low ? `${low} – ${high}` : `≤ ${high}`])),
            mood: select(t('Moods'), [...new Set(stocks.flatMap((stock) => stock.moods))].sort().map((mood) => [mood, t(mood)])),
            kind: select(t('Kind'), values('kind').map((kind) => [kind, kindOf(t, kind)])),
        };
        this.#count = h('p', { class: 'note', role: 'status' });
        this.#list = h('div', { class: 'films', role: 'group', 'aria-label': t('Films') });
        this.element = h('div', { class: 'finder' },
            this.#filters.text,
            h('div', { class: 'selects' }, this.#filters.maker, this.#filters.iso, this.#filters.mood, this.#filters.kind),
            this.#count, this.#list);
        this.#thumbnails = new Thumbnails(room, 'stocks', ({ look }, source) => {
            const row = [...this.#list.children].find((one) => one.stock.name === look?.stock);
            if (row) row.image.src = source;
            if (row) row.image.hidden = false;
        });
        this.#fill();
    }

    shown() {
        this.#thumbnails.make(this.#room.look);
    }

    pictureChanged() {
        for (const row of this.#list.children) row.image.hidden = true;
    }

    previewShown() {
        if (this.element.offsetParent) this.shown();
    }

    lookChanged() {
        for (const row of this.#list.children) row.firstChild.setAttribute('aria-pressed', String(row.stock.name === this.#room.look.stock));
    }

    #fill() {
        const { t, stocks } = this.#room;
        this.#list.replaceChildren(...stocks.map((stock) => {
            const facts = [stock.iso && `ISO ${stock.iso}`, stock.kind !== 'negative' && kindOf(t, stock.kind)].filter(Boolean).join(' · ');
            const moods = stock.moods.map((mood) => t(mood)).join(', ');
            const image = h('img', { alt: '', hidden: true });
            const choose = h('button', { class: 'film', title: moods, onclick: () => this.#room.chooseStock(stock.name) }, image,
                h('span', {}, h('b', {}, stock.label), h('small', {}, facts)));
            const star = h('button', { class: 'star', 'aria-label': `${t('Favourite')}: ${stock.label}`, title: t('Favourite'), onclick: () => this.#star(stock.name) }, '★');
            const row = h('div', { class: 'entry' }, choose, star);
            return Object.assign(row, { stock, image, star });
        }));
        this.#filter();
    }

    #star(name) {
        if (!this.#favourites.delete(name)) this.#favourites.add(name);
        keep('favourites', [...this.#favourites]);
        this.#filter();
    }

    #filter() {
        const { text, maker, iso, mood, kind } = this.#filters;
        const words = text.value.toLowerCase().split(/\s+/).filter(Boolean);
        const [low, high] = SPEEDS[iso.value] ?? [0, Infinity];
        const { t } = this.#room;
        const fits = (stock) => {
            const told = [stock.name, stock.label, stock.maker, kindOf(t, stock.kind), ...stock.moods].map((word) => `${word ?? ''} ${t(word ?? '')}`).join(' ').toLowerCase();
            return (
                words.every((word) => told.includes(word)) && (!maker.value || stock.maker === maker.value) && (!kind.value || stock.kind === kind.value) &&
                (!iso.value || (stock.iso >= low && stock.iso <= high)) && (!mood.value || stock.moods.includes(mood.value))
            );
        };
        let shown = 0;
        const rows = [...this.#list.children];
        for (const row of rows) {
            row.hidden = !fits(row.stock);
            shown += !row.hidden;
            row.star.setAttribute('aria-pressed', String(this.#favourites.has(row.stock.name)));
        }
        const order = (row) => `${this.#favourites.has(row.stock.name) ? 0 : 1}${row.stock.label}`;
        const focus = this.#list.contains(document.activeElement) ? document.activeElement : null;
        this.#list.append(...rows.sort((a, b) => order(a).localeCompare(order(b))));
        focus?.focus();
        this.#count.textContent = shown === rows.length ? '' : t('{made} of {count}', { made: shown, count: rows.length });
    }
}
