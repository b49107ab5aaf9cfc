// The routes' client: a picture is sent once, and again where the server has forgotten it.

const AROUND = 4096; // bytes, and less, that an upload has around its parts
const AGAIN_MS = 1500; // between tries to send a picture to a server that is gone

/** What the server refuses, in its own words. */
export class Refused extends Error {
    constructor(status, detail) {
        super(detail);
        this.status = status;
    }
}

/** A file that the server would not take, and which is not sent. */
export class TooLarge extends Error {
    constructor(size, most) {
        super(`the file has ${size} bytes; allowed are ${most}`);
        this.size = size;
        this.most = most;
    }
}

/** No answer came: the server is gone, or on its way. */
export class Gone extends Error {}

export class Client {
    #base;
    #viewer;
    #number = 0;
    #sending = null;
    #limits = null;

    /** The picture that the server knows: {hash, width, height, developed}; null before. */
    picture = null;
    /** The file as it came, which is sent again where it is forgotten. */
    blob = null;
    /** The picture's depth map: {hash, blob, name, farWhite}; null without one. */
    depth = null;

    constructor(base) {
        this.#base = base.replace(/\/$/, '');
        const random = crypto.getRandomValues(new Uint32Array(2)); // randomUUID is for safe contexts alone: a WebUI in the house has none
        this.#viewer = `${random[0].toString(36)}${random[1].toString(36)}`;
    }

    /** Sends a picture, and keeps it as the one that the other calls are about; `gone()` is told while nobody takes it. */
    async open(blob, signal, gone) {
        for (;;) {
            try {
                const picture = await this.send(blob, signal);
                this.blob = blob;
                this.picture = picture;
                this.depth = null; // which was another picture's
                return picture;
            } catch (error) {
                if (!(error instanceof Gone)) throw error;
                gone();
                await new Promise((resolve) => setTimeout(resolve, AGAIN_MS));
                signal.throwIfAborted();
            }
        }
    }

    /** A preview as {bitmap, ms, device, busy}; null where a newer one has come meanwhile. `role` parts what must not drop each other. */
    async preview(role, fields, signal) {
        const started = performance.now();
        const answer = await this.#about('preview', role, fields, signal);
        if (!answer) return null;
        const blob = await answered(answer.blob());
        return {
            bitmap: await createImageBitmap(blob),
            ms: performance.now() - started,
            device: answer.headers.get('X-Film-Look-Device') ?? '',
            busy: answer.headers.get('X-Film-Look-Busy') ?? '',
            depth: answer.headers.get('X-Film-Look-Depth') ?? '',
        };
    }

    /** Where the depth map comes from, and how near the point [x, y] is: {source, nearness, focus}; null where a newer one is asked for. */
    async depthAt(point, signal) {
        const answer = await this.#about('depth', 'depth', { point }, signal);
        return answer && answered(answer.json());
    }

    /** A name of the depth map, by which previews are told apart. */
    get depthKey() {
        return this.depth ? `${this.depth.hash} ${this.depth.farWhite}` : '';
    }

    /** {before, after}: histograms, parades, colours; null where newer ones are on their way. */
    async scopes(fields, signal) {
        const answer = await this.#about('scopes', 'scopes', fields, signal);
        return answer && answered(answer.json());
    }

    /** The frames of a contact sheet, as they come. */
    async *sheet(role, fields, signal) {
        const answer = await this.#about('sheet', role, fields, signal);
        if (!answer) return;
        const reader = answer.body.pipeThrough(new TextDecoderStream()).getReader();
        let text = '';
        for (;;) {
            const { value, done } = await answered(reader.read());
            text += value ?? '';
            const lines = text.split('\n');
            text = lines.pop();
            for (const line of lines) if (line.trim()) yield JSON.parse(line);
            if (done) return;
        }
    }

    /** What a route tells that is about no picture. */
    async get(path, signal) {
        return answered((await this.call('GET', path, undefined, signal)).json());
    }

