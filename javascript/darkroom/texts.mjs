// Texts in the page's language: by their English words, and sentences with names and numbers in them by their shape.

const LONGEST = 600; // letters of a sentence that is looked for
const patterns = new WeakMap(); // of tables

/** Texts by their English keys: the translation where there is one, `{name}` filled in. `t.sentence(text)`: see `sentence`. */
export function translator(texts) {
    const t = (key, values = {}) => (texts[key] ?? key).replace(/\{(\w+)\}/g, (whole, name) => values[name] ?? whole);
    return Object.assign(t, { sentence: (text) => sentence(texts, text) });
}

/** What the server says in English, in the table's words where it has that sentence, as "{1} is {2}; allowed: {3}"; else as it is. */
export function sentence(texts, text) {
    if (texts[text] !== undefined || text.length > LONGEST) return texts[text] ?? text;
    if (!patterns.has(texts)) patterns.set(texts, shapes(texts));
    for (const [shape, key] of patterns.get(texts)) {
        const found = shape.exec(text);
        if (found) return texts[key].replace(/\{(\d)\}/g, (_, place) => sentence(texts, found[place]));
    }
    return text;
}

/** Each sentence as an expression that finds what stands for {1}, {2} ..., the longest first: the most particular. */
function shapes(texts) {
    const keys = Object.keys(texts).filter((key) => key.includes('{1}'));
    keys.sort((one, other) => other.length - one.length);
    return keys.map((key) => {
        const parts = key.split(/\{\d\}/).map((part) => part.replace(/[.*+?^${}()|[\]\\]/g, '\\$&'));
        return [new RegExp(`^${parts.join('(.+?)')}$`), key];
    });
}
