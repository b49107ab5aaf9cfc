// Sentences with names and numbers in them, in the page's language: in the host's table they stand as "{1} of {2} developed, in {3}".
// What the host's own table finds whole, it translates itself.

const film_look_places_of_sentences = '.film-look-report, #html_log_film_look, #tab_film_look_match_told, [id$="_film_look_preset_status"], .film-look-viewer-note';
const film_look_texts = import('./darkroom/texts.mjs');

function film_look_translate(element, sentence) {
    const walk = document.createTreeWalker(element, NodeFilter.SHOW_TEXT, (node) =>
        node.parentElement.closest('.film-look-marked') ? NodeFilter.FILTER_REJECT : NodeFilter.FILTER_ACCEPT); // the prompt itself
    while (walk.nextNode()) {
        const text = walk.currentNode.textContent.trim();
        const translated = sentence(window.localization, text);
        if (translated !== text) walk.currentNode.textContent = walk.currentNode.textContent.replace(text, () => translated);
    }
    for (const titled of element.querySelectorAll('[title]')) {
        const translated = sentence(window.localization, titled.title);
        if (translated !== titled.title) titled.title = translated;
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

onAfterUiUpdate(async () => {
    if (!Object.keys(window.localization ?? {}).length) return;
    const { sentence } = await film_look_texts;
    for (const element of gradioApp().querySelectorAll(film_look_places_of_sentences)) film_look_translate(element, sentence);
});
