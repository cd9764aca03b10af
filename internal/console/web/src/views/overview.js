// Everything at a glance: first what needs attention, then every repository.
import { useEffect, useMemo, useState } from 'preact/hooks';
import { html } from '../html.js';
import { ApiError, allowed, get, getWhole, post, postWhole } from '../api.js';
import { client, useData, useGet } from '../data.js';
import { useSession } from '../follow.js';
import { count, plural, visible } from '../format.js';
import { GrowthLine } from '../growthline.js';
import { useKept } from '../kept.js';
import { setParams } from '../router.js';
import { newestByHost, standing } from '../status.js';
import { Ago, Button, Empty, Heading, Icon, Loading, Name, Problem, Progress, notify } from '../ui.js';
import { Attention, MachinesLine } from './attention.js';
import { Without } from './trouble.js';

// The hosts of each repository are kept until another of its sessions has
// ended.
client.setQueryDefaults(['hosts'], { gcTime: Infinity, meta: { lasts: 'settled' } });

// They are null, for unknown, for a repository without a catalog.
/** @returns {{ settled: string, hosts: ReturnType<typeof newestByHost> | null, points: number | null, hidden?: number } | undefined} */
const hostsOf = (id) => client.getQueryData(['hosts', id]);

// The number of event streams. Further running sessions are requested with the
// list.
const maxStreams = 30;

// The number of restore points in one request.
const maxPoints = 20_000;

// settledBy names the session that made the present restore points. During a
// session they change.
export function settledBy(session) {
  return session && session.state !== 'Synchronizing' ? session.id : `${session?.id}…`;
}

async function loadPoints(repositories, sessions, signal, found) {
  const settled = new Map(repositories.map((r) => [r.id, settledBy(sessions.get(r.id)) + r.isOutOfSync]));
  const keep = (id, points) => client.setQueryData(['hosts', id], { settled: settled.get(id), hosts: points && newestByHost(points), points: points && points.length });
  const unknown = repositories.filter((r) => r.isOutOfSync && !sessions.has(r.id)); // nobody has ever looked into them
  for (const r of unknown) keep(r.id, null);
  const waiting = repositories.filter((r) => hostsOf(r.id)?.settled !== settled.get(r.id));
  const total = waiting.reduce((n, r) => n + (sessions.get(r.id)?.statistics.snapshotsTotal ?? 0), 0);
  if ((waiting.length > 5 || waiting.length + unknown.length === repositories.length) && waiting.length > 0 && total <= maxPoints) {
    const points = new Map(waiting.map((r) => [r.id, []]));
    const { value, without } = await getWhole('/v6/RestorePoints', { signal }).catch((error) => {
      if (!(error instanceof ApiError) || error.status !== 409) throw error;
      return { value: [], without: waiting.map((r) => r.id) }; // not one of them has a catalog
    });
    for (const point of value) points.get(point.repositoryId)?.push(point);
    for (const [id, list] of points) keep(id, without.includes(id) ? null : list);
    await countHidden(repositories, signal);
    return;
  }
  const worker = async () => {
    for (let r = waiting.shift(); r; r = waiting.shift()) {
      try {
        keep(r.id, await get(`/v6/RestorePoints?repositoryId=${r.id}`, { signal }));
      } catch (error) {
        if (!(error instanceof ApiError) || error.status !== 409) throw error;
        keep(r.id, null);
      }
      found();
    }
  };
  await Promise.all(Array.from({ length: 6 }, worker));
  await countHidden(repositories, signal);
}

// countHidden asks the repositories that are out of sync for the number of
// their hidden snapshots. The others have none.
async function countHidden(repositories, signal) {
  for (const r of repositories) {
    const known = hostsOf(r.id);
    if (!known?.hosts || known.hidden !== undefined) continue;
    const hidden = r.isOutOfSync ? (await get(`/v6/BackupRepositories/${r.id}/HiddenSnapshots`, { signal })).length : 0;
    client.setQueryData(['hosts', r.id], { ...known, hidden });
  }
}

