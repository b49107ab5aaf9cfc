// Words that the server tells in its own, as people read them.

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
