// The prompt helper: while it is open, it asks again whenever something on its page has changed, and presses for its buttons.
// Each page has its own: txt2img, img2img, and what extensions make after them.

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

// Everything the fields of a helper's page hold, and the checkpoint: gradio 3 and 4 send no event when the server changes a field.
function film_look_page(helper) {
    const page = helper.closest('[id^="tab_"]') ?? gradioApp();
    const fields = page.querySelectorAll('input, textarea');
    const values = Array.from(fields, (field) => (['checkbox', 'radio'].includes(field.type) ? field.checked : field.value));
    return `${film_look_checkpoint()}\n${values.join('\n')}`;
}

function film_look_checkpoint() {
    const chosen = Array.from(gradioApp().querySelectorAll('#quicksettings input'), (field) => field.value);
    return `${opts.sd_model_checkpoint}\n${opts.sd_checkpoint_hash}\n${chosen.join('\n')}`;
}

onUiLoaded(() => {
    const last = {}; // what a helper's page held at the last look
    const asked = {}; // and when it was asked about
    const listed = {}; // and when the lists were filled
    const isShown = (id) => Boolean(gradioApp().querySelector(id)?.offsetParent);
    setInterval(() => {
        for (const helper of gradioApp().querySelectorAll('[id$="_film_look_helper"]')) {
            const id = `#${helper.id}`;
            if (!isShown(`${id}_findings`)) continue;
            const now = film_look_page(helper);
            if (now === last[id] && now !== asked[id]) { // the user has paused
                asked[id] = now;
                gradioApp().querySelector(`${id}_ask`).click();
            }
            const checkpoint = film_look_checkpoint();
            if (checkpoint !== listed[id] && (isShown(`${id}_checkpoints`) || isShown(`${id}_networks`))) {
                listed[id] = checkpoint;
                gradioApp().querySelector(`${id}_list`).click();
            }
            last[id] = now;
        }
    }, 400);
    gradioApp().addEventListener('click', (event) => {
        const button = event.target.closest('button[data-film-look]');
        const helper = button?.closest('[id$="_film_look_helper"]');
        if (!helper) return;
        film_look_key = button.dataset.filmLook;
        gradioApp().querySelector(`#${helper.id}_press`).click();
    });
});
