// Fingers, mouse and wheel on the picture: pan, pinch, press for before, paint.

const STILL_PX = 4; // a press that moves less is a press
const PRESS_MS = 160; // and is held so long, before it shows the undeveloped picture
const DOUBLE_MS = 350;

/**
 * Listens on the canvas.
 *
 * `room` has `view`, `isPainting()`, `paint(point, ended)`, `isFocusing()`, `focusAt(point)`, `hold(on)`, `loupe(point)`, and `wheels(event)`: whether the wheel
 * zooms here or scrolls the page.
 */
export function listen(canvas, room) {
    const pointers = new Map();
    let start = null; // {point, moved, timer}
    let lastTap = { at: -Infinity, x: 0, y: 0 };
    let pinch = null;

    const pointOf = (event) => {
        const box = canvas.getBoundingClientRect();
        return { x: event.clientX - box.left, y: event.clientY - box.top };
    };
    const release = () => {
        clearTimeout(start?.timer);
        if (room.view.hold) room.hold(false);
    };

    canvas.addEventListener('pointerdown', (event) => {
        if (event.button > 1 || room.view.isEmpty) return;
        canvas.focus({ preventScroll: true });
        canvas.setPointerCapture(event.pointerId);
        pointers.set(event.pointerId, pointOf(event));
        if (pointers.size === 2) {
            release();
            start = null;
            room.paint(null, true);
            pinch = spread(pointers);
            return;
        }
        const point = pointOf(event);
        start = { point, moved: false, pans: event.button === 1 || !room.isPainting(), timer: 0 };
        if (!start.pans) room.paint(point, false);
        else if (!room.isFocusing()) start.timer = setTimeout(() => room.hold(true), PRESS_MS);
        if (event.button === 1) event.preventDefault();
    });

    canvas.addEventListener('pointermove', (event) => {
        const last = pointers.get(event.pointerId);
        if (!last) return;
        const point = pointOf(event);
        pointers.set(event.pointerId, point);
        if (pinch && pointers.size === 2) {
            const now = spread(pointers);
            room.view.pan(now.x - pinch.x, now.y - pinch.y);
            room.view.zoomBy(now.apart / pinch.apart, now);
            pinch = now;
        } else if (start) {
            if (Math.hypot(point.x - start.point.x, point.y - start.point.y) > STILL_PX) start.moved = true;
            if (!start.pans) return room.paint(point, false);
            if (!start.moved || room.view.hold) return;
            clearTimeout(start.timer);
            room.view.pan(point.x - last.x, point.y - last.y);
        }
    });

    const end = (event) => {
        if (!pointers.delete(event.pointerId)) return;
        const was = start;
        const held = room.view.hold;
        release();
        room.paint(null, true);
        start = null;
        pinch = null;
        if (event.type !== 'pointerup' || !was?.pans || was.moved || held) return;
        if (room.isFocusing()) return room.focusAt(was.point);
        const near = Math.hypot(was.point.x - lastTap.x, was.point.y - lastTap.y) < 24;
        const twice = near && event.timeStamp - lastTap.at < DOUBLE_MS;
        lastTap = { at: twice ? -Infinity : event.timeStamp, ...was.point };
        if (twice) room.loupe(was.point);
    };
    canvas.addEventListener('pointerup', end);
    canvas.addEventListener('pointercancel', end);

    canvas.addEventListener(
        'wheel',
        (event) => {
            if (room.view.isEmpty || !room.wheels(event)) return;
            event.preventDefault();
            const lines = event.deltaMode === 1 ? 16 : 1;
            room.view.zoomBy(Math.exp((-event.deltaY * lines * (event.ctrlKey ? 4 : 1)) / 400), pointOf(event));
        },
        { passive: false },
    );
}

function spread(pointers) {
    const [a, b] = [...pointers.values()];
    return { x: (a.x + b.x) / 2, y: (a.y + b.y) / 2, apart: Math.max(1, Math.hypot(a.x - b.x, a.y - b.y)) };
}
