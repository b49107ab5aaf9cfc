// The tab "Film Look": what the host calls by name, for it does the same for its own tabs.

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

function submit_film_look() {
    showSubmitButtons('film_look', false);

    const id = randomId();
    const container = gradioApp().getElementById('film_look_gallery_container');
    requestProgress(id, container, gradioApp().getElementById('film_look_gallery'), () => {
        showSubmitButtons('film_look', true);
    });

    const args = create_submit_args(arguments);
    args[0] = id;
    args[1] = get_tab_index('mode_film_look');
    return args;
}
