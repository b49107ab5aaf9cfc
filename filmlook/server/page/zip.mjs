// A .zip of files as they are, made of references to them: their bytes are read once, piece by piece, for their checksums.
//
// Reference: PKWARE's APPNOTE 6.3.3, with 64-bit sizes where there is more than 4 GB or more than 65535 files.

const UTF8 = 0x0800; // names are
const MOST = 0xffffffff;
const MANY = 0xffff;
const CRC = Uint32Array.from({ length: 256 }, (_, n) => {
    for (let bit = 0; bit < 8; bit++) n = n & 1 ? 0xedb88320 ^ (n >>> 1) : n >>> 1;
    return n >>> 0;
});

/** The archive of `[name, blob]` pairs; `told(share)` hears how far it is. `most`: what 32 bits are taken to hold, for tests. */
export async function zip(files, told = () => {}, most = MOST) {
    const parts = [];
    const directory = [];
    const total = files.reduce((sum, [, blob]) => sum + blob.size, 0);
    let offset = 0;
    let read = 0;
    const time = dosTime(new Date());
    for (const [name, blob] of files) {
        const bytes = new TextEncoder().encode(name);
        const crc = await checksum(blob, (size) => told((read += size) / total));
        const common = [[2, UTF8], [2, 0], [4, time], [4, crc], [4, blob.size], [4, blob.size], [2, bytes.length]];
        const local = record([[4, 0x04034b50], [2, 20], ...common, [2, 0]]);
        const far = offset >= most;
        const extra = far ? record([[2, 1], [2, 8], [8, offset]]) : new Uint8Array();
        directory.push(record([[4, 0x02014b50], [2, 45], [2, far ? 45 : 20], ...common, [2, extra.length], [2, 0], [2, 0], [2, 0], [4, 0],
            [4, far ? MOST : offset]]), bytes, extra);
        parts.push(local, bytes, blob);
        offset += local.length + bytes.length + blob.size;
    }
    const size = directory.reduce((sum, part) => sum + part.length, 0);
    const large = offset >= most || size >= most || files.length >= MANY;
    const end = [];
    if (large) {
        end.push(record([[4, 0x06064b50], [8, 44], [2, 45], [2, 45], [4, 0], [4, 0], [8, files.length], [8, files.length], [8, size], [8, offset]]));
        end.push(record([[4, 0x07064b50], [4, 0], [8, offset + size], [4, 1]]));
    }
    const count = large ? MANY : files.length;
    end.push(record([[4, 0x06054b50], [2, 0], [2, 0], [2, count], [2, count], [4, large ? MOST : size], [4, large ? MOST : offset], [2, 0]]));
    return new Blob([...parts, ...directory, ...end], { type: 'application/zip' });
}

/** Numbers of so many bytes each, the lowest first. */
function record(fields) {
    const bytes = new Uint8Array(fields.reduce((sum, [size]) => sum + size, 0));
    let at = 0;
    for (const [size, value] of fields) {
        for (let i = 0, rest = value; i < size; i++, rest = Math.floor(rest / 256)) bytes[at++] = rest % 256;
    }
    return bytes;
}

async function checksum(blob, told) {
    let crc = MOST;
    const reader = blob.stream().getReader();
    for (;;) {
        const { value, done } = await reader.read();
        if (done) return (crc ^ MOST) >>> 0;
        for (let i = 0; i < value.length; i++) crc = CRC[(crc ^ value[i]) & 0xff] ^ (crc >>> 8);
        told(value.length);
    }
}

function dosTime(now) {
    const date = ((now.getFullYear() - 1980) << 9) | ((now.getMonth() + 1) << 5) | now.getDate();
    return date * 65536 + ((now.getHours() << 11) | (now.getMinutes() << 5) | (now.getSeconds() >> 1));
}
