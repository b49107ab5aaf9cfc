// Presets in every place that has them: what differs from the chosen preset is marked and taken back by a double click, the line
// below the list names it, and what is kept in one place shows in all. Values are read from the page: gradio sends no event when the
// server changes a field.

let film_look_taken_back = '';

/* exported film_look_ask_to_save, film_look_ask_to_delete, film_look_renew_presets, film_look_take_back */

function film_look_text(text) {
    return window.localization?.[text] ?? text;
}

// The places by the beginning of their components' ids: "txt2img", "img2img", "extras", "tab", and what extensions copy.
function film_look_places() {
    const lines = gradioApp().querySelectorAll('[id$="_film_look_about"]'); // gradio 3 gives one id to two elements
    return [...new Set(Array.from(lines, (line) => line.id.replace(/_film_look_about$/, '')))];
}

function film_look_part(place, name) {
    return gradioApp().querySelector(`#${CSS.escape(`${place}_film_look_${name}`)}`);
}

const film_look_parsed = new Map();

function film_look_presets_of(place) {
    const text = film_look_part(place, 'about')?.querySelector('[data-film-look-presets]')?.dataset.filmLookPresets;
    if (!text) return null;
    const known = film_look_parsed.get(place);
    if (known?.text !== text) film_look_parsed.set(place, { text, data: JSON.parse(text) });
    return film_look_parsed.get(place).data;
}

// What a component shows: a number, whether it is checked, or a text; null where it is not there.
function film_look_value(place, name) {
    const block = film_look_part(place, name);
    const number = block?.querySelector('input[type=number]');
    if (number) return number.value === '' ? null : Number(number.value);
    const field = block?.querySelector('input, textarea');
    if (!field) return null;
    return field.type === 'checkbox' ? field.checked : field.value;
}

function film_look_values(place) {
    const data = film_look_presets_of(place);
    const names = data ? ['stock', 'frame', 'seed_mode', 'seed', ...Object.keys(data.defaults)] : [];
    return Object.fromEntries(names.map((name) => [name, film_look_value(place, name)]));
}

// The settings that differ from the chosen preset. A film's own format is another one for another film.
function film_look_changed(data, values, label) {
    const preset = data.presets[label] ?? data.presets[data.plain];
    return Object.keys(values).filter((name) => {
        const wanted = preset.values[name] ?? data.defaults[name];
        const found = values[name];
        if (found === null || name === 'seed' || name === 'seed_mode') return false;
        if (name === 'frame') return wanted === undefined ? !found.includes('(') : found !== wanted;
        if (wanted === undefined) return false; // the stock, where no preset is chosen
        return typeof wanted === 'number' ? Math.abs(found - wanted) > 1e-6 : found !== wanted;
    });
}

function film_look_show_about(place, data, label, changed) {
    const line = film_look_part(place, 'about').querySelector('[data-film-look-presets]');
    const state = JSON.stringify([label, changed.length > 0]);
    if (line.dataset.state === state) return;
    line.dataset.state = state;
    const made = (tag, text, more = {}) => Object.assign(document.createElement(tag), { textContent: text, ...more });
    const parts = [made('span', data.presets[label].help)];
    if (changed.length) {
        const title = film_look_text('Takes back every change. One alone: a double click on the setting.');
        const back = made('button', film_look_text('Take back'), { type: 'button', title, onclick: () => film_look_ask_back(place, '*') });
        parts.unshift(made('b', label), ', ', made('i', film_look_text('changed')), ' ', back, ' ');
    }
    line.replaceChildren(...parts);
}

function film_look_mark(place) {
    const data = film_look_presets_of(place);
    const list = film_look_part(place, 'preset')?.querySelector('input');
    if (!data || !list || (document.activeElement === list && !data.presets[list.value])) return; // the user is looking for one
    const label = data.presets[list.value] ? list.value : data.plain;
    const changed = film_look_changed(data, film_look_values(place), label);
    film_look_show_about(place, data, label, changed);
    for (const name of ['stock', 'frame', ...Object.keys(data.defaults)]) {
        film_look_part(place, name)?.classList.toggle('film-look-changed', changed.includes(name));
    }
    for (const group of gradioApp().querySelectorAll(`[id^="${CSS.escape(place)}_film_look_"][id$="_group"]`)) {
        group.classList.toggle('film-look-changed', Boolean(group.querySelector('.film-look-changed')));
    }
}

// Buttons that show a symbol are called what their title says.
function film_look_name_buttons() {
    for (const button of gradioApp().querySelectorAll('button[id*="film_look"][title]')) {
        if (!/\p{L}/u.test(button.textContent) && button.ariaLabel !== button.title) button.ariaLabel = button.title;
    }
}

function film_look_ask_back(place, name) {
    film_look_taken_back = name;
    film_look_part(place, 'take_back')?.click();
}

function film_look_take_back() {
    return [film_look_taken_back, ...Array.from(arguments).slice(1)];
}

const film_look_renewed = new Set(); // places whose lists are as the folder is

function film_look_renew_presets() {
    film_look_renewed.clear();
    return [];
}

// The label of the user's own preset that is called so, by its name or its label. What one place has learned others need not know yet.
function film_look_own(called) {
    const same = (text) => text.toLowerCase() === called.toLowerCase();
    const known = film_look_places().flatMap((place) => Object.entries(film_look_presets_of(place)?.presets ?? {}));
    return known.find(([label, { name, own }]) => own && (same(name) || same(label)))?.[0];
}

function film_look_asked(question, label, args) {
    const answer = label ? (window.confirm(`${question}\n\n${label}`) ? 'yes' : 'no') : '';
    return [answer, ...args.slice(1)];
}

function film_look_ask_to_save() {
    const args = Array.from(arguments);
    const name = (args[1] ?? '').trim() || args[2] || '';
    return film_look_asked(film_look_text('Write over this preset?'), film_look_own(name), args);
}

function film_look_ask_to_delete() {
    const args = Array.from(arguments);
    return film_look_asked(film_look_text('Delete this preset?'), film_look_own(args[1] ?? ''), args);
}

onUiLoaded(() => {
    setInterval(() => {
        for (const place of film_look_places()) {
            if (!film_look_part(place, 'preset')?.offsetParent) continue;
            if (!film_look_renewed.has(place)) { // a page that is loaded again is as it was when the server started
                film_look_renewed.add(place);
                film_look_part(place, 'presets_renew').click();
            }
            film_look_mark(place);
        }
        film_look_name_buttons();
    }, 400);
    gradioApp().addEventListener('dblclick', (event) => {
        if (event.target.closest('textarea, input:not([type=range]):not([type=checkbox])')) return; // it selects a word
        const block = event.target.closest('.film-look-changed[id*="_film_look_"]:not([id$="_group"])');
        if (!block) return;
        const [place, name] = block.id.split('_film_look_');
        film_look_ask_back(place, name);
    });
});
