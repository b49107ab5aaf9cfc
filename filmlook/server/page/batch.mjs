// Many pictures with one look: chosen or dropped, developed one after another, saved one by one or as a .zip.

import { Gone } from './darkroom/client.mjs';
import { base64, h, lookKey } from './darkroom/dom.mjs';
import { faultOf } from './darkroom/words.mjs';
import { Job } from './batch_job.mjs';
import { developed, download, duration, kindSelect, namesOf } from './developing.mjs';
import { filesIn, isPicture, withMaps } from './dropped.mjs';
import { keep, kept } from './storage.mjs';
import { zip } from './zip.mjs';

const PATTERN = '{name}-{stock}';
const REST_MS = 300; // without a letter typed, after which names are asked for
const AGAIN_MS = 1500; // between tries while the server is gone

export class Batch {
    #room;
    #jobs = [];
    #run = null; // {stopping, started, jobs, at}: what it develops, and the place of the one that is developed
    #made = ''; // the key of what the finished ones were made with
    #parts = {};
    #typing = 0;
    #naming = null;
    #told = ''; // how the last run ended
    #kind;

    constructor(room) {
        this.#room = room;
        const { t } = room;
        this.#kind = kindSelect(t, { id: 'batch-kind' });
        this.#kind.select.addEventListener('change', () => this.#name());
        const input = (more) => {
            const field = h('input', { type: 'file', multiple: true, hidden: true, ...more, onchange: () => {
                this.add(filesIn(field));
                field.value = '';
            } });
            return field;
        };
        const files = input({ class: 'batch-files' });
        const folder = input({ class: 'batch-folder', webkitdirectory: true });
        const parts = (this.#parts = {
            look: h('p', { class: 'note' }),
            list: h('ul', { class: 'jobs', 'aria-label': t('Pictures') }),
            pattern: h('input', { type: 'text', id: 'batch-names', maxlength: 200, spellcheck: 'false', value: kept('names', PATTERN), 'aria-describedby': 'batch-names-told', oninput: () => this.#typed() }),
            told: h('span', { class: 'note', id: 'batch-names-told', role: 'status' }),
            again: h('input', { type: 'checkbox', id: 'batch-again' }),
            progress: h('progress', { max: 1, value: 0, hidden: true, 'aria-label': t('Progress') }),
            state: h('p', { class: 'state', role: 'status' }),
            report: h('ul', { class: 'report', 'aria-label': t('What failed') }),
            start: h('button', { class: 'main', disabled: true, onclick: () => this.#start() }, t('Develop all')),
            stop: h('button', { hidden: true, onclick: () => this.#run?.stopping.abort() }, t('Stop')),
            save: h('button', { disabled: true, onclick: () => this.#saveAll(), title: t('All that are developed, in one .zip') }, t('Save all')),
            tell: h('button', { hidden: true, onclick: () => this.#saveReport() }, t('Save the report')),
            clear: h('button', { class: 'small', disabled: true, onclick: () => this.#clear() }, t('Empty the list')),
        });
        this.button = h('button', { 'aria-haspopup': 'dialog', onclick: () => this.show(), title: t('Develop many pictures with this look') }, t('Batch'));
        const button = (text, onclick, ...more) => h('button', { class: 'small', onclick }, text, ...more);
        this.element = h('dialog', { class: 'batch', 'aria-labelledby': 'batch-title', onclose: () => this.element.remove() },
            h('div', { class: 'head' }, h('h2', { id: 'batch-title' }, t('Batch')), parts.look,
                h('button', { class: 'close', 'aria-label': t('Close'), title: t('Close'), onclick: () => this.element.close() }, '×')),
            h('div', { class: 'actions' }, button(t('Add pictures'), () => files.click()), button(t('Add a folder'), () => folder.click()), parts.clear, files, folder),
            h('p', { class: 'note hint' }, t('or drop pictures and folders here')),
            parts.list,
            h('div', { class: 'options' },
                h('label', { for: 'batch-names' }, t('Names')), parts.pattern,
                h('label', { for: 'batch-kind' }, t('File format')), this.#kind.select,
                h('label', { class: 'check' }, parts.again, t('Develop once more what is developed already'))),
            parts.told,
            parts.progress, parts.state, parts.report,
            h('div', { class: 'actions end' }, parts.tell, parts.save, parts.stop, parts.start));
        window.addEventListener('beforeunload', (event) => this.#run && event.preventDefault());
    }

    lookChanged() {
        if (!this.element.open) return;
        this.#tellLook();
        this.#typed();
    }

    show() {
        this.#tellLook();
        if (!this.element.open) {
            document.body.append(this.element);
            this.element.showModal();
        }
        this.#name();
    }

    /** More pictures, as [{file, path}]; of folders only what is a picture. */
    add(files) {
        const { t } = this.#room;
        const wanted = files.filter(isPicture);
        for (const { file, path, depth } of withMaps(wanted)) {
            const job = new Job(t, file, path, depth, (one) => this.#remove(one), (one) => download(one.result, one.name.split('/').pop()));
            this.#jobs.push(job);
            this.#parts.list.append(job.element);
        }
        this.#parts.state.textContent = wanted.length < files.length ? t('{count} files of other kinds were left out', { count: files.length - wanted.length }) : '';
        this.show();
        this.#update();
    }

    get #waiting() {
        return this.#jobs.filter((job) => ['waiting', 'failed'].includes(job.state));
    }

    get #done() {
        return this.#jobs.filter((job) => job.state === 'done');
    }

    #tellLook() {
        const { t, preset, look, stocks } = this.#room;
        const film = stocks.find(({ name }) => name === look.stock)?.label ?? look.stock;
        const label = preset ? `${t(preset.label)}${this.#room.differs() ? ` ${t('changed')}` : ''}` : t('No preset');
        this.#parts.look.textContent = `${label} · ${film}`;
    }

    #remove(job) {
        const next = job.element.nextElementSibling ?? job.element.previousElementSibling;
        this.#jobs.splice(this.#jobs.indexOf(job), 1);
        job.element.remove();
        (next?.querySelector('button:not([hidden])') ?? this.#parts.pattern).focus();
        this.#update();
        this.#typed();
    }

    #clear() {
        for (const job of this.#jobs) job.element.remove();
        this.#jobs = [];
        this.#parts.state.textContent = '';
        this.#update();
        this.#name();
    }

    #typed() {
        clearTimeout(this.#typing);
        this.#typing = setTimeout(() => this.#name(), REST_MS);
    }

    /** Asks what files will be called; whether they can be called so. */
    async #name() {
        const { t, client } = this.#room;
        const { pattern, told } = this.#parts;
        clearTimeout(this.#typing);
        this.#naming?.abort();
        const naming = (this.#naming = new AbortController());
        const jobs = [...this.#jobs];
        try {
            const paths = jobs.length ? jobs.map((job) => job.path) : [t('holiday.jpg')];
            const names = await namesOf(client, pattern.value, paths, this.#room, this.#kind.kind(), naming.signal);
            jobs.forEach((job, i) => job.state !== 'done' && job.call(names[i]));
            told.textContent = t('such as {name}; {places} are filled in', { name: names[0], places: '{name}, {number}, {stock}, {look}' });
            pattern.setCustomValidity('');
            keep('names', pattern.value);
            return true;
        } catch (error) {
            if (error.name === 'AbortError') return false;
            told.textContent = faultOf(t, error);
            pattern.setCustomValidity(error instanceof Gone ? '' : told.textContent);
            return error instanceof Gone ? null : false;
        }
    }

    async #start() {
        const { t, look } = this.#room;
        if (this.#run) return;
        const kind = this.#kind.kind();
        const key = `${lookKey(look)} ${JSON.stringify(kind)} ${this.#parts.again.checked}`;
        if (key !== this.#made || !this.#waiting.length) for (const job of this.#jobs) job.reset();
        this.#made = key;
        this.#parts.state.textContent = '';
        const run = (this.#run = { stopping: new AbortController(), started: performance.now(), jobs: this.#waiting, at: 0 });
        this.#update();
        const order = { look, ...kind, again: this.#parts.again.checked };
        while ((await this.#name()) === null && !run.stopping.signal.aborted) await this.#pause();
        if (this.#parts.pattern.validity.valid) {
            for (const job of run.jobs) {
                if (run.stopping.signal.aborted) break;
                await this.#develop(job, order, run.stopping.signal);
                run.at++;
            }
        }
        const seconds = (performance.now() - run.started) / 1000;
        this.#run = null;
        this.#update();
        if (this.#parts.pattern.validity.valid) this.#tell(t('{done} of {count} developed, in {time}', { ...this.#counts(), time: duration(t, seconds) }));
        else this.#parts.pattern.focus();
    }

    async #develop(job, order, signal) {
        const { t, client } = this.#room;
        while (!signal.aborted) {
            try {
                job.work(0);
                this.#advance(0);
                const told = (share) => {
                    job.work(share);
                    this.#advance(share);
                };
                const map = order.look.aperture && job.depth ? { depth: await base64(job.depth) } : {};
                job.finish(await developed(client, job.file, { ...order, ...map }, told, signal));
                break;
            } catch (error) {
                if (error.name === 'AbortError') {
                    job.reset();
                } else if (error instanceof Gone) {
                    job.reset();
                    this.#parts.state.textContent = t('The server does not answer; trying again');
                    await this.#pause();
                    continue;
                } else if (error.message.endsWith('it is developed already')) {
                    job.pass(t('developed already'));
                } else {
                    job.fail(faultOf(t, error));
                }
                break;
            }
        }
        this.#update();
    }

    #pause() {
        return new Promise((resolve) => setTimeout(resolve, AGAIN_MS));
    }

    #counts() {
        return { done: this.#done.length, count: this.#jobs.length };
    }

    /** How far it is, and how long it will take if the rest takes as long as what is done. */
    #advance(share) {
        const { t } = this.#room;
        const { started, jobs, at } = this.#run;
        const worked = at + share;
        const seconds = worked > 0.2 ? ((performance.now() - started) / 1000 / worked) * (jobs.length - worked) : null;
        this.#parts.progress.value = worked / jobs.length;
        const values = this.#counts();
        this.#parts.state.textContent = seconds === null ? t('{done} of {count} developed', values) : t('{done} of {count} developed, about {time} left', { ...values, time: duration(t, seconds) });
        this.button.textContent = `${t('Batch')} ${values.done}/${values.count}`;
    }

    #tell(sentence) {
        const { t } = this.#room;
        const passed = this.#jobs.filter((job) => job.state === 'passed').length;
        const failed = this.#failed();
        const more = [failed.length && t('{count} failed', { count: failed.length }), passed && t('{count} developed already', { count: passed })];
        this.#parts.state.textContent = this.#told = [sentence, ...more.filter(Boolean)].join(' · ');
    }

    #failed() {
        return this.#jobs.filter((job) => job.state === 'failed');
    }

    #update() {
        const { t } = this.#room;
        const { start, stop, save, clear, progress, again, pattern, report, tell } = this.#parts;
        const isWorking = Boolean(this.#run);
        const hadFocus = [start, stop].includes(document.activeElement);
        start.hidden = isWorking;
        stop.hidden = progress.hidden = !isWorking;
        if (hadFocus) (isWorking ? stop : start).focus();
        start.disabled = !this.#jobs.length;
        clear.disabled = isWorking || !this.#jobs.length;
        again.disabled = pattern.disabled = this.#kind.select.disabled = isWorking;
        save.disabled = !this.#done.length;
        for (const job of this.#jobs) job.lock(isWorking);
        const failed = this.#failed();
        report.replaceChildren(...failed.map((job) => h('li', {}, h('b', {}, job.path), ` ${job.why}`)));
        tell.hidden = isWorking || !failed.length;
        if (!isWorking) this.button.textContent = t('Batch');
    }

    async #saveAll() {
        const { t, look } = this.#room;
        const { save, state } = this.#parts;
        save.disabled = true;
        const files = apart(this.#done.map((job) => [job.name, job.result]));
        try {
            const made = await zip(files, (share) => (state.textContent = `${t('Packing')} ${Math.round(100 * share)} %`));
            download(made, `${look.stock}.zip`);
            state.textContent = t('Saved: {name}', { name: `${look.stock}.zip` });
        } catch { // the browser has no room for it
            state.textContent = t('The browser cannot hold so much; save them one by one.');
        }
        save.disabled = !this.#done.length;
    }

    #saveReport() {
        const { t } = this.#room;
        const lines = this.#jobs.map((job) => `${job.path}\t${job.told(t)}`);
        download(new Blob([`${this.#told}\n\n${lines.join('\n')}\n`], { type: 'text/plain' }), 'report.txt');
    }
}

/** Pairs whose names were given at different times, without two alike: the second `a.png` is `a-2.png`. */
function apart(files) {
    const taken = new Set();
    return files.map(([name, blob]) => {
        const dot = name.lastIndexOf('.');
        let own = name;
        for (let n = 2; taken.has(own.toLowerCase()); n++) own = `${name.slice(0, dot)}-${n}${name.slice(dot)}`;
        taken.add(own.toLowerCase());
        return [own, blob];
    });
}
