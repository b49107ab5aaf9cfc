// Sentences with names and numbers in them, in the page's language: in the host's table they stand as "{1} of {2} developed, in {3}".
// What the host's own table finds whole, it translates itself.

const film_look_places_of_sentences = '.film-look-report, #html_log_film_look, [id$="_film_look_preset_status"], .film-look-viewer-note';
const film_look_longest_sentence = 600; // characters

let film_look_patterns = null;

// The sentences as expressions that find what stands for {1}, {2} ..., the longest first: the most particular.
function film_look_sentences() {
    const keys = Object.keys(window.localization ?? {}).filter((key) => key.includes('{1}'));
    keys.sort((one, other) => other.length - one.length);
    return keys.map((key) => {
        const parts = key.split(/\{\d\}/).map((part) => part.replace(/[.*+?^${}()|[\]\\]/g, '\\$&'));
        return [new RegExp(`^${parts.join('(.+?)')}$`), window.localization[key]];
    });
}

function film_look_sentence(text) {
    const whole = window.localization?.[text];
    if (whole !== undefined || text.length > film_look_longest_sentence) return whole;
    film_look_patterns ??= film_look_sentences();
    for (const [pattern, translated] of film_look_patterns) {
        const found = pattern.exec(text);
        if (found) return translated.replace(/\{(\d)\}/g, (_, place) => film_look_sentence(found[place]) ?? found[place]);
    }
    return undefined;
}

function film_look_translate(element) {
    const walk = document.createTreeWalker(element, NodeFilter.SHOW_TEXT, (node) =>
        node.parentElement.closest('.film-look-marked') ? NodeFilter.FILTER_REJECT : NodeFilter.FILTER_ACCEPT); // the prompt itself
    while (walk.nextNode()) {
        const text = walk.currentNode.textContent.trim();
        const translated = text && film_look_sentence(text);
        if (translated && translated !== text) walk.currentNode.textContent = walk.currentNode.textContent.replace(text, () => translated);
    }
    for (const titled of element.querySelectorAll('[title]')) {
        const translated = film_look_sentence(titled.title);
        if (translated && translated !== titled.title) titled.title = translated;
    }
}

// A list shows its choice in the page's language too; what it holds stays what the server knows, and shows while one looks for another.
function film_look_show_choices() {
    for (const input of gradioApp().querySelectorAll('[id*="_film_look_"] .secondary-wrap > input')) {
        const shown = window.localization[input.value];
        const { dataset } = input.parentElement;
        if (dataset.filmLookShown === shown) continue;
        if (shown) dataset.filmLookShown = shown;
        else delete dataset.filmLookShown;
    }
}

onUiLoaded(() => {
    if (Object.keys(window.localization ?? {}).length) setInterval(film_look_show_choices, 400); // gradio sends no event when the server changes one
});

onAfterUiUpdate(() => {
    if (!Object.keys(window.localization ?? {}).length) return;
    for (const element of gradioApp().querySelectorAll(film_look_places_of_sentences)) film_look_translate(element);
});