    /** The stocks by how like a reference, another picture's name, the picture becomes on them; null where newer ones are asked for. */
    async like(fields, signal) {
        const answer = await this.#about('like', 'like', fields, signal);
        return answer && (await answered(answer.json())).stocks;
    }

    /** A call with JSON; raises `Refused` or `Gone`. */
    async call(method, path, body, signal) {
        return this.#fetched(path, {
            method,
            signal,
            ...(body === undefined ? {} : { headers: { 'Content-Type': 'application/json' }, body: JSON.stringify(body) }),
        });
    }

    /** An upload of a file, or of several, which the browser reads as it sends them; raises `TooLarge` too. */
    async upload(path, blobs, order, signal) {
        const told = order ? JSON.stringify(order) : '';
        const sizes = [blobs].flat().map((blob) => blob.size + AROUND);
        return this.#uploaded(path, { images: blobs }, told, 'bytes', sizes.reduce((sum, size) => sum + size) + told.length, signal);
    }

    /** Sends a film that shall be developed, and its depth maps' file if there is one: {id}; raises what `upload` does. */
    async uploadFilm(file, depth, order, signal) {
        const files = { video: file, ...(depth ? { depth } : {}) };
        const size = file.size + (depth?.size ?? 0);
        return answered((await this.#uploaded('develop-video', files, JSON.stringify(order), 'video_bytes', size, signal, false)).json());
    }

    /** Where a path of the routes lies, for what the browser itself loads. */
    address(path) {
        return `${this.#base}/${path}`;
    }

    async #uploaded(path, files, told, limit, size, signal, isRetried = true) {
        this.#limits ??= await this.get('limits', signal);
        const most = this.#limits[limit];
        if (size > most) throw new TooLarge(size, most); // a server breaks such an upload off, as if it were gone
        const body = new FormData();
        for (const [name, given] of Object.entries(files)) for (const blob of [given].flat()) body.append(name, blob, name);
        if (told) body.append('order', told);
        return this.#fetched(path, { method: 'POST', signal, body }, isRetried);
    }

    /** Sends a picture that is not looked at: {hash, width, height, developed}. */
    async send(blob, signal) {
        return answered((await this.upload('pictures', blob, null, signal)).json());
    }

    async #sendAgain(depth) {
        const picture = await this.send(this.blob);
        if (depth) await this.send(depth.blob);
        return picture;
    }

    /** An answer; where what is asked for is not `isRetried`, a server that is full says so itself. */
    async #fetched(path, options, isRetried = true) {
        const answer = await answered(fetch(`${this.#base}/${path}`, options));
        if (!answer.ok) throw await refusal(answer, isRetried);
        return answer;
    }

    async #about(path, role, fields, signal) {
        for (let again = false; ; again = true) {
            const { picture, depth } = this;
            const map = depth && path !== 'like' ? { depth: depth.hash, depth_far_white: depth.farWhite } : {};
            const body = { hash: picture.hash, ...map, ...fields, viewer: `${this.#viewer}-${role}`, number: ++this.#number };
            try {
                return await this.call('POST', path, body, signal);
            } catch (error) {
                if (error.status === 409) return null;
                if (error.status !== 404 || again || picture !== this.picture) throw error;
                this.#sending ??= this.#sendAgain(depth).finally(() => (this.#sending = null)); // once, whoever misses it
                this.picture = await this.#sending;
            }
        }
    }
}

/** What is awaited of the network; where it fails, `Gone`. */
async function answered(promise) {
    try {
        return await promise;
    } catch (error) {
        throw error.name === 'AbortError' ? error : new Gone(error.message);
    }
}

async function refusal(answer, isRetried) {
    if ([502, 504].includes(answer.status) || (answer.status === 503 && isRetried)) return new Gone(answer.statusText);
    let detail = '';
    try {
        ({ detail } = await answer.json());
    } catch {
        // whoever stands before the server may answer in HTML
    }
    return new Refused(answer.status, typeof detail === 'string' && detail ? detail : `${answer.status} ${answer.statusText}`);
}
