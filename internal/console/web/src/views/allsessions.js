// The sessions of all repositories in one list, the newest first.
import { html } from '../html.js';
import { get, query } from '../api.js';
import { useData, useGet } from '../data.js';
import { useSession } from '../follow.js';
import { count, sentence, visible } from '../format.js';
import { setParams } from '../router.js';
import { added } from '../status.js';
import { Ago, Button, Empty, Heading, Loading, Name, Problem, Time } from '../ui.js';
import { kindOf, lengthOf, wordFor } from './sessions.js';

const pageSize = 100;
const maxStreams = 30; // further running sessions come with the list

const states = [['', 'All'], ['Failed', 'Failed'], ['Synchronizing', 'Running'], ['None', 'Succeeded or stopped']];

export function AllSessions({ params }) {
  const state = states.some(([key]) => key === params.get('state')) ? params.get('state') ?? '' : '';
  const repository = /^[\w-]+$/.test(params.get('repository') ?? '') ? params.get('repository') : '';
  const from = Math.max(0, Math.min(1_000_000, Number.parseInt(params.get('from') ?? '0', 10) || 0));
  const repositories = useGet('/v6/BackupRepositories', { every: 10_000 });
  const list = useData(
    (signal) => get(query('/v6/SynchronizeSessions', { state, repositoryId: repository, limit: pageSize + 1, offset: from || null }), { signal }),
    ['all sessions', state, repository, from],
    { every: 4000 },
  );
  const names = new Map((repositories.data ?? []).map((r) => [r.id, r.name]));
  const choices = [...names].sort((a, b) => a[1].localeCompare(b[1]));
  const rows = list.data?.slice(0, pageSize) ?? [];
  let streams = 0;
  return html`
    <${Heading} title="Sessions" />
    <div class="filters">
      <label><span>Show</span><select value=${state} onChange=${(e) => setParams({ state: e.target.value, from: null })}>
        ${states.map(([key, text]) => html`<option key=${key} value=${key}>${text}</option>`)}</select></label>
      <label><span>Repository</span><select value=${repository} onChange=${(e) => setParams({ repository: e.target.value, from: null })}>
        <option value="">All</option>${choices.map(([id, name]) => html`<option key=${id} value=${id}>${visible(name)}</option>`)}</select></label>
    </div>
    <${Problem} error=${list.error?.status ? list.error : null} retry=${list.reload} />
    ${!list.data && !list.error && html`<${Loading} />`}
    ${list.data && rows.length === 0 && html`<${Nothing} from=${from} state=${state} repository=${repository} />`}
    ${rows.length > 0 && html`<ul class="session-list all-sessions" aria-label="Sessions" aria-busy=${list.old}>${rows.map((s) => html`<${Row} key=${s.id} listed=${s}
      name=${names.get(s.repositoryId)} follow=${s.state === 'Synchronizing' && ++streams <= maxStreams} />`)}</ul>`}
    ${list.data && (from > 0 || list.data.length > pageSize) && html`<div class="pager">
      <${Button} kind="small" disabled=${from === 0} onClick=${() => setParams({ from: from > pageSize ? from - pageSize : null }, { replace: false })}>Newer<//>
      <${Button} kind="small" disabled=${list.data.length <= pageSize} onClick=${() => setParams({ from: from + pageSize }, { replace: false })}>Older<//>
      <span class="quiet-text">${count(from + 1)} to ${count(from + rows.length)}</span></div>`}`;
}

function Nothing({ from, state, repository }) {
  if (from > 0) return html`<${Empty} title="There are no older sessions" />`;
  if (state === 'Failed') return html`<${Empty} title="No session has failed"><p>${repository ? 'None of this repository’s.' : 'None of any repository’s.'} Older ones may have been removed from the history.</p><//>`;
  if (state === 'Synchronizing') return html`<${Empty} title="No session is running"><p>Sessions start by themselves when a repository has something new.</p><//>`;
  return html`<${Empty} title="No sessions"><p>${repository ? 'This repository has' : 'The repositories have'} not been synchronized yet.</p><//>`;
}

function Row({ listed, name, follow }) {
  const s = useSession(follow ? listed : null) ?? listed;
  return html`<li><a href="/repositories/${s.repositoryId}/sessions/${s.id}">
    <span class="badge ${kindOf(s)}">${wordFor(s)}</span>
    <${Name} text=${name ?? 'A removed repository'} />
    <span class=${`cut ${s.error ? 'why' : 'quiet-text'}`}>${s.error ? sentence(visible(s.error)).slice(0, 300) : sentence(added(s))}</span>
    <span class="two-lines end"><span class="number">${s.startTime ? html`<${Time} at=${s.startTime} />` : 'Waiting to start'}</span>
      <span class="quiet-text number">${s.startTime && html`<${Ago} at=${s.startTime} />, ${s.endTime ? 'took' : 'running for'} ${lengthOf(s)}`}</span></span>
  </a></li>`;
}
