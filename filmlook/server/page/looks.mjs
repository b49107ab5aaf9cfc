// Presets: a gallery of the picture, and what one keeps of one's own.

import { h, lookKey } from './darkroom/dom.mjs';
import { faultOf } from './darkroom/words.mjs';
import { download } from './developing.mjs';
import { Thumbnails } from './thumbnails.mjs';

const NAME = /^[\p{L}\p{N}_][\p{L}\p{N}_ .()+-]{0,63}$/u; // what the server allows as a file's name

export class Looks {
    #room;
    #list;
    #title;
    #help;
    #note;
    #own;
    #thumbnails;
    #pictures = new Map(); // by a look's key

    constructor(room) {
        this.#room = room;
        const { t } = room;
        this.#list = h('div', { class: 'gallery', role: 'group', 'aria-label': t('Looks') });
        this.#title = h('p', { class: 'chosen' });
        this.#help = h('p', { class: 'note' });
        this.#note = h('p', { class: 'note told', role: 'status' });
        const file = h('input', { type: 'file', accept: '.json,application/json', hidden: true, onchange: () => this.#import(file) });
        const button = (text, title, onclick) => h('button', { class: 'small', title, onclick }, text);
        this.#own = [
            button(t('Rename'), t('Gives this preset of yours another name'), () => this.#rename()),
            button(t('Delete'), t('Deletes this preset of yours'), () => this.#delete()),
        ];
        this.element = h('div', { class: 'looks' },
            this.#title,
            this.#help,
            h('div', { class: 'actions' },
                button(t('Save'), t('Keeps the settings as a preset of yours'), () => this.#save()),
                this.#own,
                button(t('Import'), t('A look from a file (JSON)'), () => file.click()), file,
                button(t('Save as file'), t('This look as a file (JSON)'), () => this.saveFile())),
            this.#note,
            this.#list,
        );
        this.#thumbnails = new Thumbnails(room, 'looks', ({ look }, source) => {
            this.#pictures.set(lookKey(room.complete(look)), source);
            this.#dress();
        });
        this.#fill();
    }

    shown() {
        this.#thumbnails.make(this.#room.look);
    }

    pictureChanged() {
        this.#pictures.clear();
        this.#dress();
    }

    previewShown() {
        if (this.element.offsetParent) this.shown();
    }

    lookChanged() {
        const { t, preset } = this.#room;
        const changed = this.#room.differs();
        const label = preset ? t(preset.label) : t('No preset');
        this.#title.replaceChildren(h('b', {}, label), changed && preset ? ` ${t('changed')}` : '');
        this.#help.textContent = preset ? t(preset.help) : '';
        for (const button of this.#own) button.disabled = !preset?.own;
        for (const card of this.#list.children) card.setAttribute('aria-pressed', String(card.preset.name === preset?.name));
    }

    #fill() {
        const { t, presets } = this.#room;
        this.#list.replaceChildren(...presets.map((preset) => {
            const card = h('button', { class: 'look', title: t(preset.help), onclick: () => this.#room.choosePreset(preset) },
                h('img', { alt: '', hidden: true }), h('span', {}, t(preset.label)));
            card.preset = preset;
            return card;
        }));
        this.#dress();
    }

    #dress() {
        for (const card of this.#list.children) {
            const source = this.#pictures.get(lookKey(this.#room.complete(card.preset.look)));
            const image = card.firstChild;
            image.hidden = !source;
            if (source) image.src = source;
        }
    }