// useRows joins repositories, sessions and restore points. The restore points
// are requested when the others are known, while the rows are drawn without
// them.
function useRows() {
  const [, setTurn] = useState(0);
  const list = useData(
    async (signal) => {
      const [repositories, sessions] = await Promise.all([
        get('/v6/BackupRepositories', { signal }),
        get('/v6/RepositorySynchronizeSessions', { signal }),
      ]);
      return { repositories, sessions: new Map(sessions.map((s) => [s.repositoryId, s])) };
    },
    ['overview'],
    { every: 4000 },
  );
  const of = list.data && [...list.data.sessions.values()].map((s) => s.id + s.state).join() + list.data.repositories.map((r) => r.id + r.isOutOfSync);
  const [again, setAgain] = useState(0);
  useEffect(() => {
    if (!list.data) return undefined;
    const abort = new AbortController();
    let drawn = Date.now();
    const found = () => {
      if (Date.now() - drawn < 500) return;
      drawn = Date.now();
      setTurn((n) => n + 1);
    };
    /** @type {number | undefined} */
    let timer;
    loadPoints(list.data.repositories, list.data.sessions, abort.signal, found).catch(() => {
      if (!abort.signal.aborted) timer = setTimeout(() => setAgain((n) => n + 1), 4000);
    }).finally(() => abort.signal.aborted || setTurn((n) => n + 1));
    return () => {
      abort.abort();
      clearTimeout(timer);
    };
  }, [of, again]);
  const rows = list.data?.repositories.map((repository) => {
    const session = list.data?.sessions.get(repository.id);
    const { hosts, points, hidden } = hostsOf(repository.id) ?? {};
    return { repository, session, hosts, points, hidden };
  });
  return { ...list, rows };
}

export function Overview({ who, params }) {
  const { rows, error, reload } = useRows();
  const machines = useGet('/v6/Machines?state=Late&limit=1000', { every: 15_000 });
  const alarms = useGet('/v6/Alarms?state=Open&limit=1000', { every: 10_000 });
  const late = useMemo(() => lateHosts(machines.data?.results ?? []), [machines.data]);
  if (!rows) return html`<${Heading} title="Overview" />${error ? html`<${Problem} error=${error} retry=${reload} />` : html`<${Loading} />`}`;
  return html`
    <${Heading} title="Overview">
      ${allowed(who, 'synchronize') && rows.length > 1 && html`<${Button} icon="sync" onClick=${() => synchronizeAll(rows).then(reload)}>Synchronize all<//>`}
      ${allowed(who, 'manage') && html`<a class="button primary" href="/attach"><${Icon} name="plus" />Add a repository</a>`}
    <//>
    <${Problem} error=${error?.status ? error : null} retry=${reload} />
    ${rows.length === 0
      ? html`<${Empty} title="No repositories yet"><p>Add a restic repository, and its snapshots and files can be looked at here.</p>
          ${allowed(who, 'manage') && html`<a class="button primary" href="/attach">Add a repository</a>`}<//>`
      : html`<${MachinesLine} machines=${machines} /><${Figures} rows=${rows} /><${Attention} rows=${rows} alarms=${alarms} who=${who} reload=${reload} />
          <${Repositories} rows=${rows} who=${who} reload=${reload} late=${late} params=${params} />`}`;
}

// lateHosts has the hosts of each repository that are late there.
function lateHosts(machines) {
  return new Set(machines.flatMap((m) => m.series.filter((s) => s.state === 'Late').map((s) => `${s.repositoryId} ${m.hostName}`)));
}

function Figures({ rows }) {
  const kinds = { synced: 0, running: 0, behind: 0, failed: 0, unknown: 0 };
  let points = 0;
  const hosts = new Set();
  for (const r of rows) {
    kinds[standing(r.repository, r.session).kind]++;
    points += r.points ?? 0;
    for (const h of r.hosts ?? []) hosts.add(h.hostName);
  }
  const none = rows.every((r) => r.points == null); // of them is known how much it has
  const figure = (n, text, kind = '') => html`<div class="figure ${kind}"><dd>${n === null ? '–' : count(n)}</dd><dt>${text}</dt></div>`;
  const without = rows.filter((r) => r.points === null && r.session?.state !== 'Synchronizing').map((r) => r.repository);
  return html`<dl class="figures">
    ${figure(kinds.synced, 'in sync', 'good')}
    ${figure(kinds.running, 'synchronizing', kinds.running ? 'busy' : '')}
    ${figure(kinds.behind, 'out of sync', kinds.behind ? 'warn' : '')}
    ${figure(kinds.failed, 'failed', kinds.failed ? 'bad' : '')}
    ${figure(none ? null : points, points === 1 ? 'restore point' : 'restore points')}
    ${figure(none ? null : hosts.size, hosts.size === 1 ? 'host' : 'hosts')}
    ${kinds.unknown > 0 && figure(kinds.unknown, 'not known', 'warn')}
  </dl><${Without} repositories=${without} />`;
}

// synchronizeAll starts a session of every repository, and names those of which
// none can be started.
async function synchronizeAll(rows) {
  const { value, without } = await postWhole('/v6/BackupRepositories/Sync');
  notify(`${plural(value.length, 'session')} started or running.`);
  if (without.length > 0) notify(`No session can be started of ${without.map((id) => rows.find((r) => r.repository.id === id)?.repository.name ?? id).join(', ')}.`, 'error');
}

export function SyncButton({ id, name, reload, kind = 'small' }) {
  return html`<${Button} kind=${kind} icon="sync" aria-label=${`Synchronize ${visible(name)}`} onClick=${async () => {
    await post(`/v6/BackupRepositories/${id}/Sync`);
    reload();
  }}>Synchronize<//>`;
}

