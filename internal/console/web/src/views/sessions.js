// The sessions of a repository, and the log of the open one.
import { html } from '../html.js';
import { get } from '../api.js';
import { useData } from '../data.js';
import { bytes, clock, count, plural, sentence, took, visible } from '../format.js';
import { added } from '../status.js';
import { Ago, Empty, Loading, Problem, Progress, Time } from '../ui.js';

export function Sessions({ repositoryId, sessions, shown, more }) {
  if (sessions.length === 0) return html`<${Empty} title="No sessions"><p>The repository has not been synchronized yet.</p><//>`;
  const open = sessions.find((s) => s.id === shown);
  return html`<div class="sessions">
    <ul class="session-list" data-keep-scroll="sessions" aria-label="Sessions">${sessions.map((s) => html`<li key=${s.id} class=${s.id === shown ? 'open' : ''}>
      <a href="/repositories/${repositoryId}/sessions/${s.id}" aria-current=${s.id === shown ? 'true' : undefined}>
        <span class="badge ${kindOf(s)}">${wordFor(s)}</span>
        <span class="grow"><${Time} at=${s.startTime} /> <span class="quiet-text"><${Ago} at=${s.startTime} /></span></span>
        <span class="quiet-text number">${lengthOf(s)}</span>
        <span class=${`wide cut ${s.error ? 'why' : 'quiet-text'}`}>${s.error ? sentence(visible(s.error)).slice(0, 300) : added(s)}</span>
      </a></li>`)}</ul>
    ${more && html`<button class="small" onClick=${more}>Show older sessions</button>`}
    ${shown && html`<${Detail} key=${shown} id=${shown} known=${open} />`}
  </div>`;
}

export function kindOf(s) {
  if (s.state === 'Synchronizing') return 'running';
  return s.state === 'Failed' ? 'failed' : s.result === 'Stopped' ? 'stopped' : 'synced';
}

export function wordFor(s) {
  if (s.state === 'Synchronizing') return s.startTime ? `${s.progressPercent} %` : 'Waiting';
  return s.result;
}

export function lengthOf(s) {
  if (!s.startTime) return '';
  return took(Date.parse(s.endTime ?? new Date().toISOString()) - Date.parse(s.startTime));
}

function Detail({ id, known }) {
  const running = known?.state === 'Synchronizing';
  const log = useData(
    async (signal) => {
      const session = known ?? (await get(`/v6/RepositorySynchronizeSessions/${id}`, { signal }));
      const page = await get(`/v6/RepositorySynchronizeSessions/${id}/LogItems?limit=10000`, { signal });
      return { session, items: page.results };
    },
    [`log ${id}`, known?.state],
    { every: running ? 1500 : 0 },
  );
  const session = known ?? log.data?.session;
  return html`<section class="card session" aria-label="Session">
    <${Problem} error=${log.error?.status ? log.error : null} retry=${log.reload} />
    ${session && html`<${Facts} session=${session} />`}
    ${!log.data && !log.error && html`<${Loading} what="Loading the log" />`}
    ${log.data && html`<h2>Log</h2><ol class="log" tabIndex="0" aria-label="Log">${log.data.items.map((item) => html`<li key=${item.usn} class="log-${item.level.toLowerCase()}">
      <time dateTime=${item.creationTime} title=${item.creationTime}>${clock(item.creationTime)}</time>
      <span class="log-level">${item.level}</span><span class="log-text">${visible(item.message)}</span></li>`)}</ol>
      ${log.data.items.length === 0 && html`<p class="quiet-text">Nothing has been noted yet.</p>`}`}
  </section>`;
}

// endOf says why a session ended.
function endOf(s) {
  if (s.state === 'Failed') return 'because of what is said above';
  return s.result === 'Stopped' ? 'on request; what it had read is kept, and the next one goes on from there' : 'when everything was read';
}

function Facts({ session: s }) {
  const st = s.statistics;
  const fact = (label, value) => html`<div><span class="label">${label}</span>${value}</div>`;
  return html`${s.state === 'Synchronizing' && html`<${Progress} percent=${s.progressPercent} label="Progress of the session" />`}
    ${s.waitingReason && html`<p class="why-late">${sentence(visible(s.waitingReason))}</p>`}
    ${s.error && html`<p class="why">${sentence(visible(s.error))}</p>`}
    <div class="facts">
      ${fact('Started', html`<${Time} at=${s.startTime} />`)}
      ${s.endTime && fact('Ended', endOf(s))}
      ${fact('Took', lengthOf(s) || '–')}
      ${fact('Restore points', s.state === 'Synchronizing' && st.snapshotsTotal === 0 ? added(s)
        : `${added(s)}, ${count(st.snapshotsTotal)} ${s.state === 'Synchronizing' ? 'from before' : 'in all'}`)}
      ${fact('Fetched', `${bytes(st.bytesFetched)} in ${plural(st.requests, 'request')}`)}
      ${fact('New folders', count(st.treesAdded))}
      ${fact('New entries', count(st.entriesAdded))}
    </div>`;
}
