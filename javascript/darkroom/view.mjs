// The picture on a canvas: before and after at any zoom, beside or over each other. It draws, and knows what it lacks.

import { clamp } from './dom.mjs';

const LEAST = 16; // px, the shortest long side that the server may be asked for; a smaller picture comes as large as it is
const FINEST = 2048; // px, the long side above which the picture's own pixels are asked for where they are looked at
const MOST_ZOOM = 16; // screen pixels for one of the picture
const ROOMY = 480; // CSS px: in windows that are wider, a picture that fits has
const MARGIN = 12; // CSS px around it, so that its edges are seen
const MOST_DETAIL = 2048; // px, the long side of what is asked for at 100 %

export const MODES = ['single', 'split', 'side'];

export class View {
    #canvas;
    #context;
    #mixed = document.createElement('canvas'); // where a mask mixes before and after
    #frame = 0;
    #size = { width: 0, height: 0 }; // of the picture
    #after = null;
    #before = null;
    #detail = null;
    #beforeDetail = null;
    #fits = true;
    #scale = 1; // CSS px for a pixel of the picture
    #centre = { x: 0.5, y: 0.5 }; // of the window, in shares of the picture
    #hold = false;

    mode = 'single';
    divider = 0.5;
    mask = null; // a Mask, or null
    reference = null; // a bitmap that stands at the left, where pictures stand side by side
    afterKey = '';
    afterSide = 0;
    beforeKey = '';
    beforeSide = 0;
    detailKey = '';
    beforeDetailKey = '';
    onchange = () => {};

    constructor(canvas) {
        this.#canvas = canvas;
        this.#context = canvas.getContext('2d', { alpha: true });
    }

    get isEmpty() {
        return !this.#size.width;
    }

    get size() {
        return this.#size;
    }

    /** Another picture; zoom and place stay where it has the same shape. `bitmap` is what the browser itself makes of it, or null. */
    setPicture(width, height, bitmap = null) {
        const sameShape = this.#size.width === width && this.#size.height === height;
        this.#size = { width, height };
        this.#after = this.#detail = this.#beforeDetail = null;
        this.afterKey = this.beforeKey = this.detailKey = this.beforeDetailKey = '';
        this.afterSide = this.beforeSide = 0;
        this.#before = bitmap;
        if (!sameShape) this.fit();
        this.draw();
    }

    setAfter(bitmap, key, side) {
        this.#after = bitmap;
        this.afterKey = key;
        this.afterSide = side;
        this.draw();
    }

    setBefore(bitmap, key, side) {
        this.#before = bitmap;
        this.beforeKey = key;
        this.beforeSide = side;
        this.draw();
    }

    setDetail(bitmap, crop, key) {
        this.#detail = { bitmap, crop };
        this.detailKey = key;
        this.draw();
    }

    setBeforeDetail(bitmap, crop, key) {
        this.#beforeDetail = { bitmap, crop };
        this.beforeDetailKey = key;
        this.draw();
    }

    set hold(on) {
        this.#hold = on;
        this.#changed();
    }

    get hold() {
        return this.#hold;
    }

    /** Whether the undeveloped picture is in sight. */
    isComparing() {
        return this.mode !== 'single' || this.#hold || Boolean(this.mask?.isUsed);
    }

    /** Screen pixels for one of the picture's. */
    get zoom() {
        return this.#shownScale() * devicePixelRatio;
    }

    get fits() {
        return this.#fits;
    }

    fit() {
        this.#fits = true;
        this.#centre = { x: 0.5, y: 0.5 };
        this.#changed();
    }

    /** Zooms by a factor, or to a zoom, with the point of the window kept where it is. */
    zoomTo(zoom, point = null) {
        const { width, height } = this.#pane();
        const at = point ?? { x: width / 2, y: height / 2 };
        const here = this.toPicture(at);
        const least = this.#fitScale();
        this.#scale = clamp(zoom / devicePixelRatio, Math.min(least, 1 / devicePixelRatio), MOST_ZOOM / devicePixelRatio);
        this.#fits = this.#scale <= least * 1.001 && zoom < 1;
        if (this.#fits) return this.fit();
        const side = this.#paneAt(at.x);
        this.#centre = {
            x: here.x / this.#size.width - (at.x - side - width / 2) / (this.#size.width * this.#scale),
            y: here.y / this.#size.height - (at.y - height / 2) / (this.#size.height * this.#scale),
        };
        this.#keepInside();
        this.#changed();
    }

