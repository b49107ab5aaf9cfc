// The mask's tools: brush, erase, invert, show, clear, and a picture as the mask.

import { clamp, h } from './dom.mjs';

const BRUSHES = [8, 400]; // CSS px

export class MaskPanel {
    #room;
    #size;
    #erase;
    #show;
    #clear;

    constructor(room) {
        this.#room = room;
        const { t, mask } = room;
        this.#size = h('input', {
            type: 'range', min: BRUSHES[0], max: BRUSHES[1], value: mask.brush, 'aria-label': t('Brush size'),
            oninput: () => (mask.brush = Number(this.#size.value)),
        });
        this.#erase = this.#toggle(t('Erase'), t('The brush takes away'), (on) => (mask.erases = on));
        this.#show = this.#toggle(t('Show mask'), t('Where the look is, in red'), (on) => {
            mask.isShown = on;
            room.view.draw();
        });
        this.#clear = h('button', { onclick: () => this.#changed(() => mask.clear()), title: t('The look is everywhere again') }, t('Clear'));
        const file = h('input', { type: 'file', accept: 'image/*', hidden: true, onchange: () => this.#load(file) });
        this.element = h(
            'section',
            { class: 'panel mask', 'aria-label': t('Mask') },
            h('div', { class: 'tools' },
                h('label', {}, t('Brush size'), this.#size),
                this.#erase,
                h('button', { onclick: () => this.#changed(() => mask.invert()), title: t('Where the look is not, it will be') }, t('Invert')),
                this.#show,
                this.#clear,
                h('button', { onclick: () => file.click(), title: t('A picture, white where the look shall be') }, t('Mask from a file')),
                file,
                h('span', { class: 'note' }, t('Paint where the look shall be; elsewhere the picture stays as it is.')),
            ),
        );
    }

    opened() {
        this.#set(this.#show, true);
    }

    closed() {
        this.#set(this.#show, false);
    }

    changed() {}

    /** Whether there is a mask to clear. */
    update() {
        this.#clear.disabled = !this.#room.mask.isUsed;
    }

    brushBy(factor) {
        this.#size.value = clamp(Math.round(this.#room.mask.brush * factor), ...BRUSHES);
        this.#room.mask.brush = Number(this.#size.value);
    }

    #toggle(text, title, told) {
        const button = h('button', { 'aria-pressed': 'false', title, onclick: () => this.#set(button, button.getAttribute('aria-pressed') !== 'true') }, text);
        button.told = told;
        return button;
    }

    #set(button, on) {
        button.setAttribute('aria-pressed', String(on));
        button.told(on);
    }

    #changed(change) {
        if (!this.#room.client.picture) return;
        change();
        this.#room.maskChanged();
    }

    async #load(input) {
        const [blob] = input.files;
        input.value = '';
        if (!blob || !this.#room.client.picture) return;
        try {
            await this.#room.mask.load(blob);
            this.#room.maskChanged();
        } catch {
            this.#room.problem(this.#room.t('This file is no picture that the browser can read.'));
        }
    }
}
