// <film-look-darkroom>: the picture as film while its look is chosen. Fed by the routes of `/sdapi/v1/film-look`.
//
// Properties: base, look, picture, seed, texts, canDevelop.
// Methods: setLook(look), setPicture(blob), setReference(blob), opened(), maskBlob(), depthOrder(), undo(), redo().
// Events: look-chosen {look}, develop {look, seed}, preview {ms, device, busy, fine, current}, sheet {busy}, opened {width, height, developed}, problem {text}.
// Attributes: base, theme ("dark", "light"; else as the page or the system has it), keys="page" (listens to the whole page's keys),
// wheel="zooms" (without being clicked before).

import { CardPanel } from './darkroom/card.mjs';
import { Client } from './darkroom/client.mjs';
import { watchClipboard } from './darkroom/clipboard.mjs';
import { Depth, DepthPanel, whyNone } from './darkroom/depth.mjs';
import { clamp, h, isTyping, lookKey } from './darkroom/dom.mjs';
import { listen } from './darkroom/gestures.mjs';
import { brush, divider } from './darkroom/handles.mjs';
import { History, Snapshots } from './darkroom/history.mjs';
import { press, release, table } from './darkroom/keys.mjs';
import { Mask } from './darkroom/mask.mjs';
import { MaskPanel } from './darkroom/mask_panel.mjs';
import { Previews } from './darkroom/previews.mjs';
import { ScopesPanel } from './darkroom/scopes.mjs';
import { SheetPanel } from './darkroom/sheet.mjs';
import { STYLE } from './darkroom/style.mjs';
import { sentence, translator } from './darkroom/texts.mjs';
import { watchTheme } from './darkroom/theme.mjs';
import { keyList, toolbar } from './darkroom/toolbar.mjs';
import { MODES, View } from './darkroom/view.mjs';
import { faultOf } from './darkroom/words.mjs';

const BASE = '/sdapi/v1/film-look';

export class Darkroom extends HTMLElement {
    #canvas = h('canvas', { class: 'picture', tabindex: '0', role: 'img' });
    #view = new View(this.#canvas);
    #mask = new Mask();
    #history = new History();
    #snapshots = new Snapshots();
    #client = null;
    #previews = null;
    #look = null;
    #seed = null;
    #texts = {};
    #schema = null;
    #defaults = {};
    #opening = null;
    #open = new Set(); // names of the panels that are open
    #parts = {}; // elements that change
    #panels = {};
    #keys = [];
    #canDevelop = false;
    #referenceAsked = null;
    #modeBefore = 'single'; // how pictures stood before a reference stood beside them
    #watching = null; // an AbortController: what is listened to outside

