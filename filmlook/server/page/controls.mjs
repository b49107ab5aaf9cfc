// The settings, made from the table that the server tells: what one needs first, the rest folded by stage of the film's way.

import { h } from './darkroom/dom.mjs';
import { valueOf } from './darkroom/words.mjs';
import { Sketch } from './sketch.mjs';
import { keep } from './storage.mjs';

/** Settings that mean nothing to most films, by what the server tells of a film. */
const ONLY = {
    context: ({ kind }) => kind === 'network',
    toning: ({ granularity }) => granularity?.length === 1, // a single layer: black and white
};
const MOST_SEED = 2 ** 32;
const FIRST = ['stock', 'print', 'strength', 'exposure', 'grain', 'halation'];

export class Controls {
    #room;
    #help;
    #sketch;
    #rows = new Map(); // by key: {element, show(value)}
    #folds = [];
    #openFilms;
    #lens;

    constructor(room, openFilms, language) {
        this.#room = room;
        this.#openFilms = openFilms;
        const { t, schema } = room;
        const settings = Object.entries(schema.properties).filter(([, about]) => about['x-group']);
        this.#help = h('p', { id: 'setting-help' });
        this.#sketch = new Sketch(room);
        const first = FIRST.map((key) => this.#row(key, schema.properties[key]));
        const groups = [...new Set(settings.map(([, about]) => about['x-group']))];
        const folds = groups.map((group) => this.#fold(group, settings.filter(([key, about]) => about['x-group'] === group && !FIRST.includes(key))));
        const title = h('h2', {}, t('Settings'));
        const reset = h('button', { class: 'small', onclick: () => room.setLook(room.presetLook()), title: t('Every setting as in the preset') }, t('Reset all'));
        this.element = h('div', { class: 'controls' },
            h('div', { class: 'head' }, title, reset),
            h('div', { class: 'rows' }, first, this.#lenses(), folds.filter(Boolean), this.#seed(),
                h('div', { class: 'row language' }, h('label', { for: 'language' }, t('Language')), language)),
            h('div', { class: 'help' }, this.#help, this.#sketch.element),
        );
        this.#explain('');
    }

    pictureChanged() {
        this.#sketch.clear();
        this.#sketch.element.hidden = false; // its room is kept from now on
    }

    lookChanged() {
        const { look } = this.#room;
        for (const [key, row] of this.#rows) {
            row.show(look[key]);
            row.element.classList.toggle('changed', this.#room.differs(key));
        }
        this.#lens.value = this.#lensOf(look)?.name ?? '';
        this.#sketch.lookChanged();
        this.#suit(look.stock);
        for (const { summary, keys } of this.#folds) summary.classList.toggle('changed', keys.some((key) => this.#room.differs(key)));
    }

    #fold(group, settings) {
        if (!settings.length) return null;
        const { t } = this.#room;
        const keys = settings.map(([key]) => key);
        const reset = h('button', { class: 'small', title: t('This group as in the preset'), onclick: (event) => {
            event.preventDefault();
            const base = this.#room.presetLook();
            this.#room.setLook({ ...this.#room.look, ...Object.fromEntries(keys.map((key) => [key, base[key]])) });
        } }, t('Reset'));
        const summary = h('summary', {}, h('span', {}, t(group)), reset);
        this.#folds.push({ summary, keys });
        return h('details', {}, summary, settings.map(([key, about]) => this.#row(key, about)));
    }

    #row(key, about) {
        const { t } = this.#room;
        const title = t(about.title);
        const id = `setting-${key}`;
        const parts = about.type === 'number' ? this.#number(key, about, id, title) : key === 'stock' ? this.#stock(id) : this.#choice(key, about, id);
        const back = () => this.#room.set(key, this.#room.presetLook()[key]);
        const label = h('label', { for: id, ondblclick: back, title: t('Double click: as in the preset') }, title);
        const reset = h('button', { class: 'back', onclick: back, title: t('As in the preset'), 'aria-label': `${t('As in the preset')}: ${title}` }, '↺');
        const explain = () => {
            this.#explain(key);
            this.#sketch.point(key);
        };
        const leave = () => this.#sketch.leave();
        const listeners = { onpointerenter: explain, onfocusin: explain, onpointerleave: leave, onfocusout: leave };
        const element = h('div', { class: `row ${about.type}`, ...listeners }, label, reset, parts.elements);
        for (const control of element.querySelectorAll('input, select')) control.setAttribute('aria-describedby', 'setting-help');
        this.#rows.set(key, { element, show: parts.show });
        return element;
    }

    #number(key, about, id, title) {
        const limits = { min: about.minimum, max: about.maximum, step: about['x-step'] };
        const number = h('input', { type: 'number', id, ...limits, onchange: () => this.#typed(key, about, number) });
        const range = h('input', { type: 'range', ...limits, 'aria-label': title, oninput: () => {
            number.value = range.value;
            this.#fill(range);
            this.#set(key, Number(range.value));
        }, ondblclick: () => this.#room.set(key, this.#room.presetLook()[key]) });
        const show = (value) => {
            range.value = value;
            number.value = Number(value.toFixed(4));
            this.#fill(range);
        };
        return { elements: [number, range], show };
    }

    /** The track is filled from the setting's neutral value on: from 0 where that is within, else from the left. */
    #fill(range) {
        const { min, max, value } = range;
        const share = (number) => (100 * (number - min)) / (max - min);
        const [a, b] = [share(Math.max(min, 0)), share(value)].sort((x, y) => x - y);
        range.style.setProperty('--from', `${a}%`);
        range.style.setProperty('--to', `${b}%`);
    }

    #typed(key, about, number) {
        const value = number.valueAsNumber;
        if (Number.isFinite(value)) this.#set(key, Math.min(about.maximum, Math.max(about.minimum, value)));
        this.#rows.get(key).show(this.#room.look[key]);
    }

    #set(key, value) {
        this.#room.set(key, value);
    }

    #stock(id) {
        const { stocks, t } = this.#room;
        const select = h('select', { id, onchange: () => this.#room.chooseStock(select.value) }, stocks.map(({ name, label }) => h('option', { value: name }, label)));
        const find = h('button', { class: 'small', onclick: this.#openFilms, title: t('Find a film by maker, speed or mood') }, t('Find'));
        return { elements: [h('div', { class: 'pair' }, select, find)], show: (value) => (select.value = value) };
    }

    #choice(key, about, id) {
        const { t, prints } = this.#room;
        const values = about.enum?.map((value) => [value, valueOf(t, about, value)]) ?? prints;
        const select = h('select', { id, onchange: () => this.#set(key, select.value) }, values.map(([value, text]) => h('option', { value }, text)));
        const show = (value) => {
            if (![...select.options].some((option) => option.value === value)) select.append(h('option', { value }, value));
            select.value = value;
        };
        return { elements: [select], show };
    }

    /** The list of lenses: choosing one sets what is a lens's. It is no setting itself, and shows the one that the settings are. */
    #lenses() {
        const { t, lenses } = this.#room;
        const byName = Object.fromEntries(lenses.map((lens) => [lens.name, lens]));
        const select = (this.#lens = h('select', { id: 'lens', 'aria-describedby': 'setting-help', onchange: () => this.#room.setLook({ ...this.#room.look, ...byName[select.value].settings }) },
            h('option', { value: '', disabled: true, hidden: true }, t('Settings of your own')),
            lenses.map(({ name, label, help }) => h('option', { value: name, title: t(help) }, t(label)))));
        const explain = () => this.#help.replaceChildren(h('b', {}, t('Lens')), ` ${t(byName[select.value]?.help ?? "Sets what is the lens's; the film and its colours stay.")}`);
        return h('div', { class: 'row string', onpointerenter: explain, onfocusin: explain }, h('label', { for: 'lens' }, t('Lens')), select);
    }

    #lensOf(look) {
        return this.#room.lenses.find(({ settings }) => Object.entries(settings).every(([key, value]) => look[key] === value));
    }

    /** Papers that the film cannot be printed on are greyed, and what means nothing to it is hidden. */
    async #suit(stock) {
        const allowed = await this.#room.printsOf(stock);
        if (stock !== this.#room.look.stock) return;
        for (const option of this.element.querySelectorAll('#setting-print option')) option.disabled = !allowed.includes(option.value);
        const facts = this.#room.facts[stock];
        for (const [key, means] of Object.entries(ONLY)) this.#rows.get(key).element.hidden = Boolean(facts) && !means(facts);
    }

    #seed() {
        const room = this.#room;
        const { t } = room;
        const set = (seed) => {
            number.value = room.seed = room.viewer.seed = seed;
            keep('seed', seed);
        };
        const number = h('input', { type: 'number', id: 'seed', min: 0, max: MOST_SEED, step: 1, value: room.seed, onchange: () =>
            set(Number.isInteger(number.valueAsNumber) && number.valueAsNumber >= 0 ? Math.min(number.valueAsNumber, MOST_SEED) : 0) });
        const other = h('button', { class: 'small', onclick: () => set(Math.floor(Math.random() * 1e6)), title: t('The same grain, laid otherwise') }, t('Other grain'));
        return h('div', { class: 'row seed' }, h('label', { for: 'seed' }, t('Grain seed')), other, number);
    }

    #explain(key) {
        const { schema, t } = this.#room;
        const about = schema.properties[key];
        if (!about) {
            this.#help.textContent = t('Point at a setting to see what it does.');
            return;
        }
        const unit = { x: '×', um: 'µm' }[about['x-unit']] ?? t(about['x-unit'] ?? '');
        const range = about.type === 'number' ? `${about.minimum} – ${about.maximum} ${unit}`.trim() : '';
        const text = t(about.description.replace(/ Allowed: .*/, ''));
        this.#help.replaceChildren(h('b', {}, t(about.title)), ` ${text} `, h('span', {}, range));
    }
}
