// The darkroom in the WebUI: the viewer (film_look_darkroom.mjs) beside the tab's settings and above the galleries. It follows the
// settings where they stand on the page, without a trip through gradio's queue, and what is chosen in it goes back into them.

const film_look_viewers = {}; // by place
const FILM_LOOK_AGAIN_MS = 1500; // between tries to reach a server that is gone

/* exported film_look_take_look */

// The look that a place's settings say; null while one of them is being looked for, or is not there.
function film_look_look_of(place) {
    const data = film_look_presets_of(place);
    if (!data) return null;
    const look = {};
    for (const name of ['stock', 'frame', ...Object.keys(data.defaults)]) {
        let value = film_look_value(place, name);
        if (value === null || value === '') return null;
        const keys = data.keys[name];
        if (name === 'frame' && value.startsWith(`${Object.keys(keys)[0]} (`)) value = Object.keys(keys)[0];
        if (keys && !(value in keys)) return null;
        look[name] = keys ? keys[value] : value;
    }
    return look;
}

function film_look_seed_of(place) {
    const isFixed = film_look_value(place, 'seed_mode') === film_look_presets_of(place)?.fixed;
    return isFixed ? film_look_value(place, 'seed') : null;
}

function film_look_url(route) {
    return new URL(`sdapi/v1/film-look/${route}`, window.location.origin + window.location.pathname).href;
}

class FilmLookViewer {
    constructor(place, holder, pictureOf) {
        this.place = place;
        this.holder = holder;
        this.pictureOf = pictureOf; // gives the address of the picture that the page shows
        this.shown = null; // that address
        this.file = null; // and what lies there
        this.last = null; // the settings at the last look, and those that were shown
        this.pushed = null;
        this.element = document.createElement('film-look-darkroom');
        this.element.setAttribute('base', film_look_url('').replace(/\/$/, ''));
        this.element.texts = window.localization ?? {};
        this.element.canDevelop = true;
        this.note = Object.assign(document.createElement('p'), { className: 'film-look-viewer-note' });
        const empty = Object.assign(document.createElement('p'), { textContent: film_look_text('Put a picture beside it to see it as film.') });
        empty.slot = 'empty';
        this.element.append(empty);
        this.element.addEventListener('look-chosen', (event) => this.chosen(event.detail.look));
        this.element.addEventListener('develop', (event) => this.develop(event.detail));
        holder.replaceChildren(this.element, this.note);
    }

    get isShown() {
        return Boolean(this.element.offsetParent);
    }

    // The settings as they stand; `now` for what the user moves, else when they have come to rest: the server sets one after the other.
    follow(now) {
        this.element.setAttribute('theme', document.body.classList.contains('dark') ? 'dark' : 'light');
        const look = film_look_look_of(this.place);
        if (!look) return;
        const seed = film_look_seed_of(this.place);
        const key = JSON.stringify([look, seed]);
        if ((now || key === this.last) && key !== this.pushed) {
            this.pushed = key;
            if (this.element.seed !== seed) this.element.seed = seed;
            this.element.setLook(look);
            this.note.textContent = '';
        }
        this.last = key;
    }

    chosen(look) {
        film_look_taken = JSON.stringify(look);
        film_look_part(this.place, 'take_look')?.click();
    }

    async followPicture() {
        const address = this.pictureOf();
        if (!address || address === this.shown) return;
        this.shown = address;
        this.note.textContent = '';
        try {
            const file = await (await fetch(address)).blob();
            if (this.shown !== address) return;
            this.file = file;
            await this.element.setPicture(await this.before(file));
        } catch { // the server is gone: it is asked until it is there again
            if (this.shown !== address) return;
            this.note.textContent = film_look_text('The server does not answer; trying again');
            setTimeout(() => this.shown === address && (this.shown = null), FILM_LOOK_AGAIN_MS);
        }
    }

    async before(file) {
        return file;
    }

    // What was painted, as PNG in base64; nothing where all of it is developed.
    async mask() {
        const blob = await this.element.maskBlob();
        if (!blob) return '';
        const reader = new FileReader();
        return new Promise((resolve) => {
            reader.onload = () => resolve(reader.result.slice(reader.result.indexOf(',') + 1));
            reader.readAsDataURL(blob);
        });
    }

    develop() {
        gradioApp().querySelector('#film_look_generate').click();
    }
}

// What "On film" opens: a gallery's picture as it was before it was developed.
class FilmLookOfGallery extends FilmLookViewer {
    async before(file) {
        const body = new FormData();
        body.append('image', file, 'picture');
        const answer = await fetch(film_look_url('undeveloped'), { method: 'POST', body });
        if (answer.ok) return answer.blob();
        this.note.textContent = film_look_text((await answer.json().catch(() => ({}))).detail ?? answer.statusText);
        return file;
    }