    async #refill(name) {
        await this.#room.readPresets();
        this.#room.preset = this.#room.presets.find((preset) => preset.name === name) ?? null;
        this.#fill();
        this.#room.setLook(this.#room.look);
    }

    async #tried(work, done) {
        try {
            await work();
            this.#note.textContent = done;
        } catch (error) {
            this.#note.textContent = faultOf(this.#room.t, error);
        }
    }

    async #save() {
        const { t, preset } = this.#room;
        const name = await this.#ask(t('Save the look as'), preset?.own ? preset.name : '', t('Save'));
        if (name) await this.#put(name, { look: this.#room.look, label: name });
    }

    /** Saves under a name, after asking where there is one of this name already. */
    async #put(name, body) {
        const { t, client } = this.#room;
        const there = this.#room.presets.find((preset) => preset.name === name || preset.label === name);
        const question = there?.own ? t('There is a look {name} already. Save over it?', { name }) : t('{name} comes with Film Look. Hide it with yours?', { name });
        if (there && !(await this.#confirm(question, t('Save')))) return;
        const at = there?.name ?? name;
        await this.#tried(async () => {
            await client.call('PUT', `looks/${encodeURIComponent(at)}`, body);
            await this.#refill(at);
        }, t('Saved: {name}', { name }));
    }

    async #rename() {
        const { t, preset, client } = this.#room;
        const name = await this.#ask(t('Another name'), preset.name, t('Rename'));
        if (!name || name === preset.name) return;
        if (this.#room.presets.some((other) => other.name === name)) {
            this.#note.textContent = t('There is a look {name} already.', { name });
            return;
        }
        const { look, help } = preset;
        await this.#tried(async () => {
            await client.call('PUT', `looks/${encodeURIComponent(name)}`, { look, help, label: preset.label === preset.name ? name : preset.label });
            await client.call('DELETE', `looks/${encodeURIComponent(preset.name)}`);
            await this.#refill(name);
        }, t('Renamed: {name}', { name }));
    }

    async #delete() {
        const { t, preset, client } = this.#room;
        if (!(await this.#confirm(t('Delete the look {name}?', { name: preset.label }), t('Delete')))) return;
        await this.#tried(async () => {
            await client.call('DELETE', `looks/${encodeURIComponent(preset.name)}`);
            await this.#refill('');
        }, t('Deleted: {name}', { name: preset.label }));
    }

    async #import(input) {
        const [file] = input.files;
        input.value = '';
        if (!file) return;
        const { t } = this.#room;
        try {
            const { look, label = '', help = '' } = JSON.parse(await file.text());
            if (typeof look !== 'object' || !look) throw new SyntaxError('no look');
            await this.#put(file.name.replace(/\.json$/i, ''), { look, label, help });
        } catch {
            this.#note.textContent = t('This file is no look.');
        }
    }

    /** The look as a file, as presets are. */
    saveFile() {
        const { look, preset, t } = this.#room;
        const label = preset ? t(preset.label) : 'Film Look';
        const text = JSON.stringify({ label, help: preset?.help ?? '', look: this.#room.brief(look) }, null, 1);
        download(new Blob([text], { type: 'application/json' }), `${preset?.name ?? 'look'}.json`);
    }

    /** Asks for a name; null where none is given. */
    #ask(text, value, yes) {
        const { t } = this.#room;
        const input = h('input', { type: 'text', value, maxlength: 64, 'aria-label': text, required: true, spellcheck: 'false' });
        input.addEventListener('input', () => input.setCustomValidity(NAME.test(input.value.trim()) ? '' : t('Letters, digits, blanks and .()+-_ are allowed.')));
        input.select();
        return this.#dialog(text, [input], yes, () => input.value.trim());
    }

    async #confirm(text, yes) {
        return (await this.#dialog(text, [], yes, () => true)) === true;
    }

    #dialog(text, content, yes, value) {
        const { t } = this.#room;
        return new Promise((resolve) => {
            const form = h('form', { method: 'dialog', onsubmit: () => resolve(value()) },
                h('p', {}, text), content,
                h('div', { class: 'actions' }, h('button', { type: 'button', onclick: () => dialog.close() }, t('Cancel')), h('button', { class: 'main' }, yes)));
            const dialog = h('dialog', { 'aria-label': text, onclose: () => {
                dialog.remove();
                resolve(null);
            } }, form);
            document.body.append(dialog);
            dialog.showModal();
        });
    }
}
