// Develop, and what else one takes home: a LUT, the look as a file.

import { base64, bytes, h } from './darkroom/dom.mjs';
import { keep, kept } from './storage.mjs';

const KINDS = { png: 'PNG', jpeg: 'JPEG', webp: 'WebP' };
const ASK_MS = 500; // between questions how far it is

export class Export {
    #room;
    #kind;
    #button;
    #stop;
    #note;
    #isWorking = false;

    constructor(room) {
        this.#room = room;
        const { t } = room;
        this.#kind = h('select', { 'aria-label': t('File format'), title: t('File format'), onchange: () => keep('kind', this.#kind.value) },
            Object.entries(KINDS).map(([value, name]) => h('option', { value, selected: value === kept('kind', 'png') }, name)));
        this.#button = h('button', { class: 'main', disabled: true, onclick: () => this.develop(), title: t('Develops the whole picture and saves it (Ctrl Enter)') }, t('Develop'));
        this.#stop = h('button', { hidden: true, onclick: () => room.client.call('POST', 'interrupt').catch(() => {}) }, t('Stop'));
        this.#note = h('span', { class: 'note', role: 'status' });
        const lut = (kind, text) => h('button', { role: 'menuitem', onclick: () => this.#lut(kind) }, text);
        const menu = h('details', { class: 'menu' },
            h('summary', { title: t('The look for other programs') }, t('Export')),
            h('div', { role: 'menu', onclick: () => (menu.open = false) },
                lut('cube', t('LUT of the colour (.cube)')), lut('hald', t('LUT of the colour (HaldCLUT)')),
                h('button', { role: 'menuitem', onclick: () => this.#copy() }, t('Copy the look as text'))));
        menu.addEventListener('keydown', (event) => event.key === 'Escape' && (menu.open = false));
        document.addEventListener('pointerdown', (event) => menu.contains(event.target) || (menu.open = false));
        room.download = download;
        room.brief = (look) => Object.fromEntries(Object.entries(look).filter(([key, value]) => key === 'stock' || value !== room.defaults[key]));
        this.element = h('div', { class: 'export' }, this.#note, menu, this.#kind, this.#stop, this.#button);
    }

    pictureChanged() {
        this.#button.disabled = this.#isWorking;
        this.#note.textContent = '';
    }

    /** The whole picture with the look as it is, saved by the browser. */
    async develop() {
        const { t, client, viewer, file, look, seed } = this.#room;
        if (this.#isWorking || !file || this.#button.disabled) return;
        this.#working(true);
        const asking = setInterval(() => this.#ask(), ASK_MS);
        try {
            const mask = await viewer.maskBlob();
            const body = { images: [await base64(file)], look, seed, format: this.#kind.value, ...(mask ? { mask: await base64(mask) } : {}) };
            const { images, errors } = await (await client.call('POST', 'develop', body)).json();
            if (!images[0]) throw Object.assign(new Error(errors[0]), { status: 422 });
            const kind = this.#kind.value;
            const name = `${(file.name ?? 'picture').replace(/\.[^.]+$/, '')}-${look.stock}.${kind === 'jpeg' ? 'jpg' : kind}`;
            download(new Blob([bytes(images[0])], { type: `image/${kind}` }), name);
            this.#note.textContent = t('Saved: {name}', { name });
        } catch (error) {
            this.#note.textContent = error.status ? error.message : t('The server does not answer.');
        }
        clearInterval(asking);
        this.#working(false);
    }

    #working(on) {
        this.#isWorking = this.#button.disabled = on;
        this.#stop.hidden = !on;
        if (on) this.#note.textContent = this.#room.t('Developing');
    }

    async #ask() {
        const { client, t } = this.#room;
        const told = await client.get('progress').catch(() => null);
        if (this.#isWorking && told?.working) this.#note.textContent = `${t('Developing')} ${Math.round(100 * told.progress)} %`;
    }

    async #lut(format) {
        const { client, look, t } = this.#room;
        try {
            const answer = await client.call('POST', 'export-lut', { look, format });
            download(await answer.blob(), `${look.stock}.${format === 'hald' ? 'png' : 'cube'}`);
        } catch (error) {
            this.#note.textContent = error.status ? error.message : t('The server does not answer.');
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

/** Saves a file as the browser saves what one downloads. */
export function download(blob, name) {
    const link = h('a', { href: URL.createObjectURL(blob), download: name });
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
}
