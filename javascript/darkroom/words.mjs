// Words that the server tells in its own, as people read them.

import { Gone, TooLarge } from './client.mjs';

const FIT = { mean_de00: 'ΔE00', p95_de00: '95 % ΔE00', psnr: 'PSNR', ssim: 'SSIM', curve_rms: 'RMS' };

export function kindOf(t, kind) {
    return { negative: t('negative film'), reversal: t('slide film'), network: t('network'), neutral: t('no film') }[kind] ?? kind;
}

/** How strong the layer is that keeps halation away. */
export function antihalationOf(t, strength) {
    return { strong: t('strong'), weak: t('weak'), none: t('none') }[strength] ?? strength;
}

/** How well a stock was fitted, in a line of figures. */
export function fitOf(fit) {
    return Object.entries(FIT).filter(([key]) => key in fit).map(([key, name]) => `${name} ${Number(fit[key].toPrecision(3))}`).join(', ');
}

/** What went wrong, for people: in their language as far as it is a sentence that the table has. */
export function faultOf(t, error) {
    if (error instanceof Gone) return t('The server does not answer.');
    if (error instanceof TooLarge) return t('The file has {size} MB; at most {most} MB can be opened.', { size: megabytes(error.size), most: megabytes(error.most) });
    return t.sentence(error.message.replace(/^(picture|pattern|video): /, ''));
}

function megabytes(size) {
    return Math.ceil(size / 2 ** 20);
}

/** What people read for a value of a setting. */
export function valueOf(t, about, value) {
    const label = about.enum ? about['x-labels'][about.enum.indexOf(value)] : undefined;
    return label === undefined ? String(value) : t(label);
}
