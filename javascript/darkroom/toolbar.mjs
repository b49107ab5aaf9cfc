// The toolbar over the picture, and the list of keys.

import { whyNone } from './depth.mjs';
import { h } from './dom.mjs';
import { MODES } from './view.mjs';

const ICONS = {
    single: 'M2.5 3.5h11v9h-11z',
    split: 'M2.5 3.5h11v9h-11zM8 1.5v13',
    side: 'M1.5 3.5h5.5v9h-5.5zM9 3.5h5.5v9h-5.5z',
    out: 'M3.5 8h9',
    in: 'M3.5 8h9M8 3.5v9',
    undo: 'M6 3 2.5 6.5 6 10M2.5 6.5h7a3.5 3.5 0 0 1 0 7h-3',
    focus: 'M1.5 5v-3.5h3.5M11 1.5h3.5v3.5M14.5 11v3.5h-3.5M5 14.5h-3.5v-3.5M8 6.2a1.8 1.8 0 1 0 0 3.6 1.8 1.8 0 1 0 0-3.6',
    redo: 'M10 3 13.5 6.5 10 10M13.5 6.5h-7a3.5 3.5 0 0 0 0 7h3',
};

export function icon(name) {
    const svg = document.createElementNS('http://www.w3.org/2000/svg', 'svg');
    svg.setAttribute('viewBox', '0 0 16 16');
    svg.setAttribute('aria-hidden', 'true');
    const path = document.createElementNS(svg.namespaceURI, 'path');
    path.setAttribute('d', ICONS[name]);
    svg.append(path);
    return svg;
}

/** The toolbar's element and `update(state)`, which shows what is on. */
export function toolbar(t, room, panels) {
    const button = (name, title, onclick, ...content) => h('button', { title, 'aria-label': name, onclick }, ...content);
    const titles = { single: t('After alone'), split: t('Slider between before and after'), side: t('Side by side') };
    const modes = Object.fromEntries(MODES.map((mode) => [mode, button(titles[mode], `${titles[mode]} (C)`, () => room.setMode(mode), icon(mode))]));
    const zoom = button(t('Zoom'), `${t('The whole picture, or 100 %')} (Z)`, () => room.loupe(null), '');
    zoom.classList.add('zoom');
    const snapshots = ['A', 'B', 'C'].map((letter, place) =>
        h('button', {
            'aria-label': t('Snapshot {letter}', { letter }),
            title: t('Snapshot {letter}: click to keep or to go back, Shift + click to keep anew ({key})', { letter, key: place + 1 }),
            onclick: (event) => (event.shiftKey || !room.snapshots.has(place) ? room.store(place) : room.recall(place)),
        }, letter),
    );
    const undo = button(t('Undo'), `${t('Undo')} (${t('Ctrl')} Z)`, () => room.undo(), icon('undo'));
    const redo = button(t('Redo'), `${t('Redo')} (${t('Ctrl')} ${t('Shift')} Z)`, () => room.redo(), icon('redo'));
    const focus = h('button', { class: 'focus', onclick: () => room.focus() }, icon('focus'), t('Focus'));
    const drawers = Object.fromEntries(
        Object.entries(panels).map(([name, { title, key }]) => [name, h('button', { title: `${title} (${key})`, onclick: () => room.toggle(name) }, title)]),
    );
    const develop = h('button', { class: 'main', onclick: () => room.develop(), title: t('Saves this picture with the look you see') }, t('Develop this one'));
    const group = (name, ...buttons) => h('div', { class: 'group', role: 'group', 'aria-label': name }, ...buttons);
    const element = h(
        'div',
        { class: 'bar', role: 'toolbar', 'aria-label': t('Viewer') },
        group(t('Compare'), ...Object.values(modes)),
        group(t('Zoom'), button(t('Zoom out'), `${t('Zoom out')} (−)`, () => room.view.zoomBy(0.8), icon('out')), zoom,
            button(t('Zoom in'), `${t('Zoom in')} (+)`, () => room.view.zoomBy(1.25), icon('in'))),
        group(t('Snapshots'), ...snapshots),
        group(t('Undo'), undo, redo),
        focus,
        button(t('Keyboard'), `${t('Keyboard')} (?)`, () => room.toggleKeys(), '?'),
        h('div', { class: 'group words', role: 'group', 'aria-label': t('Panels') }, ...Object.values(drawers)),
        develop,
    );
    const update = ({ view, depth, look, snapshots: kept, history, open, canDevelop }) => {
        const lacks = depth.source === 'none' && !depth.isFocusing;
        focus.disabled = view.isEmpty || lacks;
        focus.title = lacks ? whyNone(t) : `${t('A click on the picture makes sharp what is there')} (O)`;
        focus.setAttribute('aria-pressed', String(depth.isFocusing));
        for (const [mode, one] of Object.entries(modes)) one.setAttribute('aria-pressed', String(view.mode === mode));
        zoom.textContent = view.isEmpty ? '–' : `${Math.round(view.zoom * 100)} %`;
        snapshots.forEach((one, place) => {
            one.classList.toggle('kept', kept.has(place));
            one.setAttribute('aria-pressed', String(kept.is(place, look)));
        });
        undo.disabled = !history.canUndo;
        redo.disabled = !history.canRedo;
        for (const [name, one] of Object.entries(drawers)) one.setAttribute('aria-pressed', String(open.has(name)));
        develop.hidden = !canDevelop;
    };
    return { element, update };
}

/** The list of keys, as a dialogue. */
export function keyList(t, keys) {
    const rows = keys.map(([pressed, does]) => [h('dt', {}, h('kbd', {}, pressed)), h('dd', {}, does)]);
    const dialog = h(
        'dialog',
        { class: 'keys', 'aria-label': t('Keyboard'), onclick: (event) => event.target === dialog && dialog.close() },
        h('div', { class: 'inner' },
            h('h3', {}, t('Keyboard')),
            h('dl', {}, rows),
            h('button', { onclick: () => dialog.close() }, t('Close')),
        ),
    );
    return dialog;
}
