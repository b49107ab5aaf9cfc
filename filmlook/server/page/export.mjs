// Develop, and what else one takes home: a LUT, the look as a file.

import { base64, h } from './darkroom/dom.mjs';
import { faultOf } from './darkroom/words.mjs';
import { developed, download, kindSelect, namesOf } from './developing.mjs';

export class Export {
    #room;
    #kind;
    #button;
    #stop;
    #note;
    #stopping = null; // an AbortController while something is developed

    constructor(room) {
        this.#room = room;
        const { t } = room;
        this.#kind = kindSelect(t);
        this.#button = h('button', { class: 'main', disabled: true, onclick: () => this.develop(), title: t('Develops the whole picture and saves it (Ctrl Enter)') }, t('Develop'));
        this.#stop = h('button', { hidden: true, onclick: () => this.#stopping?.abort() }, t('Stop'));
        this.#note = h('span', { class: 'note', role: 'status' });
        const item = (text, onclick) => h('button', { role: 'menuitem', onclick }, text);
        const summary = h('summary', { title: t('The look for other programs') }, t('Export'));
        const menu = h('details', { class: 'menu' }, summary,
            h('div', { role: 'menu', 'aria-label': t('Export'), onclick: () => (menu.open = false) },
                item(t('LUT of the colour (.cube)'), () => this.#lut('cube')), item(t('LUT of the colour (HaldCLUT)'), () => this.#lut('hald')),
                item(t('The look as a file (JSON)'), () => room.saveLook()), item(t('Copy the look as text'), () => this.#copy())));
        menu.addEventListener('keydown', (event) => this.#menuKey(event, menu, summary));
        document.addEventListener('pointerdown', (event) => menu.contains(event.target) || (menu.open = false));
        this.element = h('div', { class: 'export' }, this.#note, menu, this.#kind.select, this.#stop, this.#button);
    }

    /** What is shown is a frame of a film, or a picture. */
    filmOpened(isFrame) {
        const { t } = this.#room;
        this.#button.textContent = isFrame ? t('Develop this frame') : t('Develop');
    }

    pictureChanged() {
        this.#button.disabled = Boolean(this.#stopping);
        this.#note.textContent = '';
    }

    /** The whole picture with the look as it is, saved by the browser. */
    async develop() {
        const { t, client, viewer, file, look, seed } = this.#room;
        if (this.#stopping || !file || this.#button.disabled) return;
        const { signal } = this.#working(new AbortController());
        try {
            const mask = await viewer.maskBlob();
            const kind = this.#kind.kind();
            const order = { look, seed, ...kind, ...(mask ? { mask: await base64(mask) } : {}), ...(look.aperture ? await viewer.depthOrder() : {}) };
            const told = (share) => (this.#note.textContent = `${t('Developing')} ${Math.round(100 * share)} %`);
            const made = await developed(client, file, order, told, signal);
            const [name] = await namesOf(client, '{name}-{stock}', [file.name || 'picture'], this.#room, kind, signal);
            download(made, name);
            this.#note.textContent = t('Saved: {name}', { name });
        } catch (error) {
            this.#note.textContent = error.name === 'AbortError' ? t('Stopped') : faultOf(t, error);
        }
        this.#working(null);
    }

    #working(stopping) {
        this.#stopping = stopping;
        this.#button.disabled = Boolean(stopping);
        this.#stop.hidden = !stopping;
        if (stopping) this.#note.textContent = this.#room.t('Developing');
        return stopping;
    }

    /** Arrows go through the menu, Escape closes it. */
    #menuKey(event, menu, summary) {
        const items = [...menu.querySelectorAll('[role=menuitem]')];
        const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
        if (event.key === 'Escape' && menu.open) {
            menu.open = false;
            summary.focus();
        } else if (step) {
            menu.open = true;
            const at = items.indexOf(document.activeElement);
            items[(at < 0 ? (step > 0 ? 0 : items.length - 1) : at + step + items.length) % items.length].focus();
        } else {
            return;
        }
        event.preventDefault();
        event.stopPropagation();
    }

    async #lut(format) {
        const { client, look, t } = this.#room;
        try {
            const answer = await client.call('POST', 'export-lut', { look, format });
            download(await answer.blob(), `${look.stock}.${format === 'hald' ? 'png' : 'cube'}`);
        } catch (error) {
            this.#note.textContent = faultOf(t, error);
        }
    }

    async #copy() {
        const { viewer, t } = this.#room;
        try {
            await navigator.clipboard.writeText(viewer.lookText());
            this.#note.textContent = t('The look is copied');
        } catch {
            this.#note.textContent = t('The browser does not let pages copy here.');
        }
    }
}