    zoomBy(factor, point = null) {
        this.zoomTo(this.zoom * factor, point);
    }

    pan(dx, dy) {
        if (this.#fits) return;
        this.#centre.x -= dx / (this.#size.width * this.#scale);
        this.#centre.y -= dy / (this.#size.height * this.#scale);
        this.#keepInside();
        this.#changed();
    }

    /** A point of the window (CSS px) in pixels of the picture. */
    toPicture({ x, y }) {
        const { width, height } = this.#pane();
        const scale = this.#shownScale();
        return {
            x: this.#centre.x * this.#size.width + (x - this.#paneAt(x) - width / 2) / scale,
            y: this.#centre.y * this.#size.height + (y - height / 2) / scale,
        };
    }

    /** The pixel of the picture in the middle of the window. */
    get centre() {
        return { x: Math.floor(this.#centre.x * this.#size.width), y: Math.floor(this.#centre.y * this.#size.height) };
    }

    /** The long side that the whole picture has on screen, so that each pixel is one of the screen; 100 % and closer are the detail's. */
    fineSide() {
        const long = Math.max(this.#size.width, this.#size.height);
        const shown = Math.min(long * Math.min(this.zoom, this.#fits ? 1 : 0.999), FINEST);
        const fitted = long * this.#fitScale() * devicePixelRatio;
        const wanted = this.zoom >= 0.999 ? Math.min(fitted, long, FINEST) : shown;
        return clamp(Math.round(wanted), LEAST, Math.max(LEAST, Math.min(long, FINEST)));
    }

    /** [x, y, width, height] of the picture's own pixels in sight where they are looked at 1:1 or closer; null where not. */
    detailCrop() {
        if (this.isEmpty || this.zoom < 0.999) return null;
        const { width, height } = this.#pane();
        const a = this.toPicture({ x: 0, y: 0 });
        const across = Math.min(width / this.#shownScale(), MOST_DETAIL);
        const down = Math.min(height / this.#shownScale(), MOST_DETAIL);
        const left = clamp(Math.floor(a.x), 0, this.#size.width - 1);
        const top = clamp(Math.floor(a.y), 0, this.#size.height - 1);
        const right = clamp(Math.ceil(a.x + across), left + 1, this.#size.width);
        const bottom = clamp(Math.ceil(a.y + down), top + 1, this.#size.height);
        return [left, top, right - left, bottom - top];
    }

    resize() {
        const { clientWidth, clientHeight } = this.#canvas;
        const width = Math.round(clientWidth * devicePixelRatio);
        const height = Math.round(clientHeight * devicePixelRatio);
        if (this.#canvas.width !== width || this.#canvas.height !== height) {
            this.#canvas.width = width;
            this.#canvas.height = height;
        }
        if (!this.#fits) this.#keepInside();
        this.#changed();
    }

    draw() {
        this.#frame ||= requestAnimationFrame(() => {
            this.#frame = 0;
            this.#paint();
        });
    }

    #changed() {
        this.draw();
        this.onchange();
    }

    #pane() {
        const { clientWidth: width, clientHeight: height } = this.#canvas;
        return { width: this.mode === 'side' ? width / 2 : width, height };
    }

    #paneAt(x) {
        const { width } = this.#pane();
        return this.mode === 'side' && x >= width ? width : 0;
    }

    #fitScale() {
        const { width, height } = this.#pane();
        if (this.isEmpty || !width || !height) return 1;
        const margin = width > ROOMY ? 2 * MARGIN : 0;
        return Math.min((width - margin) / this.#size.width, Math.max(height - margin, 1) / this.#size.height, 4);
    }

    #shownScale() {
        return this.#fits ? this.#fitScale() : this.#scale;
    }

    #keepInside() {
        const pane = this.#pane();
        const half = (side, of) => Math.min(0.5, side / (2 * of * this.#scale));
        const across = half(pane.width, this.#size.width);
        const down = half(pane.height, this.#size.height);
        this.#centre.x = clamp(this.#centre.x, across, 1 - across);
        this.#centre.y = clamp(this.#centre.y, down, 1 - down);
    }

    #paint() {
        const context = this.#context;
        const ratio = devicePixelRatio;
        context.setTransform(1, 0, 0, 1, 0, 0);
        context.clearRect(0, 0, this.#canvas.width, this.#canvas.height);
        if (this.isEmpty) return;
        const pane = this.#pane();
        const width = pane.width * ratio;
        const height = pane.height * ratio;
        if (this.mode === 'side') {
            if (this.reference) this.#drawReference(width, height);
            else this.#layer(true, 0, width, 0, width, height);
            this.#layer(this.#hold, width, width, width, width, height);
        } else if (this.mode === 'split' && !this.#hold) {
            const at = Math.round(this.divider * width);
            this.#layer(false, at, width - at, 0, width, height);
            this.#layer(true, 0, at, 0, width, height);
        } else {
            this.#layer(this.#hold, 0, width, 0, width, height);
        }
    }

    /** One picture within a window of the canvas: `from` and `across` are what is seen of the pane that begins at `left`. */
    #layer(before, from, across, left, width, height) {
        const context = this.#context;
        const rect = this.rectangle(left, width, height);
        context.save();
        context.beginPath();
        context.rect(from, 0, across, height);
        context.clip();
        context.imageSmoothingQuality = 'high';
        if (before || !this.#after) this.#draw(context, true, rect);
        else if (this.mask?.isUsed) this.#drawMasked(rect, width, height, left);
        else this.#draw(context, false, rect);
        if (!before && this.mask?.isShown) this.mask.overlay(context, rect);
        context.restore();
    }

    /** Where the picture lies on the canvas, in its pixels; whole ones at 100 %, where every pixel is one of the screen. */
    rectangle(left, width, height) {
        const scale = this.#shownScale() * devicePixelRatio;
        const x = left + width / 2 - this.#centre.x * this.#size.width * scale;
        const y = height / 2 - this.#centre.y * this.#size.height * scale;
        const size = { width: Math.round(this.#size.width * scale), height: Math.round(this.#size.height * scale) };
        return { x: Math.round(x), y: Math.round(y), ...size, scale };
    }

    #draw(context, before, rect) {
        const bitmap = before ? this.#before : this.#after;
        context.imageSmoothingEnabled = true;
        if (bitmap) context.drawImage(bitmap, rect.x, rect.y, rect.width, rect.height);
        const detail = before ? this.#beforeDetail : this.#detail;
        const key = before ? this.beforeDetailKey : this.detailKey;
        if (!detail || rect.scale < 0.999 || !key.startsWith(`${before ? this.beforeKey : this.afterKey} `)) return;
        const [x, y, width, height] = detail.crop;
        context.imageSmoothingEnabled = false;
        const s = rect.scale;
        context.drawImage(detail.bitmap, rect.x + x * s, rect.y + y * s, width * s, height * s);
    }

    /** The whole of it, within a window at the left of the canvas, whatever the zoom. */
    #drawReference(width, height) {
        const { reference } = this;
        const room = width - (width > ROOMY * devicePixelRatio ? 2 * MARGIN * devicePixelRatio : 0);
        const scale = Math.min(room / reference.width, (height * room) / width / reference.height);
        const [across, down] = [reference.width * scale, reference.height * scale];
        this.#context.imageSmoothingEnabled = true;
        this.#context.imageSmoothingQuality = 'high';
        this.#context.drawImage(reference, (width - across) / 2, (height - down) / 2, across, down);
    }

    #drawMasked(rect, width, height, left) {
        const mixed = this.#mixed;
        mixed.width = Math.ceil(width);
        mixed.height = Math.ceil(height);
        const context = mixed.getContext('2d');
        const shifted = { ...rect, x: rect.x - left };
        context.imageSmoothingQuality = 'high';
        this.#draw(context, false, shifted);
        context.globalCompositeOperation = 'destination-in';
        context.imageSmoothingEnabled = true;
        this.mask.drawOpacity(context, shifted);
        this.#draw(this.#context, true, rect);
        this.#context.drawImage(mixed, left, 0);
    }
}
