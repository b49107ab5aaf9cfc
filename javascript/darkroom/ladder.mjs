// Steps of a setting around where it is.

import { clamp } from './dom.mjs';

/** So many values of a number from a share of its range below what it is to as much above, each on a step of its control. */
export function ladder(about, now, count, share) {
    const { minimum, maximum, 'x-step': step } = about;
    const reach = (maximum - minimum) * share;
    const [low, high] = [clamp(now - reach, minimum, maximum), clamp(now + reach, minimum, maximum)];
    return distinct(Array.from({ length: count }, (_, i) => low + ((high - low) * i) / (count - 1)).map((value) => onStep(value, minimum, step)));
}

/** Below, now, above: what a number does, at a glance. */
export function around(about, now, share) {
    const [low, high] = ladder(about, now, 2, share);
    return distinct([low, Number(now.toFixed(6)), high]);
}

function onStep(value, minimum, step) {
    return Number((minimum + Math.round((value - minimum) / step) * step).toFixed(6));
}

function distinct(values) {
    return [...new Set(values)];
}
