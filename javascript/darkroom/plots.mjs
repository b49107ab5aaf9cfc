// Plots on a canvas, sharp on every screen: lines over axes, histograms, parades, colours in a plane.

const FONT = '11px system-ui, sans-serif';
export const CHANNELS = { r: '#e0705f', g: '#6fae6f', b: '#6f93d6' };

/** A canvas made ready: its context in CSS px, and its size. */
function ready(canvas) {
    const ratio = devicePixelRatio;
    const { clientWidth: width, clientHeight: height } = canvas;
    canvas.width = Math.round(width * ratio);
    canvas.height = Math.round(height * ratio);
    const context = canvas.getContext('2d');
    context.scale(ratio, ratio);
    const style = getComputedStyle(canvas);
    return { context, width, height, ink: style.getPropertyValue('--dim').trim(), line: style.getPropertyValue('--line').trim() };
}

/**
 * Lines over axes.
 *
 * `plot`: {x: numbers, lines: [{y: numbers, colour}], xLabel, yLabel, log: whether x is drawn by its logarithm, low: y's least}.
 */
export function lines(canvas, { x, lines: drawn, xLabel, yLabel, log = false, low = null }) {
    const { context, width, height, ink, line } = ready(canvas);
    const values = drawn.flatMap((one) => one.y).filter(Number.isFinite);
    const at = (value) => (log ? Math.log10(value) : value);
    const [x0, x1] = [at(x[0]), at(x.at(-1))];
    const y0 = low ?? Math.min(...values);
    const y1 = Math.max(...values, y0 + 1e-6) * 1.04;
    const box = { left: 34, right: width - 8, top: 8, bottom: height - 30 };
    const px = (value) => box.left + ((at(value) - x0) / (x1 - x0)) * (box.right - box.left);
    const py = (value) => box.bottom - ((value - y0) / (y1 - y0)) * (box.bottom - box.top);
    context.font = FONT;
    context.fillStyle = ink;
    context.strokeStyle = line;
    context.lineWidth = 1;
    context.textAlign = 'right';
    for (const tick of ticks(y0, y1)) {
        rule(context, box.left, py(tick), box.right, py(tick));
        context.fillText(short(tick), box.left - 5, py(tick) + 4);
    }
    context.textAlign = 'center';
    for (const tick of log ? decades(x[0], x.at(-1)) : ticks(x0, x1)) {
        rule(context, px(tick), box.top, px(tick), box.bottom);
        context.fillText(short(tick), px(tick), box.bottom + 13);
    }
    context.fillText(xLabel, (box.left + box.right) / 2, height - 3);
    context.save();
    context.translate(9, (box.top + box.bottom) / 2);
    context.rotate(-Math.PI / 2);
    context.fillText(yLabel, 0, 0);
    context.restore();
    context.lineWidth = 1.6;
    context.lineJoin = 'round';
    for (const { y, colour } of drawn) {
        context.strokeStyle = colour;
        context.beginPath();
        y.forEach((value, i) => context.lineTo(px(x[i]), py(value)));
        context.stroke();
    }
}

function rule(context, x0, y0, x1, y1) {
    context.beginPath();
    context.moveTo(Math.round(x0) + 0.5, Math.round(y0) + 0.5);
    context.lineTo(Math.round(x1) + 0.5, Math.round(y1) + 0.5);
    context.stroke();
}

function ticks(low, high) {
    const rough = (high - low) / 4;
    const power = 10 ** Math.floor(Math.log10(rough));
    const step = [1, 2, 5, 10].map((n) => n * power).find((n) => n >= rough);
    const found = [];
    for (let n = Math.ceil(low / step - 1e-9); n * step <= high + 1e-9; n++) found.push(n * step);
    return found;
}

function decades(low, high) {
    return [1, 2, 5, 10, 20, 50, 100, 200, 500].filter((n) => n >= low && n <= high);
}

const short = (value) => String(Number(value.toPrecision(3)));

const SPIKES = 12; // codes that may stand out of the histogram, so that the others are seen

/** Red, green and blue over each other; at each end a mark where a share of the picture is clipped. */
export function histogram(canvas, { histogram: counts, clipped }) {
    const { context, width, height, line } = ready(canvas);
    const all = ['r', 'g', 'b'].flatMap((channel) => counts[channel].slice(2, 254));
    const top = Math.max(all.sort((a, b) => b - a)[SPIKES], 1) * 1.1;
    context.strokeStyle = line;
    for (const part of [0.25, 0.5, 0.75]) rule(context, part * width, 0, part * width, height);
    context.lineWidth = 1.3;
    for (const [channel, colour] of Object.entries(CHANNELS)) {
        context.fillStyle = `${colour}40`;
        context.strokeStyle = colour;
        context.beginPath();
        context.moveTo(-2, height + 2);
        counts[channel].forEach((n, i) => context.lineTo((i / 255) * width, height - Math.min(1, n / top) * (height - 4)));
        context.lineTo(width + 2, height + 2);
        context.fill();
        context.stroke();
    }
    context.fillStyle = '#d65448';
    if (clipped.black > 0.001) context.fillRect(0, 0, 5, height);
    if (clipped.white > 0.001) context.fillRect(width - 5, 0, 5, height);
}

/** Three waveforms beside each other; `data` holds bytes by channel, rows from the brightest code down. */
export function parade(canvas, { width: across, height: down, data }) {
    const { context, width, height, line } = ready(canvas);
    const gap = 6;
    const third = (width - 2 * gap) / 3;
    const small = new OffscreenCanvas(across, down);
    const brush = small.getContext('2d');
    Object.entries(CHANNELS).forEach(([channel, colour], place) => {
        const [r, g, b] = [1, 3, 5].map((at) => parseInt(colour.slice(at, at + 2), 16));
        const pixels = brush.createImageData(across, down);
        data[channel].forEach((count, i) => {
            pixels.data.set([r, g, b, Math.min(255, 255 * Math.sqrt(count / 255))], 4 * i);
        });
        brush.putImageData(pixels, 0, 0);
        context.drawImage(small, place * (third + gap), 0, third, height);
    });
    context.strokeStyle = line;
    for (const part of [0.25, 0.5, 0.75]) rule(context, 0, part * height, width, part * height);
}

const REACH = 0.26; // of OKLab's a and b: sRGB ends at .28 and .32, pictures well before

/** The picture's colours in OKLab's plane of a and b, seen from above: greys in the middle, purer colours further out. */
export function colours(canvas, points) {
    const { context, width, height, line } = ready(canvas);
    const half = Math.min(width, height) / 2;
    const [x0, y0] = [width / 2, height / 2];
    context.strokeStyle = line;
    rule(context, x0 - half, y0, x0 + half, y0);
    rule(context, x0, y0 - half, x0, y0 + half);
    for (const part of [1 / 3, 2 / 3, 0.99]) {
        context.beginPath();
        context.arc(x0, y0, half * part, 0, 2 * Math.PI);
        context.stroke();
    }
    for (const [, a, b, red, green, blue] of points) {
        context.fillStyle = `rgb(${red} ${green} ${blue})`;
        context.beginPath();
        context.arc(x0 + (a / REACH) * half, y0 - (b / REACH) * half, 2.2, 0, 2 * Math.PI);
        context.fill();
    }
}
