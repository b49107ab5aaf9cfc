// Small helpers for elements. Nothing here has side effects: hosts may load these modules more than once.

/** An element with attributes, listeners (functions under `onclick`, `oninput`, ...) and children; null children are left out. */
export function h(tag, attributes = {}, ...children) {
    const element = document.createElement(tag);
    for (const [name, value] of Object.entries(attributes)) {
        if (typeof value === 'function') element.addEventListener(name.slice(2), value);
        else if (value === true) element.setAttribute(name, '');
        else if (value !== false && value != null) element.setAttribute(name, value);
    }
    element.append(...children.flat(Infinity).filter((child) => child != null));
    return element;
}

/** Whether a key press belongs to a field where people type. */
export function isTyping(event) {
    const target = event.composedPath()[0];
    if (!(target instanceof HTMLElement)) return false;
    return target.isContentEditable || target.matches('textarea, select, input:not([type=range], [type=checkbox], [type=radio], [type=button])');
}

/** The text of a blob as base64, without what a data URI puts before it. */
export async function base64(blob) {
    const reader = new FileReader();
    const read = new Promise((resolve, reject) => {
        reader.onload = () => resolve(reader.result.slice(reader.result.indexOf(',') + 1));
        reader.onerror = () => reject(reader.error);
    });
    reader.readAsDataURL(blob);
    return read;
}

/** Bytes from base64. */
export function bytes(text) {
    return Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
}

/** A key by which two looks are the same, whatever the order of their settings. */
export function lookKey(look) {
    if (look == null) return '';
    return typeof look === 'string' ? look : JSON.stringify(Object.keys(look).filter((key) => key !== 'version').sort().map((key) => [key, look[key]]));
}

export const clamp = (value, low, high) => Math.min(high, Math.max(low, value));
