// The stock finder: by maker, speed, kind, mood and name; favourites first.

import { h } from './darkroom/dom.mjs';
import { faultOf, kindOf } from './darkroom/words.mjs';
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
    #like; // elements of "like this picture"
    #reference = null; // {name, hash, file, isOwn}: the picture that films are compared by
    #distances = new Map(); // by stock
    #flight = null;

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
            this.#likeness(), this.#count, this.#list);
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
        this.#like.choose.disabled = this.#like.own.disabled = false;
        if (this.#reference?.isOwn) this.#forget();
        else if (this.#reference) this.#compare();
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
            const distance = h('span', { class: 'distance', title: t('How far its colours are from those of the picture; 0 is the same') });
            const choose = h('button', { class: 'film', title: moods, onclick: () => this.#room.chooseStock(stock.name) }, image,
                h('span', {}, h('b', {}, stock.label), h('small', {}, facts)), distance);
            const star = h('button', { class: 'star', 'aria-label': `${t('Favourite')}: ${stock.label}`, title: t('Favourite'), onclick: () => this.#star(stock.name) }, '★');
            const row = h('div', { class: 'entry' }, choose, star);
            return Object.assign(row, { stock, image, star, distance });
        }));
        this.#filter();
    }

    /** Films by how like another picture they make this one. */
    #likeness() {
        const { t } = this.#room;
        const file = h('input', { type: 'file', accept: 'image/*', hidden: true, class: 'reference', onchange: () => {
            this.likePicture(file.files[0]);
            file.value = '';
        } });
        const button = (text, title, onclick, more = {}) => h('button', { class: 'small', title, onclick, ...more }, text);
        const like = (this.#like = {
            choose: button(t('Like a picture ...'), t('Sorts films by how like another picture they make this one; open a picture first'), () => file.click(), { disabled: true }),
            own: button(t('Like this picture'), t('Sorts films by how little they change the colours of the picture that is open'), () => this.likePicture(null), { disabled: true }),
            end: button(t('By name again'), t('Sorts films by name'), () => this.#forget(), { hidden: true }),
            told: h('p', { class: 'note', role: 'status' }),
        });
        const element = h('div', { class: 'like' }, h('div', { class: 'actions' }, like.choose, like.own, like.end, file), like.told);
        element.addEventListener('dragover', (event) => event.preventDefault());
        element.addEventListener('drop', (event) => {
            const [dropped] = event.dataTransfer.files;
            if (!dropped || like.choose.disabled) return;
            event.preventDefault();
            event.stopPropagation();
            document.body.classList.remove('dropping');
            this.likePicture(dropped);
        });
        return element;
    }

    /** Another picture to compare films by; null: the one that is open, as it is. */
    async likePicture(file) {
        const { t, client, viewer } = this.#room;
        this.#like.told.textContent = t('Working');
        try {
            const { hash } = file ? await client.send(file) : viewer.sent;
            this.#reference = { hash, file, isOwn: !file, name: file?.name ?? t('this picture') };
            await this.#compare();
        } catch (error) {
            this.#like.told.textContent = faultOf(t, error);
        }
    }

    async #compare() {
        const { t } = this.#room;
        const reference = this.#reference;
        this.#flight?.abort();
        const flight = (this.#flight = new AbortController());
        this.#like.told.textContent = t('Working');
        try {
            const stocks = await this.#ranked(reference, flight.signal);
            if (flight !== this.#flight || !stocks) return;
            this.#distances = new Map(stocks.map(({ name, distance }) => [name, distance]));
            this.#like.told.textContent = t('Likest to {name} first', { name: reference.name });
            this.#like.end.hidden = false;
            this.#filter();
        } catch (error) {
            if (flight === this.#flight && error.name !== 'AbortError') this.#like.told.textContent = faultOf(t, error);
        }
    }

    /** Stocks with their distances from a reference, which is sent again where the server has forgotten it. */
    async #ranked(reference, signal) {
        const { viewer, look, client } = this.#room;
        const ask = () => viewer.like({ look, reference: reference.hash }, signal);
        try {
            return await ask();
        } catch (error) {
            if (error.status !== 404 || !reference.file) throw error;
            reference.hash = (await client.send(reference.file, signal)).hash;
            return ask();
        }
    }

    #forget() {
        this.#flight?.abort();
        this.#flight = this.#reference = null;
        this.#distances.clear();
        this.#like.told.textContent = '';
        this.#like.end.hidden = true;
        this.#filter();
        this.#like.choose.focus();
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
        const far = (row) => this.#distances.get(row.stock.name) ?? Infinity;
        const byName = (a, b) => order(a).localeCompare(order(b));
        const focus = this.#list.contains(document.activeElement) ? document.activeElement : null;
        this.#list.append(...rows.sort(this.#reference ? (a, b) => far(a) - far(b) || byName(a, b) : byName));
        for (const row of rows) row.distance.textContent = this.#distances.has(row.stock.name) ? (100 * far(row)).toFixed(1) : '';
        focus?.focus();
        this.#count.textContent = shown === rows.length ? '' : t('{made} of {count}', { made: shown, count: rows.length });
    }
}
