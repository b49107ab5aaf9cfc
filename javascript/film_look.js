// The tab "Film Look": what the host calls by name, for it does the same for its own tabs; and a result that is not of the settings
// which stand beside it says so.

let film_look_of_result = ''; // the settings and the picture that the gallery's result is of

function film_look_show_tab() {
    const tabs = gradioApp().querySelector('#tabs');
    const panels = Array.from(tabs.children).filter((child) => child.id.startsWith('tab_'));
    const index = panels.findIndex((panel) => panel.id === 'tab_film_look');
    tabs.querySelectorAll('button')[index]?.click();
}

/* exported switch_to_film_look, recalculate_prompts_film_look, submit_film_look */

function switch_to_film_look() {
    film_look_show_tab();
    return Array.from(arguments);
}

function recalculate_prompts_film_look() {
    return Array.from(arguments);
}

async function submit_film_look() {
    const args = create_submit_args(arguments);
    showSubmitButtons('film_look', false);

    const id = randomId();
    const container = gradioApp().getElementById('film_look_gallery_container');
    film_look_of_result = film_look_asked_for();
    requestProgress(id, container, gradioApp().getElementById('film_look_gallery'), () => {
        showSubmitButtons('film_look', true);
    });

    args[0] = id;
    args[1] = get_tab_index('mode_film_look');
    args[2] = (await film_look_viewers.tab?.mask()) ?? '';
    args[3] = JSON.stringify((await film_look_viewers.tab?.element.depthOrder()) ?? {});
    return args;
}

// What "Develop" would be asked for now; of many pictures only the settings.
function film_look_asked_for() {
    const picture = gradioApp().querySelector('#film_look_image img')?.src ?? '';
    return JSON.stringify([film_look_values('tab'), picture.length > 200 ? `${picture.length}${picture.slice(-200)}` : picture]);
}

onUiLoaded(() => {
    setInterval(() => {
        const results = gradioApp().querySelector('#film_look_gallery_container');
        if (!results?.offsetParent) return;
        const isOld = Boolean(results.querySelector('img')) && film_look_of_result !== film_look_asked_for();
        results.classList.toggle('film-look-old', isOld);
        results.dataset.filmLookNote = film_look_text('Not of these settings');
    }, 400);
});
