// The tab's section "Make mine look like this": how far the search is, and a reference beside the picture.

/* exported film_look_find, film_look_stop */

let film_look_finding = ''; // the host's name of the search under way

function film_look_find() {
    const args = Array.from(arguments);
    const section = gradioApp().querySelector('#tab_film_look_match');
    const id = (args[0] = film_look_finding = randomId());
    section.classList.add('film-look-finding');
    requestProgress(id, section.querySelector('#tab_film_look_match_told'), null, () => {
        if (film_look_finding === id) section.classList.remove('film-look-finding');
    });
    return args;
}

function film_look_stop() {
    return [film_look_finding];
}

// The first reference, where it is to be seen beside the picture.
function film_look_reference() {
    const section = gradioApp().querySelector('#tab_film_look_match');
    if (!section?.querySelector('#tab_film_look_match_beside input')?.checked) return '';
    return section.querySelector('#tab_film_look_match_gallery img')?.src ?? '';
}

onUiLoaded(() => {
    let shown = '';
    setInterval(async () => { // gradio sends no event when the server changes the gallery
        const viewer = film_look_viewers.tab;
        const address = film_look_reference();
        if (!viewer?.isShown || address === shown) return;
        shown = address;
        const file = address && (await fetch(address).then((answer) => answer.blob(), () => null));
        if (shown === address) viewer.element.setReference(file || null);
    }, 400);
});
