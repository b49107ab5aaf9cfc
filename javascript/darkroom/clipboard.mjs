// A look as text: copied where nothing is selected, pasted where nobody types.

import { isTyping } from './dom.mjs';

/** `isMine(event)`: whether the viewer is meant. `room`: look, choose, problem, say, t. */
export function watchClipboard(room, isMine, signal) {
    const { t } = room;
    const copied = (event) => {
        if (isTyping(event) || !isMine() || !getSelection().isCollapsed || !room.look) return;
        event.clipboardData.setData('text/plain', JSON.stringify(room.look, null, 1));
        event.preventDefault();
        room.say(t('The look is copied'));
    };
    const pasted = (event) => {
        const text = event.clipboardData.getData('text/plain').trim();
        if (isTyping(event) || !isMine() || !text.startsWith('{')) return;
        event.preventDefault();
        const look = lookOf(text);
        if (look) room.choose(look);
        else room.problem(t('What was pasted is no look.'));
    };
    document.addEventListener('copy', copied, { signal });
    document.addEventListener('paste', pasted, { signal });
}

/** Settings by key, from those or from a preset's file; null from anything else. */
function lookOf(text) {
    try {
        const told = JSON.parse(text);
        const look = typeof told.look === 'object' ? told.look : told;
        const isLook = look && typeof look.stock === 'string' && Object.values(look).every((value) => ['number', 'string'].includes(typeof value));
        return isLook ? look : null;
    } catch {
        return null;
    }
}
