// The running and the earlier restores on the server.
import { html } from '../html.js';
import { allowed, get, post } from '../api.js';
import { useData, useGet, useNow } from '../data.js';
import { useJob } from '../follow.js';
import { useKept } from '../kept.js';
import { bytes, clock, count, plural, sentence, visible } from '../format.js';
import { browseAddress, entryAddress, placeIn } from '../places.js';
import { useRepositories } from '../resources.js';
import { doneOf, kindOf, lengthOf, overwriting, wordFor } from '../restores.js';
import { Ago, Button, Empty, Heading, Loading, Name, Problem, Progress, Time, notify } from '../ui.js';
import { What } from './restoring.js';

const pageSize = 50;

export function Restores({ job: shown, who }) {
  const [limit, setLimit] = useKept('restores', pageSize);
  const may = allowed(who, 'follow');
  const restores = allowed(who, 'restore');
  const jobs = useData((signal) => (may ? get(`/v6/RestoreJobs?limit=${limit}`, { signal }) : Promise.resolve([])), ['jobs', limit, shown], { every: 5000 });
  const targets = useGet(restores ? '/v6/RestoreTargets' : null);
  const repositories = useRepositories();
  const names = new Map((repositories.data ?? []).map((r) => [r.id, r.name]));
  return html`
    <${Heading} title="Restores" />
    ${!may && html`<${Empty} title="Your role does not restore"><p>Administrators and restorers get files back, and operators follow the restores.</p><//>`}
    <${Problem} error=${jobs.error?.status ? jobs.error : null} retry=${jobs.reload} />
    ${!jobs.data && !jobs.error && html`<${Loading} />`}
    ${may && jobs.data?.length === 0 && (targets.data || !restores) && html`<${Nothing} targets=${targets.data} />`}
    ${jobs.data?.length > 0 && html`<div class="sessions">
      <ul class="session-list restores" data-keep-scroll="restores" aria-label="Restores">${jobs.data.map((j) => html`<${Row} key=${j.id} known=${j} shown=${shown} name=${names.get(j.repositoryId)} who=${who} />`)}</ul>
      ${jobs.data.length === limit && limit < 1000 && html`<button class="small" onClick=${() => setLimit(Math.min(1000, limit * 4))}>Show older restores</button>`}
    </div>`}
    ${may && shown && jobs.data && html`<${Detail} key=${shown} id=${shown} listed=${jobs.data.find((j) => j.id === shown)} names=${names} reload=${jobs.reload} />`}`;
}

function Nothing({ targets }) {
  if (!targets) return html`<${Empty} title="Nothing has been restored on the server yet"><p>Administrators and restorers start restores. You can follow and stop them here.</p><//>`;
  return html`<${Empty} title="Nothing has been restored on the server yet"><p>${targets.length > 0
    ? 'Open a restore point, choose files or a folder, and restore them from there.'
    : html`The server may not write restores anywhere. Its operator allows it a folder with <code>syncline serve --restore-root DIR</code>; downloads need nothing of the kind.`}</p><//>`;
}

// entriesOf are the places that a job restores.
function entriesOf(job) {
  return [...job.paths.map((path) => ({ path })), ...(job.rawPaths ?? []).map((rawPath) => placeIn(new URLSearchParams({ rawPath })))];
}

function Row({ known, shown, name, who }) {
  const job = useJob(known.startTime ? known : undefined) ?? known; // many may wait
  const mine = job.startedBy === who.userName;
  return html`<li class=${job.id === shown ? 'open' : ''}>
    <a href="/restores/${job.id}" aria-current=${job.id === shown ? 'true' : undefined}>
      <span class="badge ${kindOf(job)}">${wordFor(job)}</span>
      <span class="grow two-lines"><span class="cut"><${What} entries=${entriesOf(job)} /></span>
        <span class="quiet-text cut">${name !== undefined && html`<${Name} text=${name} /> `}→ <${Name} text=${job.targetPath} />${mine ? '' : html`, by <${Name} text=${job.startedBy} />`}</span></span>
      <span class="quiet-text wide number">${doneOf(job)}</span>
      <span class="quiet-text"><${Ago} at=${job.startTime} /></span>
    </a></li>`;
}

