// Thumbnails of the picture on every film or with every look, made when they are first seen, and again for another picture.

const SIDE = 160;

export class Thumbnails {
    #room;
    #of;
    #show;
    #made = null; // the picture that they are of
    #flight = null;

    /** `show(label, source)` puts one in its place; `source` is null before it is there. */
    constructor(room, of, show) {
        this.#room = room;
        this.#of = of;
        this.#show = show;
    }

    async make(look) {
        const { viewer } = this.#room;
        const picture = viewer.sent;
        if (!picture || this.#made === picture.hash) return;
        this.#flight?.abort();
        const flight = (this.#flight = new AbortController());
        this.#made = picture.hash;
        try {
            for await (const frame of viewer.sheet(`thumbnails-${this.#of}`, { look, of: this.#of, long_side: SIDE }, flight.signal)) {
                if (flight === this.#flight && frame.image) this.#show(frame, `data:image/jpeg;base64,${frame.image}`);
            }
        } catch {
            if (flight === this.#flight) this.#made = null; // the next time that they are seen; names do without
        }
    }
}
