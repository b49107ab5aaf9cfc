// A mask: where the look is. It is painted on the picture or comes as a file; white is developed.

const MOST = 4096; // px, the long side that a mask is kept at; a larger picture's is scaled up when it is sent
const TINT = 'rgb(214 84 72)'; // what a mask is shown in, as on the masking films of print shops

export class Mask {
    #opacity = document.createElement('canvas'); // opaque where the look is
    #tinted = document.createElement('canvas');
    #picture = { width: 0, height: 0 };
    #last = null;
    #stale = true;

    isUsed = false;
    isShown = false;
    brush = 80; // CSS px across
    erases = false;

    /** Another picture; the mask of one of another shape goes. */
    setPicture(width, height) {
        const same = width === this.#picture.width && height === this.#picture.height;
        this.#picture = { width, height };
        if (!same) this.clear();
    }

    clear() {
        const { width, height } = this.#picture;
        const scale = Math.min(1, MOST / Math.max(width, height, 1));
        this.#opacity.width = this.#tinted.width = Math.max(1, Math.round(width * scale));
        this.#opacity.height = this.#tinted.height = Math.max(1, Math.round(height * scale));
        this.isUsed = false;
        this.#stale = true;
    }

    invert() {
        const context = this.#opacity.getContext('2d');
        context.globalCompositeOperation = 'xor';
        context.fillRect(0, 0, this.#opacity.width, this.#opacity.height);
        context.globalCompositeOperation = 'source-over';
        this.isUsed = true;
        this.#stale = true;
    }

    /** A stroke begins or goes on; `point` and `across` are in pixels of the picture. */
    stroke(point, across) {
        const scale = this.#opacity.width / this.#picture.width;
        const to = { x: point.x * scale, y: point.y * scale };
        const from = this.#last ?? to;
        const context = this.#opacity.getContext('2d');
        context.globalCompositeOperation = this.erases ? 'destination-out' : 'source-over';
        context.lineCap = context.lineJoin = 'round';
        context.lineWidth = across * scale * 0.7;
        context.strokeStyle = context.shadowColor = '#000';
        context.shadowBlur = across * scale * 0.25; // the edge is soft
        context.beginPath();
        context.moveTo(from.x, from.y);
        context.lineTo(to.x + 0.01, to.y);
        context.stroke();
        context.shadowBlur = 0;
        context.globalCompositeOperation = 'source-over';
        this.#last = to;
        this.isUsed = true;
        this.#stale = true;
    }

    end() {
        this.#last = null;
    }

    /** Takes a picture's brightness (and its opacity) as the mask. */
    async load(blob) {
        const bitmap = await createImageBitmap(blob);
        this.clear();
        const { width, height } = this.#opacity;
        const context = this.#opacity.getContext('2d', { willReadFrequently: true });
        context.drawImage(bitmap, 0, 0, width, height);
        const pixels = context.getImageData(0, 0, width, height);
        const { data } = pixels;
        for (let i = 0; i < data.length; i += 4) {
            data[i + 3] = Math.round(((0.2126 * data[i] + 0.7152 * data[i + 1] + 0.0722 * data[i + 2]) * data[i + 3]) / 255);
        }
        context.putImageData(pixels, 0, 0);
        this.isUsed = true;
        this.#stale = true;
    }

    drawOpacity(context, { x, y, width, height }) {
        context.drawImage(this.#opacity, x, y, width, height);
    }

    /** The mask over the picture, so that one sees where it is. */
    overlay(context, { x, y, width, height }) {
        if (this.#stale) {
            const tint = this.#tinted.getContext('2d');
            tint.globalCompositeOperation = 'copy';
            tint.drawImage(this.#opacity, 0, 0);
            tint.globalCompositeOperation = 'source-in';
            tint.fillStyle = TINT;
            tint.fillRect(0, 0, this.#tinted.width, this.#tinted.height);
            this.#stale = false;
        }
        context.globalAlpha = 0.5;
        context.drawImage(this.#tinted, x, y, width, height);
        context.globalAlpha = 1;
    }

    /** A PNG of the picture's size, white where it is developed; null where there is no mask. */
    async blob() {
        if (!this.isUsed) return null;
        const { width, height } = this.#picture;
        const whole = new OffscreenCanvas(width, height);
        const context = whole.getContext('2d');
        context.drawImage(this.#opacity, 0, 0, width, height);
        context.globalCompositeOperation = 'source-in';
        context.fillStyle = '#fff';
        context.fillRect(0, 0, width, height);
        context.globalCompositeOperation = 'destination-over';
        context.fillStyle = '#000';
        context.fillRect(0, 0, width, height);
        return whole.convertToBlob({ type: 'image/png' });
    }
}
