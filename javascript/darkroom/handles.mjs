// What lies over the picture: the handle between before and after, and the ring of the brush.

import { h } from './dom.mjs';

const STEPS = { ArrowLeft: -0.02, ArrowRight: 0.02, PageUp: 0.1, PageDown: -0.1, Home: -1, End: 1 };

/** The handle between before and after. */
export function divider(room, canvas) {
    const handle = h('div', {
        class: 'divider', role: 'slider', tabindex: '0', 'aria-label': room.t('Between before and after'), 'aria-valuemin': '0', 'aria-valuemax': '100',
        onpointerdown: (event) => handle.setPointerCapture(event.pointerId),
        onpointermove: (event) => {
            const box = canvas.getBoundingClientRect();
            if (handle.hasPointerCapture(event.pointerId)) room.divide((event.clientX - box.left) / box.width);
        },
        onkeydown: (event) => {
            if (!STEPS[event.key]) return;
            event.preventDefault();
            room.divide(room.view.divider + STEPS[event.key]);
        },
    });
    return handle;
}

/** The ring of the brush, which `follow(event)` moves over its parent. */
export function brush(room) {
    const ring = h('div', { class: 'brush' });
    const follow = (event) => {
        if (!room.isPainting()) return;
        const box = ring.parentElement.getBoundingClientRect();
        ring.style.left = `${event.clientX - box.left}px`;
        ring.style.top = `${event.clientY - box.top}px`;
        ring.style.width = ring.style.height = `${room.mask.brush}px`;
    };
    return { ring, follow };
}
