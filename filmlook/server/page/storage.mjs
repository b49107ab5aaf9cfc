// What the page keeps in this browser: the look, the favourites, the language. Without storage it keeps nothing.

const PREFIX = 'film-look-';

export function kept(key, otherwise) {
    try {
        return JSON.parse(localStorage.getItem(PREFIX + key)) ?? otherwise;
    } catch {
        return otherwise;
    }
}

export function keep(key, value) {
    try {
        localStorage.setItem(PREFIX + key, JSON.stringify(value));
    } catch {
        // a full or forbidden storage costs no more than the memory of it
    }
}
