// Thumbnails of the picture on every film or with every look, made when they are first seen, and again for another picture.

const SIDE = 160;

export class Thumbnails {
    #room;
    #of;
    #show;
    #made = null; // the picture that they are of
    #flight = null;
    #isSheetAtWork = false;

    /** `show(frame, source)` puts one in its place. */
    constructor(room, of, show) {
        this.#room = room;
        this.#of = of;
        this.#show = show;
        room.viewer.addEventListener('sheet', (event) => {
            this.#isSheetAtWork = event.detail.busy; // which comes first: the server makes one sheet at a time
            if (event.detail.busy) this.#flight?.abort();
        });
    }

    async make(look) {
        const { viewer } = this.#room;
        const picture = viewer.sent;
        if (!picture || this.#made === picture.hash || this.#isSheetAtWork) return;
        this.#flight?.abort();
        const flight = (this.#flight = new AbortController());
        this.#made = picture.hash;
        let left = Infinity;
        try {
            for await (const frame of viewer.sheet(`thumbnails-${this.#of}`, { look, of: this.#of, long_side: SIDE }, flight.signal)) {
                if (flight !== this.#flight) return;
                left = Math.min(left, frame.count) - 1;
                if (frame.image) this.#show(frame, `data:image/jpeg;base64,${frame.image}`);
            }
        } catch {
            // what is missing is made the next time that they are seen; names do without
        }
        if (flight === this.#flight && left > 0) this.#made = null;
    }
}