    async develop({ look, seed }) {
        if (!this.file) return;
        const mask = await this.mask();
        const body = new FormData();
        body.append('order', JSON.stringify({ look, ...(seed === null ? {} : { seed }), ...(mask ? { mask } : {}), ...(look.aperture ? await this.element.depthOrder() : {}) }));
        body.append('image', this.file, 'picture');
        this.note.textContent = film_look_text('Developing…');
        try {
            const answer = await fetch(film_look_url('keep'), { method: 'POST', body });
            const told = await answer.json();
            this.note.textContent = answer.ok ? `${film_look_text('Saved:')} ${told.path}` : film_look_text(told.detail);
        } catch {
            this.note.textContent = film_look_text('The server does not answer; trying again');
        }
    }
}

let film_look_taken = ''; // the look that the viewer has chosen, as JSON

function film_look_take_look() {
    return [film_look_taken, ...Array.from(arguments).slice(1)];
}

// The picture that a gallery shows large, else its first.
function film_look_gallery_picture(tab) {
    const gallery = gradioApp().querySelector(`#${tab}_gallery`);
    return (gallery?.querySelector('[data-testid="detailed-image"], .preview > img') ?? gallery?.querySelector('img'))?.src ?? '';
}

// It stands above the results, in view beside the settings; where results stand below the settings, at the tab's top.
function film_look_put_viewer(place, narrow) {
    const { holder } = film_look_viewers[place];
    const tab = place === 'tab' ? 'film_look' : place;
    const parent = gradioApp().querySelector(narrow ? `#tab_${tab}` : `#${tab}_results`);
    if (holder.parentElement !== parent) parent.prepend(holder);
}

function film_look_add_viewer(place, Viewer, pictureOf, narrow) {
    const holder = Object.assign(document.createElement('div'), { className: 'film-look-viewer' });
    film_look_viewers[place] = new Viewer(place, holder, pictureOf);
    film_look_put_viewer(place, narrow);
}

function film_look_toggle_on_film(tab, narrow) {
    const known = film_look_viewers[tab];
    if (known) known.holder.hidden = !known.holder.hidden;
    else film_look_add_viewer(tab, FilmLookOfGallery, () => film_look_gallery_picture(tab), narrow);
    film_look_viewers[tab].holder.scrollIntoView({ block: 'nearest' });
}

// A video among the files of an event is refused by its name, before gradio takes it for a picture.
function film_look_refuse_video(event) {
    if (!event.target.closest?.('#film_look_image')) return;
    const files = Array.from(event.dataTransfer?.files ?? event.target.files ?? []);
    const video = files.find((file) => file.type.startsWith('video/'));
    if (!video) return;
    event.preventDefault();
    event.stopImmediatePropagation();
    if (event.type === 'change') event.target.value = '';
    const note = film_look_viewers.tab?.note;
    if (note) note.textContent = `${video.name}: ${film_look_text('it is a video, and pictures are developed here.')}`;
}

for (const kind of ['change', 'drop']) document.addEventListener(kind, film_look_refuse_video, { capture: true });

onUiLoaded(async () => {
    await customElements.whenDefined('film-look-darkroom');
    const narrow = window.matchMedia('(max-width: 800px)');
    narrow.addEventListener('change', () => Object.keys(film_look_viewers).forEach((place) => film_look_put_viewer(place, narrow.matches)));
    const makeTabs = () => {
        if (film_look_viewers.tab || !gradioApp().querySelector('#film_look_results')?.offsetParent) return;
        const pictureOf = () => gradioApp().querySelector('#film_look_image img')?.src ?? '';
        film_look_add_viewer('tab', FilmLookViewer, pictureOf, narrow.matches);
    };
    let waiting = false;
    const follow = (now) => {
        for (const viewer of Object.values(film_look_viewers)) if (viewer.isShown) viewer.follow(now);
    };
    gradioApp().addEventListener('input', (event) => {
        if (waiting || !event.target.closest('[id*="_film_look_"]')) return;
        waiting = true;
        requestAnimationFrame(() => {
            waiting = false;
            follow(true);
        });
    });
    setInterval(() => { // gradio sends no event when the server changes a field
        makeTabs();
        follow(false);
        for (const viewer of Object.values(film_look_viewers)) if (viewer.isShown) viewer.followPicture();
    }, 200);
    gradioApp().addEventListener('click', (event) => {
        const button = event.target.closest('#txt2img_on_film, #img2img_on_film');
        if (button) film_look_toggle_on_film(button.id.replace('_on_film', ''), narrow.matches);
    });
});
