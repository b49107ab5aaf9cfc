// The stand-alone page: picture, looks, films and settings around the viewer.

import { Darkroom } from './film_look_darkroom.mjs';
import { Client } from './darkroom/client.mjs';
import { h, isTyping, lookKey } from './darkroom/dom.mjs';
import { translator } from './darkroom/texts.mjs';
import { Batch } from './batch.mjs';
import { Clip, isFilm } from './clip.mjs';
import { Controls } from './controls.mjs';
import { entriesOf, filesOf } from './dropped.mjs';
import { Export } from './export.mjs';
import { Films } from './films.mjs';
import { Looks } from './looks.mjs';
import { Matching } from './matching.mjs';
import { chosenLanguage, languageSelect, readTexts } from './languages.mjs';
import { kept, keep } from './storage.mjs';

const BASE = 'sdapi/v1/film-look'; // beside this page, wherever a proxy puts it
const START = 'gold-snapshot';
const PATIENCE_MS = 1500;

/** What the parts of the page share. */
class Room {
    look = null; // every setting by key
    preset = null; // the one that was chosen last, which `look` may differ from
    seed = kept('seed', 1);
    file = null; // the picture as it came
    listeners = [];
    facts = {}; // of stocks, by name

    constructor(client, t, told) {
        this.client = client;
        this.t = t;
        Object.assign(this, told);
        const { properties } = this.schema;
        this.defaults = Object.fromEntries(Object.entries(properties).flatMap(([key, about]) => ('default' in about ? [[key, about.default]] : [])));
    }

    complete(look) {
        const { version, ...settings } = look; // eslint-disable-line no-unused-vars
        return { ...this.defaults, ...settings };
    }

    /** A look's film, and what differs from the defaults. */
    brief(look) {
        return Object.fromEntries(Object.entries(look).filter(([key, value]) => key === 'stock' || value !== this.defaults[key]));
    }

    /** Another look; `from` is whoever made it, who knows already. */
    setLook(look, from = null) {
        this.look = this.complete(look);
        for (const listener of this.listeners) if (listener !== from) listener.lookChanged();
        keep('look', { look: this.look, preset: this.preset?.name });
    }

    set(key, value, from = null) {
        this.setLook({ ...this.look, [key]: value }, from);
    }

    /** Another film; where it cannot be printed as the last one was, as it is printed unless told. */
    async chooseStock(stock) {
        const prints = await this.printsOf(stock);
        this.setLook({ ...this.look, stock, print: prints.includes(this.look.print) ? this.look.print : 'stock' });
    }

    /** What a stock can be looked at on. */
    async printsOf(stock) {
        try {
            this.facts[stock] ??= await this.client.get(`stocks/${encodeURIComponent(stock)}`);
            return this.facts[stock].prints;
        } catch {
            return ['stock', this.look.print]; // the server is gone for a while, or the stock is; its preview tells
        }
    }

    /** What films are looked at on, as [name, label]. */
    get prints() {
        const { t, papers } = this;
        const own = [['stock', t("The stock's own")], ['minilab', t('Minilab scan')]];
        return [...own, ...papers.map(({ name, label }) => [name, t(label)]), ['negative', t('The negative itself')]];
    }

    choosePreset(preset) {
        this.preset = preset;
        this.setLook(preset.look);
    }

    /** Whether the look differs from its preset (from the defaults, without one); in one setting, or in any. */
    differs(key = null) {
        const base = this.presetLook();
        return key ? this.look[key] !== base[key] : lookKey(this.look) !== lookKey(base);
    }

    /** The look with what moves in its preset, where that is as the preset has it. */
    movingLook() {
        const moving = Object.entries(this.preset?.keyframes ?? {}).filter(([key]) => !this.differs(key));
        return { ...this.look, ...Object.fromEntries(moving) };
    }

    presetLook() {
        return this.complete(this.preset?.look ?? {});
    }

    async readPresets() {
        this.presets = await this.client.get('looks');
        if (this.preset) this.preset = this.presets.find((preset) => preset.name === this.preset.name) ?? null;
    }
}