function Detail({ id, listed, names, reload }) {
  const alone = useData((signal) => get(`/v6/RestoreJobs/${id}`, { signal }), [`job ${id}`, listed?.state]);
  const known = listed && (!alone.data || alone.data.state === 'Running') ? listed : alone.data;
  const job = useJob(known);
  const running = job?.state === 'Running';
  if (!job) return alone.error ? html`<${Problem} error=${alone.error} retry=${alone.reload} />` : html`<${Loading} />`;
  const stop = async () => {
    await post(`/v6/RestoreJobs/${id}/Stop`);
    notify('The restore stops. What it has restored stays.');
    reload();
    alone.reload();
  };
  return html`<section class="card session" aria-label="Restore">
    ${running && html`<${Progress} percent=${job.progressPercent} label="Progress of the restore" />`}
    ${job.error && html`<p class="why">${sentence(visible(job.error))}</p>`}
    <${Facts} job=${job} name=${names.get(job.repositoryId)} />
    ${running && html`<div class="actions"><${Button} icon="stop" onClick=${stop}>Stop<//></div>`}
    <${Log} id=${id} job=${job} />
  </section>`;
}

function Facts({ job, name }) {
  const now = useNow(1000);
  const s = job.statistics;
  const entries = entriesOf(job);
  const from = entries.length === 1 && entries[0].path !== '/' ? entryAddress(job.restorePointId, entries[0]) : browseAddress(job.restorePointId, { path: '/' });
  const facts = [
    ['From', html`<a href=${from}><${What} entries=${entries} /></a>`],
    ['Repository', name !== undefined && html`<a href="/repositories/${job.repositoryId}"><${Name} text=${name} /></a>`],
    ['Into', html`<${Name} text=${job.targetPath} />`],
    ['Files', job.state === 'Running' && s.totalFiles === 0 ? 'Counting…' : `${count(s.files)} of ${count(s.totalFiles)}`],
    ['Written', `${bytes(s.bytes)} of ${bytes(s.totalBytes)}`],
    ['Unchanged', s.unchanged > 0 && count(s.unchanged)],
    ['Left as they were', s.skipped > 0 && count(s.skipped)],
    ['Failed', s.failed > 0 && html`<span class="why">${count(s.failed)}</span>`],
    ['Files that were there', overwriting.find(([value]) => value === job.overwrite)?.[1]],
    ['Read back', job.verify && 'Yes'],
    ['Started', job.startTime ? html`<${Time} at=${job.startTime} /> by <${Name} text=${job.startedBy} />` : html`Waits for others to end; asked for by <${Name} text=${job.startedBy} />`],
    ['Took', lengthOf(job, now)],
  ];
  return html`<div class="facts">${facts.filter(([, value]) => value).map(([label, value]) => html`<div key=${label}><span class="label">${label}</span>${value}</div>`)}</div>`;
}

const logPage = 500;

// Log lists the items that could not be restored as they were.
function Log({ id, job }) {
  const [limit, setLimit] = useKept('log', logPage);
  const running = job.state === 'Running';
  const log = useData((signal) => get(`/v6/RestoreJobs/${id}/LogItems?limit=${limit}`, { signal }), [`job log ${id}`, limit, job.state], { every: running ? 2000 : 0 });
  const items = log.data?.results ?? [];
  return html`<${Problem} error=${log.error?.status ? log.error : null} retry=${log.reload} />
    ${items.length > 0 && html`<h2>What was not restored as it was</h2><ol class="log" tabIndex="0" aria-label="What was not restored as it was">${items.map((item) => html`<li key=${item.usn} class="log-${item.level.toLowerCase()}">
      <time dateTime=${item.creationTime} title=${item.creationTime}>${clock(item.creationTime)}</time>
      <span class="log-level">${item.level}</span><span class="log-text">${visible(item.message)}</span></li>`)}</ol>`}
    ${items.length === limit && limit < 10_000 && html`<div class="actions"><button class="small" onClick=${() => setLimit(Math.min(10_000, limit * 4))}>Show more</button></div>`}
    ${log.data && items.length === 0 && !running && job.state === 'Succeeded' && html`<p class="quiet-text">Nothing failed: ${plural(job.statistics.folders, 'folder')}, ${plural(job.statistics.files, 'file')}${job.statistics.others > 0 && `, ${plural(job.statistics.others, 'other item')}`}.</p>`}`;
}
