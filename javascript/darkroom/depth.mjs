// Depth: the map that a look with an aperture blurs by, and the focus, which a click on the picture sets.

import { base64, h } from './dom.mjs';
import { faultOf } from './words.mjs';

const OPEN = 2; // the f-number that a click sets where there is none: enough to see what is sharp
const STEPS = 1000; // of the setting

/** What is known of the picture's depth, and what may be done with it. */
export class Depth {
    #room;
    #picture = ''; // the hash of the picture that `source` is of
    #source = ''; // where the map comes from: 'given', 'found', 'none'; empty while nobody has asked
    #asking = null;

    isFocusing = false;
    isToldOfNone = false; // once the line about it was put away

    constructor(room) {
        this.#room = room;
    }

    get map() {
        return this.#room.client?.depth ?? null;
    }

    get source() {
        const { client } = this.#room;
        if (client?.depth) return 'given';
        return this.#picture === client?.picture?.hash ? this.#source : '';
    }

    /** Where the map of what was shown came from. */
    heard(source) {
        if (!source || this.map) return;
        this.#source = source;
        this.#picture = this.#room.client.picture.hash;
        if (source === 'none') this.isFocusing = false;
    }

    /** Takes a file as the map of the picture; raises what the client does, and an error with a sentence for another size. */
    async take(blob) {
        const { client, t } = this.#room;
        const { picture } = client;
        const { hash, width, height } = await client.send(blob);
        if (client.picture !== picture) return; // another one was opened meanwhile
        if (width !== picture.width || height !== picture.height) {
            const sizes = { width, height, across: picture.width, down: picture.height };
            throw new Error(t('The depth map has {width} × {height} pixels, the picture {across} × {down}: they have to be the same.', sizes));
        }
        client.depth = { hash, blob, name: blob.name ?? '', farWhite: this.map?.farWhite ?? false };
        this.#room.depthChanged();
    }

    /** Which end is far. */
    turn(farWhite) {
        this.#room.client.depth = { ...this.map, farWhite };
        this.#room.depthChanged();
    }

    drop() {
        this.#room.client.depth = null;
        this.isFocusing = false;
        this.#room.depthChanged();
    }

    /** What an order to develop has of it; empty without a map. */
    async order() {
        const { map } = this;
        return map ? { depth: await base64(map.blob), depth_far_white: map.farWhite } : {};
    }

    /** Begins or ends focusing; it does not begin where there is no map. */
    async toggleFocus() {
        if (this.isFocusing) return this.stop();
        const { client } = this.#room;
        if (!client.picture) return;
        try {
            if (!this.source) await this.#ask(null);
        } catch (error) {
            return this.#room.problem(faultOf(this.#room.t, error));
        }
        this.isFocusing = this.source !== 'none';
        if (!this.isFocusing) this.#room.say(whyNone(this.#room.t));
        else if (this.#room.isPainting()) this.#room.toggle('mask');
        this.#room.depthChanged();
    }

    stop() {
        if (!this.isFocusing) return false;
        this.isFocusing = false;
        this.#room.depthChanged();
        return true;
    }

    /** Makes sharp what is at a point of the picture; without an aperture it opens one, or nothing were seen of it. */
    async focusAt({ x, y }) {
        const { client, t } = this.#room;
        const { picture } = client;
        if (!picture || x < 0 || y < 0 || x >= picture.width || y >= picture.height) return;
        try {
            const told = await this.#ask([Math.floor(x), Math.floor(y)]);
            const { look } = this.#room; // as it is now
            if (!told || told.focus === null || !look || client.picture !== picture) return;
            const focus = Math.round(told.focus * STEPS) / STEPS;
            const aperture = look.aperture || OPEN;
            this.#room.say(look.aperture ? t('Focus {focus}', { focus }) : t('Focus {focus}; the aperture was closed, and is f/{aperture} now', { focus, aperture }));
            this.#room.choose({ ...look, focus, aperture });
        } catch (error) {
            if (error.name !== 'AbortError') this.#room.problem(faultOf(t, error));
        }
    }

    async #ask(point) {
        this.#asking?.abort();
        const asking = (this.#asking = new AbortController());
        const told = await this.#room.client.depthAt(point, asking.signal);
        if (told) this.heard(told.source);
        return told;
    }
}

export function whyNone(t) {
    return t('No depth map, so nothing is blurred by depth: choose one under Depth, or install a depth network on the server (ControlNet’s in the WebUI, else transformers’).');
}

/** The tools of the map: a file, chosen or dropped; which end is near; and taking it away. */
export class DepthPanel {
    #room;
    #choose;
    #far;
    #drop;
    #note;
    #fault = ''; // why a file was not taken

    constructor(room) {
        this.#room = room;
        const { t, depth } = room;
        const file = h('input', { type: 'file', class: 'depth-file', accept: 'image/*,.tif,.tiff,.exr', hidden: true, onchange: () => {
            const [chosen] = file.files;
            file.value = '';
            this.#take(chosen);
        } });
        this.#choose = h('button', { onclick: () => file.click(), title: t('A picture of the same size that is white where it is near') }, t('Depth map from a file'));
        this.#far = h('input', { type: 'checkbox', onchange: () => depth.turn(this.#far.checked) });
        this.#drop = h('button', { onclick: () => depth.drop(), title: t('Takes the depth map away') }, t('Take away'));
        this.#note = h('span', { class: 'note', role: 'status' });
        const over = (event) => event.dataTransfer?.types.includes('Files') && event.preventDefault();
        this.element = h(
            'section',
            { class: 'panel depth', 'aria-label': t('Depth map'), ondragover: over, ondrop: (event) => this.#dropped(event) },
            h('div', { class: 'tools' }, this.#choose, file, h('label', {}, this.#far, t('White is far')), this.#drop, this.#note),
        );
    }

    opened() {
        this.update();
    }

    closed() {
        this.#fault = '';
    }

    changed() {
        this.update();
    }

    update() {
        const { t, depth, client } = this.#room;
        const { map, source } = depth;
        this.#choose.disabled = !client?.picture;
        this.#far.disabled = this.#drop.disabled = !map;
        this.#far.checked = Boolean(map?.farWhite);
        const words = { given: map?.name || t('A depth map'), found: t('The server has found a depth map.'), none: whyNone(t) };
        this.#note.textContent = this.#fault || words[source] || t('Drop a depth map here. A look with an aperture blurs by it.');
    }

    #dropped(event) {
        const [file] = event.dataTransfer?.files ?? [];
        if (!file) return;
        event.preventDefault(); // what the page does with files that are dropped on it is not done
        this.#take(file);
    }

    async #take(file) {
        const { t, depth, client } = this.#room;
        if (!file || !client.picture) return;
        this.#fault = '';
        this.#note.textContent = t('Working');
        try {
            await depth.take(file);
        } catch (error) {
            this.#fault = [file.name, faultOf(t, error)].filter(Boolean).join(': ');
        }
        this.update();
    }
}
