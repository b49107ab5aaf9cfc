// The page's language: the one that was chosen, else the browser's first that there is.

import { h } from './darkroom/dom.mjs';
import { keep, kept } from './storage.mjs';

const ENGLISH = 'en';
const TRADITIONAL = /^zh-(tw|hk|mo|hant)/i;
let known = [ENGLISH];

export async function chosenLanguage() {
    try {
        known = [ENGLISH, ...(await (await fetch('languages')).json())];
    } catch {
        return ENGLISH; // the server is not there yet: what waits for it says so in English
    }
    const asked = [new URLSearchParams(location.search).get('language'), kept('language', null), ...navigator.languages];
    return asked.map(languageOf).find(Boolean) ?? ENGLISH;
}

/** The language that there is for a tag: "zh-Hant-HK" is zh_TW; null where there is none. */
function languageOf(tag) {
    if (!tag) return null;
    if (TRADITIONAL.test(tag)) return 'zh_TW';
    const whole = tag.replace('-', '_');
    const first = tag.split(/[-_]/)[0].toLowerCase();
    return known.find((language) => language === whole) ?? known.find((language) => language.split('_')[0] === first) ?? null;
}

export async function readTexts(language) {
    return language === ENGLISH ? {} : (await fetch(`localization/${language}`)).json();
}

export function languageSelect(language, t) {
    const nameOf = (code) => {
        const tag = { zh_CN: 'zh-Hans', zh_TW: 'zh-Hant' }[code] ?? code.split('_')[0];
        return new Intl.DisplayNames([tag], { type: 'language' }).of(tag);
    };
    const select = h('select', { id: 'language', onchange: () => {
        keep('language', select.value);
        location.assign(location.pathname); // without a language that the address names
    } }, known.map((code) => h('option', { value: code, selected: code === language }, nameOf(code))));
    return select;
}
