// "Make mine look like this": reference pictures come, and a look is found that makes the picture like them.

import { h, lookKey } from './darkroom/dom.mjs';
import { faultOf } from './darkroom/words.mjs';
import { asking } from './developing.mjs';
import { entriesOf, filesIn, filesOf, isPicture } from './dropped.mjs';

const SIDE = 220; // px, the long side of a proof
const LIKELY = 0.3; // chances of a stock from which it is called so
const POSSIBLE = 0.1;

export class Matching {
    #room;
    #parts;
    #references = []; // [{file, element, beside}]
    #found = []; // [{look, card}]: what was found, the likeliest first
    #proved = ''; // the picture that the proofs are of
    #search = null; // an AbortController while a look is sought
    #proofs = null; // another, while proofs are made
    #beside = null; // the reference that stands beside the picture

    constructor(room) {
        this.#room = room;
        const { t, schema } = room;
        const words = { all: t('Everything'), colour: t('Colour'), texture: t('Texture'), grain: t('Grain') };
        const files = h('input', { type: 'file', accept: 'image/*,.tif,.tiff,.exr,.dng,.nef,.cr2,.arw,.heic,.avif,.jxl', multiple: true, hidden: true, class: 'references-file', onchange: () => {
            this.add(filesIn(files));
            files.value = '';
        } });
        const parts = (this.#parts = {
            add: h('button', { class: 'drop', onclick: () => files.click() }, t('Drop pictures to be like here, or choose some')),
            list: h('div', { class: 'references', role: 'group', 'aria-label': t('Pictures to be like') }),
            weight: h('input', { type: 'range', id: 'match-weight', min: 0, max: 1, step: 0.05, value: 1, oninput: () => this.#showWeight() }),
            weighed: h('output', { for: 'match-weight' }),
            seek: h('select', { id: 'match-seek' }, ['all', ...schema['x-match']].map((part) => h('option', { value: part }, words[part] ?? part))),
            find: h('button', { class: 'main', disabled: true, onclick: () => this.find() }, t('Find the look')),
            stop: h('button', { hidden: true, onclick: () => this.#search?.abort() }, t('Stop')),
            progress: h('progress', { hidden: true, max: 1, value: 0, 'aria-label': t('Looking for it') }),
            told: h('p', { class: 'note told', role: 'status' }),
            others: h('div', { class: 'gallery', role: 'group', 'aria-label': t('What was found') }),
        });
        this.element = h('div', { class: 'matching' },
            h('p', { class: 'note' }, t('Finds the film and the settings that make your picture like others, whatever these show.')),
            parts.add, files, parts.list,
            h('div', { class: 'row' }, h('label', { for: 'match-weight' }, t('How far')), parts.weighed, parts.weight),
            h('div', { class: 'row string' }, h('label', { for: 'match-seek' }, t('What to seek')), parts.seek),
            h('div', { class: 'actions' }, parts.find, parts.stop),
            parts.progress, parts.told, parts.others);
        this.#listen();
        this.#showWeight();
    }

    shown() {
        this.#prove();
    }

    previewShown() {
        if (this.element.offsetParent) this.#prove();
    }

    pictureChanged() {
        this.#proofs?.abort();
        this.#proved = '';
        for (const { card } of this.#found) card.firstChild.hidden = true;
    }

    lookChanged() {
        for (const { look, card } of this.#found) card.setAttribute('aria-pressed', String(lookKey(this.#room.complete(look)) === lookKey(this.#room.look)));
    }

    /** More references, as [{file, path}]. */
    add(files) {
        for (const { file } of files.filter(isPicture)) this.#add(file);
        this.#update();
    }

    /** Looks for it, with the settings as they are for what is not sought; what is found goes into them. */
    async find() {
        const { t, client } = this.#room;
        const { told, progress, seek, weight } = this.#parts;
        const references = this.#references.map(({ file }) => file);
        if (this.#search || !references.length) return;
        const { signal } = (this.#search = new AbortController());
        told.textContent = t('Looking for it');
        progress.value = 0;
        this.#update();
        try {
            const order = { only: seek.value, weight: Number(weight.value), look: this.#room.look };
            const answer = await asking(client, (share) => (progress.value = share), signal, () => client.upload('match', references, order, signal));
            this.#show(await answer.json());
        } catch (error) {
            told.textContent = error.name === 'AbortError' ? t('Stopped') : this.#faultOf(error, references);
        }
        this.#search = null;
        this.#update();
    }

    /** What went wrong, with the name of the file that it is about. */
    #faultOf(error, references) {
        const { t } = this.#room;
        const found = /^images\[(\d+)\]: |^reference (\d+) of \d+: /.exec(error.message);
        const name = found && references[found[1] ?? found[2] - 1]?.name;
        if (!name) return faultOf(t, error);
        return `${references.length > 1 ? `${name}: ` : ''}${t.sentence(error.message.slice(found[0].length))}`;
    }

    #listen() {
        const { element } = this;
        element.addEventListener('dragover', (event) => {
            event.preventDefault();
            element.classList.add('over');
        });
        element.addEventListener('dragleave', () => element.classList.remove('over'));
        element.addEventListener('drop', (event) => {
            const entries = entriesOf(event.dataTransfer);
            event.preventDefault();
            event.stopPropagation(); // it is not the picture to be developed
            element.classList.remove('over');
            document.body.classList.remove('dropping');
            filesOf(entries).then((files) => this.add(files));
        });
    }

    #add(file) {
        const { t } = this.#room;
        const source = URL.createObjectURL(file);
        const image = h('img', { src: source, alt: file.name, onload: () => URL.revokeObjectURL(source), onerror: () => image.replaceWith(h('span', {}, file.name)) });
        const reference = { file };
        reference.beside = h('button', { title: `${file.name}: ${t('shown beside your picture')}`, 'aria-pressed': 'false', onclick: () => this.#showBeside(reference) }, image);
        const remove = h('button', { class: 'small remove', title: t('Remove from the list'), 'aria-label': `${t('Remove from the list')}: ${file.name}`, onclick: () => this.#remove(reference) }, '×');
        reference.element = h('div', { class: 'reference' }, reference.beside, remove);
        this.#references.push(reference);
        this.#parts.list.append(reference.element);
    }

    #remove(reference) {
        if (this.#beside === reference) this.#showBeside(reference);
        const next = reference.element.nextElementSibling ?? reference.element.previousElementSibling;
        this.#references.splice(this.#references.indexOf(reference), 1);
        reference.element.remove();
        (next?.querySelector('.remove') ?? this.#parts.add).focus();
        this.#update();
    }

    /** A reference beside the picture; pressed again, not any more. */
    async #showBeside(reference) {
        const { t, viewer } = this.#room;
        const next = this.#beside === reference ? null : reference;
        this.#beside = next;
        const isShown = await viewer.setReference(next?.file ?? null);
        if (this.#beside !== next) return;
        if (next && !isShown) {
            this.#beside = null;
            this.#parts.told.textContent = t('{name}: browsers cannot show such a file', { name: next.file.name });
        }
        for (const one of this.#references) one.beside.setAttribute('aria-pressed', String(one === this.#beside));
    }

    #showWeight() {
        this.#parts.weighed.textContent = Number(this.#parts.weight.value).toFixed(2);
        this.#parts.weight.style.setProperty('--to', `${100 * this.#parts.weight.value}%`);
    }

    #show({ look, fit, alternatives }) {
        this.#proofs?.abort();
        this.#proved = '';
        this.#parts.told.textContent = this.#sentence(look, fit);
        this.#found = [look, ...alternatives].map((one) => ({ look: one, card: this.#card(one) }));
        this.#parts.others.replaceChildren(...this.#found.map(({ card }) => card));
        this.#take(look);
        this.#prove();
    }

    #card(look) {
        return h('button', { class: 'look', onclick: () => this.#take(look) }, h('img', { alt: '', hidden: true }), h('span', {}, this.#nameOf(look)));
    }

    #take(look) {
        this.#room.preset = null;
        this.#room.setLook(look);
    }

    /** A look's film, and what it is printed on where that is not the film's own. */
    #nameOf({ stock, print }) {
        const { stocks, prints } = this.#room;
        const film = stocks.find(({ name }) => name === stock)?.label ?? stock;
        return (print ?? 'stock') === 'stock' ? film : `${film}, ${new Map(prints).get(print) ?? print}`;
    }

    #sentence(look, { distance, chance, grain }) {
        const { t } = this.#room;
        const [film, likely, near] = [this.#nameOf(look), chance?.toFixed(2), distance?.toFixed(1)];
        const values = { 1: film, 2: likely, 3: near };
        const lines = [];
        if (distance === undefined) lines.push(t('The film and its colours stay as they were.'));
        else if (chance === undefined) lines.push(t('{1}, of your own: colours within {2}.', { 1: film, 2: near }));
        else if (chance >= LIKELY) lines.push(t('{1}: likely ({2}), colours within {3}.', values));
        else if (chance >= POSSIBLE) lines.push(t('{1}: possible ({2}), colours within {3}.', values));
        else lines.push(t('{1}: one of many ({2}), colours within {3}.', values));
        if (grain !== undefined) lines.push(t('Grain of {1} codes of 255.', { 1: grain.toFixed(1) }));
        return lines.join(' ');
    }

    /** The picture that is open with each look that was found, one after another. */
    async #prove() {
        const { viewer, seed } = this.#room;
        const picture = viewer.sent?.hash;
        if (!picture || !this.#found.length || this.#proved === picture) return;
        this.#proofs?.abort();
        const { signal } = (this.#proofs = new AbortController());
        this.#proved = picture;
        try {
            for (const [place, { look, card }] of this.#found.entries()) {
                const bitmap = await viewer.sketch(`match-${place}`, { look, seed, long_side: SIDE }, signal);
                if (!bitmap || signal.aborted) break;
                const image = card.firstChild;
                image.src = await dataOf(bitmap);
                image.hidden = false;
            }
        } catch {
            if (!signal.aborted) this.#proved = ''; // they are made the next time that they are seen
        }
    }

    #update() {
        const { find, stop, progress, seek, weight } = this.#parts;
        const isSeeking = Boolean(this.#search);
        const hadFocus = [find, stop].includes(document.activeElement);
        find.hidden = isSeeking;
        stop.hidden = progress.hidden = !isSeeking;
        if (hadFocus) (isSeeking ? stop : find).focus();
        find.disabled = !this.#references.length;
        seek.disabled = weight.disabled = isSeeking;
    }
}

/** A bitmap as the source of an image. */
async function dataOf(bitmap) {
    const canvas = h('canvas', { width: bitmap.width, height: bitmap.height });
    canvas.getContext('2d').drawImage(bitmap, 0, 0);
    bitmap.close();
    return canvas.toDataURL('image/jpeg', 0.9);
}
