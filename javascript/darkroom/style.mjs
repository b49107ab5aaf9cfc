// The component's style. Greys are neutral all through, so that colour is judged rightly beside them.

export const STYLE = `
:host {
    --bg: #1e1e1e; --raised: #2a2a2a; --pressed: #484848; --line: #3a3a3a; --text: #e4e4e4; --dim: #a2a2a2; --ring: #f2f2f2;
    --glass: rgb(24 24 24 / .72); --main: #dedede; --main-text: #161616;
    display: flex; flex-direction: column; min-height: 0; position: relative; background: var(--bg); color: var(--text);
    font: 13px/1.4 system-ui, -apple-system, 'Segoe UI', Roboto, 'Noto Sans', sans-serif;
    container-type: inline-size; -webkit-text-size-adjust: none;
}
:host([light]) {
    --bg: #d6d6d6; --raised: #e6e6e6; --pressed: #bababa; --line: #bebebe; --text: #1c1c1c; --dim: #565656; --ring: #101010;
    --glass: rgb(236 236 236 / .8); --main: #2a2a2a; --main-text: #f4f4f4;
}
:host([hidden]), [hidden] { display: none !important; }
* { box-sizing: border-box; }
button, select, input { font: inherit; color: inherit; }
button, select {
    background: var(--raised); border: 1px solid transparent; border-radius: 5px; padding: 4px 9px; min-height: 28px; cursor: pointer;
}
button:hover:not(:disabled), select:hover { border-color: var(--dim); }
button:disabled { opacity: .38; cursor: default; }
button[aria-pressed=true] { background: var(--pressed); }
button.main { background: var(--main); color: var(--main-text); font-weight: 600; margin-left: auto; }
:focus-visible { outline: 2px solid var(--ring); outline-offset: 1px; }
svg { width: 16px; height: 16px; fill: none; stroke: currentColor; stroke-width: 1.4; stroke-linecap: round; stroke-linejoin: round; display: block; }
input[type=range] { appearance: none; width: 150px; height: 20px; margin: 0; cursor: pointer; background: linear-gradient(var(--dim), var(--dim)) center / 100% 3px no-repeat; }
input[type=range]:focus-visible { outline: none; }
input[type=range]:focus-visible::-webkit-slider-thumb { outline: 2px solid var(--ring); outline-offset: 2px; }
input[type=range]:focus-visible::-moz-range-thumb { outline: 2px solid var(--ring); outline-offset: 2px; }
input[type=range]::-webkit-slider-thumb { appearance: none; width: 14px; height: 14px; border-radius: 50%; background: var(--text); border: 0; }
input[type=range]::-moz-range-thumb { width: 14px; height: 14px; border-radius: 50%; background: var(--text); border: 0; }
h3 { font-size: 14px; font-weight: 600; margin: 0 0 6px; }
.said { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); }

.bar { display: flex; flex-wrap: wrap; align-items: center; gap: 6px 10px; padding: 7px 10px; border-bottom: 1px solid var(--line); flex: none; }
.group { display: flex; gap: 1px; }
.group > button { border-radius: 0; padding: 4px 8px; }
.group > button:first-child { border-radius: 5px 0 0 5px; }
.group > button:last-child { border-radius: 0 5px 5px 0; }
.zoom { min-width: 58px; font-variant-numeric: tabular-nums; }
.group > .kept { box-shadow: inset 0 -2px var(--text); }
.words { margin-left: auto; }

.stage { position: relative; flex: 1 1 auto; min-height: 200px; overflow: hidden; }
.picture { position: absolute; inset: 0; width: 100%; height: 100%; display: block; touch-action: pan-y; cursor: default; outline-offset: -2px; }
.picture:focus-visible { outline: 1px solid var(--dim); }
.zoomed .picture { touch-action: none; cursor: grab; }
.zoomed .picture:active { cursor: grabbing; }
:host([painting]) .picture { touch-action: none; cursor: crosshair; }
.stage[data-mode=empty] .picture { visibility: hidden; }
.empty { position: absolute; inset: 0; display: none; }
.stage[data-mode=empty] .empty { display: grid; place-items: center; }
.divider { position: absolute; top: 0; bottom: 0; width: 32px; margin-left: -16px; display: none; cursor: ew-resize; touch-action: none; outline: none; }
.divider:focus-visible::after { outline: 2px solid #fff; outline-offset: 3px; }
.stage[data-mode=split] .divider { display: block; }
.divider::before { content: ''; position: absolute; inset: 0 auto 0 15px; width: 2px; background: #fff; box-shadow: 0 0 4px rgb(0 0 0 / .7); }
.divider::after {
    content: '‹ ›'; position: absolute; left: 1px; top: 50%; width: 30px; height: 30px; margin-top: -15px; border-radius: 50%; background: #fff;
    color: #222; font: 600 16px/27px system-ui, sans-serif; text-align: center; letter-spacing: 1px; box-shadow: 0 1px 5px rgb(0 0 0 / .5);
}
.brush { position: absolute; border: 1px solid #fff; border-radius: 50%; box-shadow: 0 0 0 1px rgb(0 0 0 / .6); pointer-events: none; display: none; transform: translate(-50%, -50%); }
:host([painting]) .picture:hover ~ .brush { display: block; }
:host([focusing]) .picture { cursor: crosshair; }
.focus { display: flex; align-items: center; gap: 6px; }
.focused { position: absolute; width: 34px; height: 34px; margin: -17px 0 0 -17px; border: 1.5px solid #fff; border-radius: 3px; box-shadow: 0 0 0 1px rgb(0 0 0 / .55); opacity: 0; pointer-events: none; }
.focused.shown { animation: focused 1.1s ease-out; }
@keyframes focused { 0% { opacity: 1; transform: scale(1.5); } 25%, 60% { opacity: 1; transform: none; } 100% { opacity: 0; } }
.lacks {
    position: absolute; left: 10px; top: 10px; max-width: min(560px, calc(100% - 20px)); margin: 0; padding: 6px 6px 6px 10px; border-radius: 5px;
    background: var(--glass); font-size: 12px; display: flex; gap: 8px; align-items: start; z-index: 1;
}
.lacks > button { background: none; min-height: 0; padding: 0 6px; font-size: 15px; line-height: 1.2; }
.label, .state { position: absolute; padding: 2px 8px; border-radius: 4px; background: var(--glass); font-size: 11px; pointer-events: none; }
.label { top: 10px; display: none; letter-spacing: .02em; }
.label.left { left: 10px; }
.label.right { right: 10px; }
.stage[data-mode=split] .label, .stage[data-mode=side] .label, .stage[data-mode=hold] .label.left { display: block; }
.state { right: 10px; bottom: 10px; color: var(--dim); font-variant-numeric: tabular-nums; }
.state:empty { display: none; }
.stage::after {
    content: ''; position: absolute; left: 0; right: 0; top: 0; height: 2px; opacity: 0; transition: opacity .2s .35s;
    background: linear-gradient(90deg, transparent, var(--text), transparent) 0 0 / 40% 100% no-repeat;
}
.stage.working::after { opacity: .8; animation: run 1.3s linear infinite; }
@keyframes run { from { background-position: -70% 0; } to { background-position: 170% 0; } }
.problem {
    position: absolute; left: 50%; bottom: 14px; transform: translateX(-50%); width: max-content; max-width: calc(100% - 28px); margin: 0;
    padding: 8px 14px; border-radius: 6px; background: var(--main); color: var(--main-text); overflow-wrap: anywhere; z-index: 2;
}

.panels { flex: none; overflow: auto; max-height: 46%; }
.panels:empty { display: none; }
.panel { border-top: 1px solid var(--line); padding: 10px; }
.tools { display: flex; flex-wrap: wrap; gap: 8px; align-items: center; }
.tools select { max-width: 190px; }
.tools label { display: flex; gap: 8px; align-items: center; }
.note { color: var(--dim); font-size: 12px; }
.frames { display: grid; grid-template-columns: repeat(auto-fill, minmax(128px, 1fr)); gap: 8px; margin-top: 10px; align-items: start; }
.frames:empty { display: none; }
.frame { display: flex; flex-direction: column; gap: 0; padding: 0; overflow: hidden; text-align: left; background: var(--raised); }
.frame img { width: 100%; display: block; }
.frame[aria-pressed=true] { border-color: var(--text); }
.caption { padding: 4px 7px 5px; font-size: 11px; line-height: 1.25; width: 100%; overflow-wrap: anywhere; }
.failed { padding: 8px; font-size: 11px; color: var(--dim); min-height: 90px; overflow-wrap: anywhere; white-space: normal; }
.panel canvas { width: 100%; height: 150px; display: block; }
figure { margin: 0; min-width: 0; }
figcaption { color: var(--dim); font-size: 11px; margin-top: 5px; display: flex; gap: 8px; flex-wrap: wrap; }
.scopes { display: grid; grid-template-columns: 2fr 2fr 1fr 1fr; gap: 14px; }
.scopes .parade canvas, .scopes .histogram canvas { background: rgb(128 128 128 / .07); border-radius: 3px; }
.card { display: grid; grid-template-columns: minmax(180px, 1fr) repeat(3, 1.2fr); gap: 16px; }
.card canvas { height: 170px; }
.about { overflow-wrap: anywhere; }
.about p { margin: -3px 0 8px; }
dl { display: grid; grid-template-columns: max-content 1fr; gap: 3px 12px; margin: 0; font-size: 12px; }
dt { color: var(--dim); }
dd { margin: 0; }
details { font-size: 12px; margin-top: 6px; }
summary { cursor: pointer; color: var(--dim); }
ul { margin: 4px 0 0; padding-left: 16px; }

dialog { border: 1px solid var(--line); border-radius: 8px; padding: 0; background: var(--bg); color: var(--text); max-width: min(540px, calc(100vw - 24px)); }
dialog::backdrop { background: rgb(0 0 0 / .5); }
.inner { padding: 18px 20px; display: grid; gap: 12px; justify-items: start; }
.keys dl { gap: 7px 16px; font-size: 13px; align-items: baseline; }
kbd { font: inherit; font-size: 12px; border: 1px solid var(--line); border-radius: 4px; padding: 1px 6px; background: var(--raised); color: var(--text); white-space: nowrap; }

@container (max-width: 800px) {
    .bar { gap: 6px; padding: 7px 8px; }
    .words > button { padding: 4px 7px; font-size: 12px; }
    .zoom { min-width: 52px; }
}
@container (max-width: 760px) {
    .scopes { grid-template-columns: 1fr 1fr; }
    .card { grid-template-columns: 1fr 1fr; }
}
@container (max-width: 560px) {
    .bar { gap: 6px; padding: 6px; flex-wrap: nowrap; overflow-x: auto; scrollbar-width: none; }
    .bar > * { flex: none; }
    .bar button { min-height: 34px; }
    .words { margin-left: 0; }
    .stage { min-height: 0; }
    .frames { grid-template-columns: repeat(auto-fill, minmax(84px, 1fr)); gap: 6px; }
    .card { grid-template-columns: 1fr; }
}
.frames.grid { grid-template-columns: repeat(var(--columns), minmax(0, 1fr)); }
@media (prefers-reduced-motion: reduce) {
    .stage.working::after { animation: none; background: var(--text); }
    .stage::after { transition: none; }
    .focused.shown { animation: none; opacity: 1; }
}
`;