async function start() {
    const language = await chosenLanguage();
    const texts = await readTexts(language);
    const t = translator(texts);
    document.documentElement.lang = language.replace('_', '-');
    const client = new Client(BASE);
    const room = new Room(client, t, await readAll(client, t));

    const viewer = new Darkroom();
    for (const [name, value] of Object.entries({ base: BASE, keys: 'page', wheel: 'zooms' })) viewer.setAttribute(name, value);
    viewer.texts = texts;
    room.viewer = viewer;

    const picker = h('input', { type: 'file', accept: 'image/*,video/*,.mkv,.mov,.tif,.tiff,.exr,.dng,.nef,.cr2,.arw,.heic,.avif,.jxl', hidden: true, onchange: () => open(picker.files[0]) });
    const name = h('span', { class: 'name' });
    const invite = h('div', { slot: 'empty', class: 'invite' },
        h('p', { class: 'large' }, t('Drop a picture here')),
        h('p', {}, t('or paste one, or')),
        h('button', { class: 'main', onclick: () => picker.click() }, t('Open a picture')),
        h('p', { class: 'quiet' }, t('Nothing leaves this machine.')),
    );
    viewer.append(invite);

    async function open(file) {
        picker.value = '';
        if (!file) return;
        exporting.filmOpened(isFilm(file));
        if (isFilm(file)) {
            clip.open(file);
            return;
        }
        clip.close();
        await openPicture(file);
    }

    async function openPicture(file) {
        const before = room.file;
        room.file = file;
        if (!(await viewer.setPicture(file)) && room.file === file) room.file = before;
    }

    const looks = new Looks(room);
    const films = new Films(room);
    const matching = new Matching(room);
    const controls = new Controls(room, () => show('films'), languageSelect(language, t));
    room.saveLook = () => looks.saveFile();
    const exporting = new Export(room);
    const batch = new Batch(room);
    const clip = new Clip(room, openPicture);
    room.listeners.push(looks, films, matching, controls, batch, clip, { lookChanged: () => viewer.setLook(room.look) });

    const parts = { looks: [t('Looks'), looks], films: [t('Films'), films], match: [t('Match'), matching], settings: [t('Settings'), controls] };
    const tabs = Object.fromEntries(Object.entries(parts).map(([key, [title]]) =>
        [key, h('button', { role: 'tab', id: `tab-${key}`, 'aria-controls': `panel-${key}`, onclick: () => show(key) }, title)]));
    const panels = Object.fromEntries(Object.entries(parts).map(([key, [, part]]) =>
        [key, h('section', { class: `side ${key}`, id: `panel-${key}`, role: 'tabpanel', 'aria-labelledby': `tab-${key}` }, part.element)]));
    const main = h('main', {},
        h('div', { class: 'tabs', role: 'tablist', onkeydown: turnTabs }, Object.values(tabs)), panels.looks, panels.films, panels.match, viewer, clip.element, panels.settings);
    function show(key) {
        main.dataset.tab = key;
        for (const [other, tab] of Object.entries(tabs)) {
            tab.setAttribute('aria-selected', String(other === key));
            tab.tabIndex = other === key ? 0 : -1;
        }
        parts[key][1].shown?.();
    }

    document.body.append(
        h('header', {}, h('h1', {}, 'Film Look'), h('button', { onclick: () => picker.click(), title: t('Open a picture') }, t('Open')), batch.button, picker, name,
            exporting.element),
        main,
    );
    show('looks');

    viewer.addEventListener('look-chosen', (event) => room.setLook(event.detail.look));
    viewer.addEventListener('opened', (event) => {
        const { width, height, developed } = event.detail;
        const told = [room.file?.name ?? t('Pasted picture'), `${width} × ${height}`, developed ? t('developed already') : null];
        name.textContent = told.filter(Boolean).join(' · ');
        name.title = name.textContent;
        looks.pictureChanged();
        films.pictureChanged();
        matching.pictureChanged();
        controls.pictureChanged();
        exporting.pictureChanged();
    });
    viewer.addEventListener('preview', (event) => { // thumbnails come after what one looks at
        if (event.detail.current) [looks, films, matching].forEach((part) => part.previewShown());
    });
    viewer.addEventListener('sheet', (event) => {
        if (!event.detail.busy) [looks, films, matching].forEach((part) => part.previewShown());
    });
    catchPictures(open, (entries) => filesOf(entries).then((files) => batch.add(files)), () => batch.element.open);
    document.addEventListener('keydown', (event) => {
        if (document.querySelector('dialog[open]')) return;
        if ((event.ctrlKey || event.metaKey) && event.key === 'Enter' && !isTyping(event)) exporting.develop();
        if ((event.ctrlKey || event.metaKey) && event.key.toLowerCase() === 'o') {
            event.preventDefault();
            picker.click();
        }
    });

    viewer.seed = room.seed;
    const last = kept('look', {});
    room.preset = room.presets.find((preset) => preset.name === (last.preset ?? START)) ?? null;
    room.setLook(isKnown(last.look, room) ? last.look : (room.preset?.look ?? {}));
}

/** A kept look may be of another version. */
function isKnown(look, room) {
    return look && Object.keys(look).every((key) => key in room.defaults) && room.stocks.some((stock) => stock.name === look.stock);
}

/** Settings, stocks, papers, presets and lenses; where the server is not there yet, until it is. */
async function readAll(client, t) {
    const note = h('p', { class: 'starting', role: 'status' });
    for (;;) {
        try {
            const [schema, stocks, papers, presets, lenses] = await Promise.all(['schema', 'stocks', 'papers', 'looks', 'lenses'].map((path) => client.get(path)));
            note.remove();
            return { schema, stocks, papers, presets, lenses };
        } catch (error) {
            note.textContent = error.status ? t.sentence(error.message) : t('The server does not answer; trying again');
            document.body.append(note);
            await new Promise((resolve) => setTimeout(resolve, PATIENCE_MS));
        }
    }
}

/** Pictures that are dropped on the page or pasted: one is opened; several, or folders, make a batch. */
function catchPictures(open, batch, isBatchOpen) {
    const take = (transfer, isMine = true) => {
        const entries = entriesOf(transfer);
        if (!entries.length || !isMine) return;
        const [file] = transfer.files;
        if (entries.length > 1 || entries[0].isDirectory || isBatchOpen()) batch(entries);
        else open(file);
    };
    document.addEventListener('dragover', (event) => {
        event.preventDefault();
        document.body.classList.add('dropping');
    });
    document.addEventListener('dragleave', (event) => event.relatedTarget === null && document.body.classList.remove('dropping'));
    document.addEventListener('drop', (event) => {
        const isTaken = event.defaultPrevented; // by what it was dropped on
        event.preventDefault();
        document.body.classList.remove('dropping');
        take(event.dataTransfer, !isTaken);
    });
    document.addEventListener('paste', (event) => take(event.clipboardData, !isTyping(event)));
}

function turnTabs(event) {
    const step = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
    if (!step) return;
    const tabs = [...event.currentTarget.children].filter((tab) => tab.offsetParent);
    const next = tabs[(tabs.indexOf(event.target) + step + tabs.length) % tabs.length];
    next.click();
    next.focus();
    event.preventDefault();
    event.stopPropagation();
}

start();
