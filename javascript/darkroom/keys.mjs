// The keyboard: one table, from which it is listened to and listed.

/** [what is pressed as people read it, what it does, test, action, whether its release matters] */
export function table(t, room) {
    const plain = (event) => (!event.ctrlKey && !event.metaKey && !event.altKey) || event.getModifierState('AltGraph'); // as for [ on many keyboards
    const key = (...keys) => (event) => plain(event) && !event.shiftKey && keys.includes(event.key.toLowerCase());
    const signs = (...keys) => (event) => plain(event) && keys.includes(event.key);
    const ctrl = (letter, shift) => (event) =>
        (event.ctrlKey || event.metaKey) && !event.altKey && event.shiftKey === shift && event.key.toLowerCase() === letter;
    const digit = (shift) => (event) => plain(event) && event.shiftKey === shift && /^Digit[123]$/.test(event.code);
    const place = (event) => Number(event.code.slice(-1)) - 1;
    return [
        ['B', t('Hold for the picture before'), key('b'), () => room.hold(true), () => room.hold(false)],
        ['C', t('Compare: after alone, slider, side by side'), key('c'), () => room.nextMode()],
        ['← →', t('Move the slider, or the picture where it is zoomed'), null, null],
        ['Z', t('100 %: the very pixels of the result'), key('z'), () => room.loupe(null)],
        ['F', t('The whole picture'), key('f', '0'), () => room.view.fit()],
        ['+ −', t('Zoom in and out'), signs('+', '=', '-', '−'), (event) => room.view.zoomBy('+='.includes(event.key) ? 1.25 : 0.8)],
        ['1 2 3', t('Back to snapshot A, B, C; again: flip'), digit(false), (event) => room.recall(place(event))],
        [`${t('Shift')} 1 2 3`, t('Keep snapshot A, B, C'), digit(true), (event) => room.store(place(event))],
        [`${t('Ctrl')} Z`, t('Undo'), ctrl('z', false), () => room.undo()],
        [`${t('Ctrl')} ${t('Shift')} Z`, t('Redo'), (event) => ctrl('z', true)(event) || ctrl('y', false)(event), () => room.redo()],
        [`${t('Ctrl')} C, ${t('Ctrl')} V`, t('Copy the look as text, paste one'), null, null],
        ['S', t('Contact sheet'), key('s'), () => room.toggle('sheet')],
        ['G', t('Scopes'), key('g'), () => room.toggle('scopes')],
        ['I', t('Film card'), key('i'), () => room.toggle('card')],
        ['M', t('Mask'), key('m'), () => room.toggle('mask')],
        ['D', t('Depth map'), key('d'), () => room.toggle('depth')],
        ['O', t('Focus: a click on the picture makes sharp what is there'), key('o'), () => room.focus()],
        ['[ ]', t('Smaller and larger brush'), signs('[', ']'), (event) => room.brushBy(event.key === ']' ? 1.25 : 0.8)],
        ['?', t('This list'), signs('?'), () => room.toggleKeys()],
        ['Esc', t('Close what is open'), key('escape'), () => room.close()],
    ];
}

const ARROWS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };

/** Does what a key says; whether it did. `onPicture`: the picture has the focus, and arrows are its own. */
export function press(event, keys, room, onPicture) {
    const found = keys.find(([, , test]) => test?.(event));
    if (found) {
        found[3](event);
        return true;
    }
    const arrow = ARROWS[event.key];
    if (!arrow || !onPicture || event.ctrlKey || event.altKey || event.metaKey) return false;
    if (room.view.mode === 'split' && room.view.fits && arrow[0]) room.divide(room.view.divider + arrow[0] * (event.shiftKey ? 0.1 : 0.02));
    else if (!room.view.fits) room.view.pan(-arrow[0] * 60, -arrow[1] * 60);
    else return false;
    return true;
}

/** A released key that was held. */
export function release(event, keys) {
    const found = keys.find(([name, , , , up]) => up && name.toLowerCase() === event.key.toLowerCase());
    found?.[4](event);
}