export function StopButton({ session, name, reload, kind = 'small' }) {
  return html`<${Button} kind=${kind} icon="stop" aria-label=${`Stop synchronizing ${visible(name)}`} onClick=${async () => {
    await post(`/v6/RepositorySynchronizeSessions/${session.id}/StopSynchronize`);
    reload();
  }}>Stop<//>`;
}

const byName = (a, b) => a.repository.name.localeCompare(b.repository.name);
const urgency = (r) => {
  const s = standing(r.repository, r.session);
  return s.weight || (s.kind === 'running' ? 0.5 : 0);
};
const newest = (r) => Math.max(0, ...(r.hosts ?? []).map((h) => Date.parse(h.point.backupTime)));

// sorts are the orders of the list: their names and columns.
const sorts = {
  attention: ['What needs attention first', 'State', (a, b) => urgency(b) - urgency(a)],
  name: ['Name', 'Repository', () => 0],
  newest: ['Newest backup first', 'Newest backups', (a, b) => newest(b) - newest(a)],
  points: ['Most restore points first', '', (a, b) => (b.points ?? -1) - (a.points ?? -1)],
};

function Repositories({ rows, who, reload, late, params }) {
  const [filter, setFilter] = useKept('filter', '');
  const sort = sorts[params.get('sort') ?? ''] ? /** @type {string} */ (params.get('sort')) : 'attention';
  const shown = useMemo(() => {
    const text = filter.trim().toLowerCase();
    const hit = (r) => !text || [r.repository.name, r.repository.description, r.repository.path ?? '', ...(r.hosts ?? []).map((h) => h.hostName)]
      .some((s) => s.toLowerCase().includes(text));
    return rows.filter(hit).sort((a, b) => sorts[sort][2](a, b) || byName(a, b));
  }, [rows, filter, sort]);
  const order = (key) => setParams({ sort: key === 'attention' ? null : key });
  let streams = 0;
  return html`<section aria-labelledby="repositories-title">
    <div class="section-head"><h2 id="repositories-title">Repositories</h2><span class="quiet-text">${count(rows.length)}</span>
      ${rows.length > 8 && html`<input type="search" class="filter" placeholder="Filter by name or host" aria-label="Filter the repositories" value=${filter}
        onInput=${(e) => setFilter(e.target.value)} />`}
      ${rows.length > 1 && html`<label class="inline sort-choice">Sort by<select value=${sort} onChange=${(e) => order(e.target.value)}>
        ${Object.entries(sorts).map(([key, [text]]) => html`<option key=${key} value=${key}>${text}</option>`)}</select></label>`}</div>
    <div class="repositories" role="table" aria-labelledby="repositories-title">
      <div class="repositories-head" role="row">
        ${['name', 'attention', 'newest'].map((key) => html`<span key=${key} role="columnheader" aria-sort=${sort === key ? (key === 'name' ? 'ascending' : 'descending') : undefined}>
          <button class="sort" title=${`Sort: ${sorts[key][0].toLowerCase()}`} onClick=${() => order(key)}>${sorts[key][1]}${sort === key && html`<span aria-hidden="true">${key === 'name' ? '↑' : '↓'}</span>`}</button></span>`)}
        <span role="columnheader">Stored</span><span role="columnheader"><span class="hidden">Actions</span></span></div>
      ${shown.map((r) => html`<${Row} key=${r.repository.id} ...${r} who=${who} reload=${reload} late=${late}
        follow=${r.session?.state === 'Synchronizing' && ++streams <= maxStreams} />`)}</div>
    ${shown.length === 0 && html`<p class="quiet-text">No repository fits “${filter}”.</p>`}
  </section>`;
}

