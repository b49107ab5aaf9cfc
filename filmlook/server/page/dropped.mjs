// Files that are dropped or chosen, with the folders that they lie in.

import { isFilm } from './clip.mjs';

const READABLE = /\.(png|jpe?g|jfif|webp|tiff?|avif|jxl|exr|hei[cf]|bmp|gif|jp2|j2k|jp[fx]|dng|n[er][fw]|cr[23]|arw|raf|orf|rw2|pef|srw)$/i;
const MAP_ENDINGS = ['-depth', '_depth', '.depth', '-depthmap', '_depthmap', '-depth-map', '_depth_map'];
const MAP_KINDS = ['.png', '.tif', '.tiff', '.webp', '.jpg', '.jpeg'];
const natural = new Intl.Collator(undefined, { numeric: true }); // 2 before 10

/** Whether what is dragged is more than one picture: several files, or a folder. To be asked while the event lasts. */
export function entriesOf(transfer) {
    const items = [...(transfer?.items ?? [])].filter((item) => item.kind === 'file');
    return items.map((item) => item.webkitGetAsEntry?.() ?? { isFile: true, file: (done) => done(item.getAsFile()) });
}

/** The files of entries, and of the folders among them, as [{file, path}], in natural order. */
export async function filesOf(entries) {
    const found = [];
    const walk = async (entry, path) => {
        if (entry.isDirectory) {
            const reader = entry.createReader();
            for (;;) { // it tells a hundred at a time
                const some = await new Promise((done, failed) => reader.readEntries(done, failed)).catch(() => []);
                if (!some.length) return;
                for (const one of some) await walk(one, `${path}${entry.name}/`);
            }
        }
        const file = await new Promise((done, failed) => entry.file(done, failed)).catch(() => null);
        if (file) found.push({ file, path: `${path}${file.name}` });
    };
    for (const entry of entries) await walk(entry, '');
    return inOrder(found);
}

/** The files of an input field. */
export function filesIn(input) {
    return inOrder([...input.files].map((file) => ({ file, path: file.webkitRelativePath || file.name })));
}

/** Of a folder's files the pictures; what is named alone is taken as it is. */
export function isPicture({ file, path }) {
    const name = path.split('/').pop();
    return !name.startsWith('.') && (READABLE.test(name) || !path.includes('/')) && !isFilm(file);
}

/** Pictures and the depth maps among them, which are called as `filmlook develop` calls those beside a picture: `name-depth.png`. */
export function withMaps(files) {
    const byName = new Map(files.map((one) => [one.path.toLowerCase(), one]));
    const maps = new Map(); // by the picture's path
    for (const { path } of files) {
        const stem = path.replace(/\.[^./]*$/, '').toLowerCase();
        const map = MAP_ENDINGS.flatMap((ending) => MAP_KINDS.map((kind) => byName.get(`${stem}${ending}${kind}`))).find((one) => one && one.path !== path);
        if (map) maps.set(path, map);
    }
    const taken = new Set(maps.values());
    return files.filter((one) => !taken.has(one)).map((one) => ({ ...one, depth: maps.get(one.path)?.file ?? null }));
}

function inOrder(files) {
    return files.sort((one, other) => natural.compare(one.path, other.path));
}