    constructor() {
        super();
        this.attachShadow({ mode: 'open' });
        const sheet = new CSSStyleSheet();
        sheet.replaceSync(STYLE);
        this.shadowRoot.adoptedStyleSheets = [sheet];
        this.#view.mask = this.#mask;
        this.#view.onchange = () => this.#viewChanged();
        this.#build();
        listen(this.#canvas, this.#room);
    }

    connectedCallback() {
        this.#client ??= new Client(this.base);
        this.#previews ??= new Previews(this.#client, this.#view, (what, detail) => this.#told(what, detail));
        this.#previews.show(this.#look, this.#seed);
        this.#watching = new AbortController();
        const { signal } = this.#watching;
        const keys = this.getAttribute('keys') === 'page' ? document : this;
        keys.addEventListener('keydown', (event) => this.#pressed(event), { signal });
        keys.addEventListener('keyup', (event) => release(event, this.#keys), { signal });
        window.addEventListener('blur', () => this.#room.hold(false), { signal });
        const isMine = () => this.offsetParent && (this.getAttribute('keys') === 'page' || this.matches(':focus-within'));
        watchClipboard(this.#room, isMine, signal);
        watchTheme(this, signal, () => this.#resized());
        const sized = new ResizeObserver(() => this.#resized());
        sized.observe(this);
        sized.observe(this.#canvas);
        signal.addEventListener('abort', () => sized.disconnect());
    }

    disconnectedCallback() {
        this.#watching.abort();
    }

    get base() {
        return this.getAttribute('base') ?? BASE;
    }

    set base(value) {
        this.setAttribute('base', value);
    }

    get look() {
        return this.#look;
    }

    set look(look) {
        this.setLook(look);
    }

    get seed() {
        return this.#seed;
    }

    set seed(seed) {
        this.#seed = seed;
        this.#previews?.show(this.#look, this.#seed);
    }

    set picture(source) {
        if (source instanceof Blob) this.setPicture(source);
        else if (source) fetch(source).then(async (answer) => this.setPicture(await answer.blob()), () => this.#problem(this.#t('The picture cannot be read.')));
    }

    /** Texts by their English keys. */
    set texts(texts) {
        this.#texts = texts ?? {};
        this.#build();
        if (this.isConnected) this.#resized();
    }

    /** Whether "Develop this one" is shown. */
    set canDevelop(can) {
        this.#canDevelop = Boolean(can);
        this.#update();
    }

    /** The look that is shown from now on: settings by key, or null for the picture as it is. */
    setLook(look) {
        if (lookKey(look) === lookKey(this.#look)) return;
        this.#look = look;
        if (look) this.#history.record(look);
        this.#previews?.show(this.#look, this.#seed);
        this.#tellPanels();
        this.#update();
    }

    /** Another picture. Resolves to whether it could be opened. */
    async setPicture(blob) {
        this.#opening?.abort();
        const opening = (this.#opening = new AbortController());
        const last = { picture: this.#client.picture, size: this.#view.size };
        this.#told('state', 'opening');
        const local = await createImageBitmap(blob).catch(() => null); // what browsers cannot read the server may
        if (opening.signal.aborted) return false;
        if (local) {
            this.#client.picture = null;
            this.#view.setPicture(local.width, local.height, local);
        }
        try {
            const { width, height, developed } = await this.#client.open(blob, opening.signal, () => this.#told('gone'));
            if (opening.signal.aborted) return false;
            if (!local || local.width !== width || local.height !== height) this.#view.setPicture(width, height, null);
            this.#mask.setPicture(width, height);
            this.#problem('');
            this.#emit('opened', { width, height, developed });
        } catch (error) {
            if (error.name === 'AbortError') return false;
            this.#told('state', 'rest');
            this.#problem([blob.name, faultOf(this.#t, error)].filter(Boolean).join(': '));
            if (!local) return false; // the last picture still stands there
            this.#client.picture = last.picture;
            this.#view.setPicture(last.size.width, last.size.height);
            this.#previews.restart();
            return false;
        }
        this.#previews.restart();
        this.#depthChanged();
        return true;
    }

    /** Another picture to stand beside this one, or null for none. Resolves to whether the browser can show it. */
    async setReference(blob) {
        const view = this.#view;
        this.#referenceAsked = blob;
        const bitmap = blob && (await createImageBitmap(blob).catch(() => null));
        if (this.#referenceAsked !== blob) return false; // another one came meanwhile
        if (bitmap && !view.reference) this.#modeBefore = view.mode;
        const mode = bitmap ? 'side' : view.reference && view.mode === 'side' ? this.#modeBefore : view.mode;
        view.reference?.close();
        view.reference = bitmap;
        this.#setMode(mode);
        return Boolean(bitmap);
    }

    /** The mask as a PNG of the picture's size, white where the look is; null without one. */
    maskBlob() {
        return this.#mask.blob();
    }

    /** What an order to develop has of the depth map: {depth, depth_far_white}; empty without one. */
    depthOrder() {
        return this.#depth.order();
    }

    /** What the server knows of the picture: {hash, width, height, developed}; null before it is there. */
    get sent() {
        return this.#client?.picture ?? null;
    }

    /** Frames of a contact sheet of the picture, as they come; `role` parts sheets that must not drop each other. */
    sheet(role, fields, signal) {
        return this.#client.sheet(role, fields, signal);
    }

    /** The stocks by how like a reference the picture becomes on them: [{name, distance}]; null where newer ones are asked for. */
    like(fields, signal) {
        return this.#client.like(fields, signal);
    }

    /** A small picture with another look, as a bitmap; it hinders no preview of the viewer's. */
    async sketch(role, fields, signal) {
        return (await this.#client.preview(`sketch-${role}`, fields, signal))?.bitmap ?? null;
    }

    /** [x, y] of the pixel of the picture in the middle of what is in sight. */
    get middle() {
        const { x, y } = this.#view.centre;
        return [x, y];
    }

    /** The look that is shown as text. */
    lookText() {
        return JSON.stringify(this.#look, null, 1);
    }

    undo() {
        this.#choose(this.#history.undo(), false);
    }

    redo() {
        this.#choose(this.#history.redo(), false);
    }

    /** A look from here: the host hears of it. */
    #choose(look, record = true) {
        if (!look) return;
        if (!record) this.#look = null; // else it would be one more step
        this.setLook({ ...look });
        this.#emit('look-chosen', { look: this.#look });
    }

    #t = Object.assign((key, values) => translator(this.#texts)(key, values), { sentence: (text) => sentence(this.#texts, text) });

    /** What the panels, gestures and keys may do. */
    #room = {
        t: this.#t,
        view: this.#view,
        mask: this.#mask,
        snapshots: this.#snapshots,
        lookKey: () => this.#room.keyOf(this.#look),
        keyOf: (look) => lookKey(look && typeof look === 'object' ? { ...this.#defaults, ...look } : look),
        schema: () => this.#readSchema(),
        choose: (look) => this.#choose(look),
        problem: (text) => this.#problem(text),
        maskChanged: () => this.#viewChanged(),
        depthChanged: () => this.#depthChanged(),
        isFocusing: () => this.#depth.isFocusing,
        focusAt: (point) => this.#focusAt(point),
        focus: () => this.#depth.toggleFocus(),
        hold: (on) => this.#view.hold !== on && (this.#view.hold = on),
        setMode: (mode) => this.#setMode(mode),
        nextMode: () => this.#setMode(MODES[(MODES.indexOf(this.#view.mode) + 1) % MODES.length]),
        loupe: (point) => (this.#view.zoom >= 0.999 && !this.#view.fits ? this.#view.fit() : this.#view.zoomTo(1, point)),
        divide: (share) => this.#divide(share),
        say: (text) => this.#say(text),
        undo: () => this.undo(),
        redo: () => this.redo(),
        store: (place) => this.#store(place),
        recall: (place) => this.#choose(this.#snapshots.recall(place, this.#look)),
        toggle: (name) => this.#toggle(name),
        toggleKeys: () => (this.#parts.keys.open ? this.#parts.keys.close() : this.#parts.keys.showModal()),
        close: () => this.#depth.stop() || [...this.#open].slice(-1).forEach((name) => this.#toggle(name)),
        brushBy: (factor) => this.#panels.mask.panel.brushBy(factor),
        sheetAtWork: (busy) => this.#emit('sheet', { busy }),
        isPainting: () => this.#open.has('mask'),
        paint: (point, ended) => this.#paint(point, ended),
        develop: () => this.#emit('develop', { look: this.#look, seed: this.#seed }),
        wheels: (event) => event.ctrlKey || this.getAttribute('wheel') === 'zooms' || this.shadowRoot.activeElement === this.#canvas,
    };

    #depth = new Depth(this.#room);

    async #readSchema() {
        this.#schema ??= await this.#client.get('schema');
        const { properties } = this.#schema;
        this.#defaults = Object.fromEntries(Object.entries(properties).flatMap(([key, about]) => ('default' in about ? [[key, about.default]] : [])));
        return this.#schema;
    }

    #setMode(mode) {
        this.#view.mode = mode;
        this.#view.resize();
    }

    #divide(share) {
        this.#view.divider = clamp(share, 0, 1);
        this.#view.draw();
        this.#update();
    }

    #store(place) {
        if (!this.#look) return;
        this.#snapshots.store(place, this.#look);
        this.#say(this.#t('Snapshot {letter} is kept', { letter: 'ABC'[place] }));
        this.#update();
    }

    #paint(point, ended) {
        if (ended) return this.#mask.end();
        this.#mask.stroke(this.#view.toPicture(point), (this.#mask.brush * devicePixelRatio) / this.#view.zoom);
        this.#viewChanged();
    }

    /** The frame shows where the focus was set. */
    #focusAt(point) {
        const { focused } = this.#parts;
        Object.assign(focused.style, { left: `${point.x}px`, top: `${point.y}px` });
        focused.classList.remove('shown');
        void focused.offsetWidth; // so that it is shown anew
        focused.classList.add('shown');
        this.#depth.focusAt(this.#view.toPicture(point));
    }

    #depthChanged() {
        this.#previews?.ask();
        this.#tellPanels();
        this.#update();
    }

    #toggle(name) {
        const { panel } = this.#panels[name];
        if (this.#open.delete(name)) {
            panel.closed();
            panel.element.remove();
        } else {
            if (name === 'mask') this.#depth.stop(); // a click paints from now on
            this.#open.add(name);
            this.#parts.panels.append(...Object.keys(this.#panels).filter((one) => this.#open.has(one)).map((one) => this.#panels[one].panel.element));
            panel.opened();
        }
        this.toggleAttribute('painting', this.#open.has('mask'));
        this.toggleAttribute('open', this.#open.size > 0); // for the host's layout
        this.#update();
    }

    #tellPanels() {
        for (const name of this.#open) this.#panels[name].panel.changed();
    }

    #viewChanged() {
        this.#view.draw();
        this.#previews?.moved();
        this.#update();
    }

    #resized() {
        this.#view.resize();
        for (const name of this.#open) this.#panels[name].panel.resized?.();
    }

    #pressed(event) {
        if (event.defaultPrevented || isTyping(event) || !this.offsetParent) return;
        if (event.composedPath().some((one) => one.localName === 'dialog') || document.querySelector('dialog[open]')) return; // which has keys of its own
        const onPicture = this.shadowRoot.activeElement === this.#canvas;
        const onSlider = event.composedPath()[0].matches?.('input[type=range], [role=slider]');
        if (onSlider && event.key.startsWith('Arrow')) return;
        if (event.repeat && event.key.toLowerCase() === 'b') return event.preventDefault();
        if (press(event, this.#keys, this.#room, onPicture || this.getAttribute('keys') === 'page')) event.preventDefault();
    }

    #told(what, detail) {
        const { state } = this.#parts;
        if (what === 'state') {
            this.#parts.stage.classList.toggle('working', detail !== 'rest');
        } else if (what === 'gone') {
            this.#problem(this.#t('The server does not answer; trying again'));
        } else if (what === 'back') {
            this.#problem('');
        } else if (what === 'problem') {
            this.#problem(this.#t.sentence(detail));
        } else {
            this.#problem('');
            const device = detail.busy ? this.#t('on the CPU: the GPU is busy') : detail.device.toUpperCase();
            state.textContent = [`${detail.ms} ms`, device].filter(Boolean).join(' · ');
            if (this.#open.has('scopes')) this.#panels.scopes.panel.changed();
            this.#depth.heard(detail.depth);
            this.#panels.depth.panel.update();
            this.#update();
            this.#emit('preview', detail);
        }
    }

    #problem(text) {
        const { problem } = this.#parts;
        if (problem.textContent === text) return;
        problem.textContent = text;
        problem.hidden = !text;
        if (text) this.#emit('problem', { text });
    }

    #say(text) {
        this.#parts.said.textContent = text;
    }

    #emit(name, detail) {
        this.dispatchEvent(new CustomEvent(name, { detail, bubbles: true, composed: true }));
    }

    #update() {
        const { bar, divider, stage, left, lacks } = this.#parts;
        const view = this.#view;
        const depth = this.#depth;
        left.textContent = view.reference && view.mode === 'side' ? this.#t('Reference') : this.#t('Before');
        this.#panels.mask.panel.update();
        lacks.hidden = view.isEmpty || depth.source !== 'none' || depth.isToldOfNone || this.#open.has('depth') || !this.#look?.aperture;
        this.toggleAttribute('focusing', depth.isFocusing);
        bar.update({ view, depth, look: this.#look, snapshots: this.#snapshots, history: this.#history, open: this.#open, canDevelop: this.#canDevelop });
        stage.dataset.mode = view.isEmpty ? 'empty' : view.hold ? 'hold' : view.mode;
        stage.classList.toggle('zoomed', !view.fits);
        divider.style.left = `${view.divider * 100}%`;
        divider.setAttribute('aria-valuenow', Math.round(view.divider * 100));
    }

    #build() {
        const t = this.#t;
        for (const name of [...this.#open]) this.#toggle(name);
        const client = () => this.#client;
        const room = Object.defineProperties(this.#room, {
            client: { get: client, configurable: true },
            depth: { get: () => this.#depth, configurable: true },
            look: { get: () => this.#look, configurable: true },
        });
        this.#panels = {
            sheet: { title: t('Contact sheet'), key: 'S', panel: new SheetPanel(room) },
            scopes: { title: t('Scopes'), key: 'G', panel: new ScopesPanel(room) },
            card: { title: t('Film card'), key: 'I', panel: new CardPanel(room) },
            mask: { title: t('Mask'), key: 'M', panel: new MaskPanel(room) },
            depth: { title: t('Depth'), key: 'D', panel: new DepthPanel(room) },
        };
        this.#keys = table(t, room);
        this.#canvas.setAttribute('aria-label', t('The picture. Press for before, double click for 100 %.'));
        const bar = toolbar(t, room, this.#panels);
        const handle = divider(room, this.#canvas);
        const { ring, follow } = brush(room);
        const label = (name, side) => h('span', { class: `label ${side}`, 'aria-hidden': 'true' }, name);
        this.#parts = {
            bar,
            divider: handle,
            left: label(t('Before'), 'left'),
            state: h('span', { class: 'state' }),
            problem: h('p', { class: 'problem', role: 'alert', hidden: true }),
            focused: h('div', { class: 'focused' }),
            lacks: h('p', { class: 'lacks', role: 'status', hidden: true }, h('span', {}, whyNone(t)), h('button', { 'aria-label': t('Close'), title: t('Close'), onclick: () => {
                this.#depth.isToldOfNone = true;
                this.#update();
            } }, '×')),
            said: h('span', { class: 'said', 'aria-live': 'polite' }),
            panels: h('div', { class: 'panels' }),
            keys: keyList(t, this.#keys),
        };
        this.#parts.stage = h('div', { class: 'stage', onpointermove: follow }, this.#canvas, ring, this.#parts.focused, handle, this.#parts.left, label(t('After'), 'right'),
            h('div', { class: 'empty' }, h('slot', { name: 'empty' })), this.#parts.lacks, this.#parts.problem, this.#parts.state);
        this.shadowRoot.replaceChildren(bar.element, this.#parts.stage, this.#parts.panels, this.#parts.said, this.#parts.keys);
        this.#update();
    }
}

if (!customElements.get('film-look-darkroom')) customElements.define('film-look-darkroom', Darkroom); // hosts may load it twice