function Row({ repository, session: listed, hosts, points, hidden, who, reload, follow, late }) {
  const followed = useSession(follow ? listed : null);
  const session = followed ?? listed;
  const s = standing(repository, session);
  return html`<div class="repository ${s.kind}" role="row">
    <div class="repository-name" role="cell"><a href="/repositories/${repository.id}"><${Name} text=${repository.name} /></a>${repository.copyOf && html`<span class="badge managed">copy</span>`}
      ${repository.description && html`<span class="quiet-text cut" title=${visible(repository.description)}><bdi>${visible(repository.description)}</bdi></span>`}</div>
    <div class="repository-state" role="cell"><${Status} standing=${s} session=${session} name=${repository.name} /></div>
    <div class="repository-hosts" role="cell"><${Hosts} hosts=${hosts} points=${points} hidden=${hidden} late=${(h) => late.has(`${repository.id} ${h.hostName}`)} /></div>
    <div class="repository-size" role="cell">${points > 0 && html`<${GrowthLine} id=${repository.id} settled=${settledBy(session)} />`}</div>
    <div class="repository-actions" role="cell">${allowed(who, 'synchronize') && (s.kind === 'running'
      ? html`<${StopButton} session=${session} name=${repository.name} reload=${reload} />`
      : html`<${SyncButton} id=${repository.id} name=${repository.name} reload=${reload} />`)}</div>
  </div>`;
}

export function Status({ standing: s, session, name }) {
  if (s.kind === 'running') {
    return html`<div class="running-state"><span class="badge running">${s.text}</span><span class="number">${session.progressPercent} %</span>
      <${Progress} percent=${session.progressPercent} label=${`Progress of ${visible(name)}`} /></div>`;
  }
  return html`<span class="badge ${s.kind}">${s.text}</span> ${s.since && html`<span class=${`quiet-text${s.seen ? ' seen' : ''}`}>${s.seen && 'looked at '}<${Ago} at=${s.since} /></span>`}`;
}

function Hosts({ hosts, points, hidden, late }) {
  const unseen = hidden > 0 && html`<span class="why-late">${plural(hidden, 'snapshot')} cannot be shown</span>`;
  if (hosts === null) return html`<span class="quiet-text">Not known until it is synchronized</span>`;
  if (!hosts) return html`<span class="quiet-text">…</span>`;
  if (hosts.length === 0) return html`<span class="quiet-text">No restore points</span> ${unseen}`;
  return html`<ul class="hosts">${hosts.slice(0, 3).map((h) => html`<li key=${h.hostName} class=${late(h) ? 'late' : ''}>
      <${Icon} name="host" size="15" /><${Name} text=${h.hostName} /> <span class="quiet-text"><${Ago} at=${h.point.backupTime} /></span></li>`)}</ul>
    <span class="quiet-text">${hosts.length > 3 ? `and ${plural(hosts.length - 3, 'more host')}, ` : ''}${plural(points, 'restore point')}</span> ${unseen}`;
}

