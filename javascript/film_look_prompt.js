// The prompt helper: while it is open, it asks again whenever something on its page has changed, and presses for its buttons.

let film_look_key = '';

/* exported film_look_pressed, film_look_choose_checkpoint */

function film_look_pressed() {
    const args = Array.from(arguments);
    args[0] = film_look_key;
    return args;
}

function film_look_choose_checkpoint(title) {
    if (title) {
        selectCheckpoint(title);
    }
    return [];
}

// Everything a page's fields hold, and the checkpoint: gradio 3 and 4 send no event when the server changes a field.
function film_look_page(tab) {
    const fields = gradioApp().querySelectorAll(`#tab_${tab} input, #tab_${tab} textarea`);
    const values = Array.from(fields, (field) => (['checkbox', 'radio'].includes(field.type) ? field.checked : field.value));
    return `${film_look_checkpoint()}\n${values.join('\n')}`;
}

function film_look_checkpoint() {
    const chosen = Array.from(gradioApp().querySelectorAll('#quicksettings input'), (field) => field.value);
    return `${opts.sd_model_checkpoint}\n${opts.sd_checkpoint_hash}\n${chosen.join('\n')}`;
}

onUiLoaded(() => {
    const last = {}; // what a page held at the last look
    const asked = {}; // and when it was asked about
    const listed = {}; // and when the lists were filled
    const isShown = (id) => Boolean(gradioApp().querySelector(id)?.offsetParent);
    setInterval(() => {
        for (const tab of ['txt2img', 'img2img']) {
            const helper = `#${tab}_film_look_helper`;
            if (!isShown(`${helper}_findings`)) continue;
            const now = film_look_page(tab);
            if (now === last[tab] && now !== asked[tab]) { // the user has paused
                asked[tab] = now;
                gradioApp().querySelector(`${helper}_ask`).click();
            }
            const checkpoint = film_look_checkpoint();
            if (checkpoint !== listed[tab] && (isShown(`${helper}_checkpoints`) || isShown(`${helper}_networks`))) {
                listed[tab] = checkpoint;
                gradioApp().querySelector(`${helper}_list`).click();
            }
            last[tab] = now;
        }
    }, 400);
    gradioApp().addEventListener('click', (event) => {
        const button = event.target.closest('button[data-film-look]');
        const tab = button?.closest('[id$="_film_look_helper"]')?.id.split('_')[0];
        if (!tab) return;
        film_look_key = button.dataset.filmLook;
        gradioApp().querySelector(`#${tab}_film_look_helper_press`).click();
    });
});
