// One repository: its state, its restore points on a timeline, its sessions and
// their logs.
import { useEffect, useRef, useState } from 'preact/hooks';
import { html } from '../html.js';
import { allowed, get, remove } from '../api.js';
import { renewed, useData, useGet } from '../data.js';
import { useSession } from '../follow.js';
import { bytes, plural, sentence, visible } from '../format.js';
import { Managed } from '../forms.js';
import { archiveText, removalText, rightsText } from '../immutability.js';
import { useKept } from '../kept.js';
import { lazy } from '../lazy.js';
import { useHidden, usePoints, useRepositories } from '../resources.js';
import { navigate } from '../router.js';
import { scheduleText, standing } from '../status.js';
import { whereOf } from '../storages.js';
import { Term } from '../terms.js';
import { Ago, Button, Confirm, Heading, Loading, Name, Problem, Tabs, notify } from '../ui.js';
import { Status, StopButton, SyncButton, settledBy } from './overview.js';
import { Edit } from './edit.js';
import { Hidden } from './hidden.js';
import { Points } from './points.js';
import { Sessions } from './sessions.js';
import { Trouble } from './trouble.js';

const AlarmsOf = lazy(() => import('./alarmlist.js'), 'AlarmsOf');
const Schedule = lazy(() => import('./schedule.js'), 'Schedule');
const Growth = lazy(() => import('./growth.js'), 'Growth');

/** @typedef {import('../resources.js').Repository} Repository */
/** @typedef {import('../resources.js').Point} Point */
/** @typedef {import('../resources.js').Session} Session */

// useRepository loads a repository and its latest session, and follows the
// session.
function useRepository(id, limit) {
  const state = useData(
    async (signal) => {
      const [repository, sessions] = await Promise.all([
        get(`/v6/BackupRepositories/${id}`, { signal }),
        get(`/v6/BackupRepositories/${id}/SynchronizeSessions?limit=${limit}`, { signal }),
      ]);
      return { repository, sessions };
    },
    [`repository ${id}`, limit],
    { every: 5000 },
  );
  const newest = state.data?.sessions[0];
  const session = useSession(newest);
  // The events show the end of a session first; the other data follows here.
  const settled = state.data && settledBy(session);
  const before = useRef(settled);
  useEffect(() => {
    if (before.current && settled !== before.current) renewed();
    before.current = settled;
  }, [settled]);
  return { ...state, session, settled };
}

export function Repository({ id, tab = 'points', session: shown = undefined, params, who }) {
  const [limit, setLimit] = useKept('sessions', 50);
  const { data, error, reload, session, settled } = useRepository(id, limit);
  // Before the end of its first session it has none.
  const blank = !data || (data.repository.isOutOfSync && data.sessions.length <= 1 && session?.state !== 'None' && session?.state !== 'Failed');
  const points = usePoints(id, { off: blank });
  const missing = points.error?.status === 409;
  const waits = blank || (missing && session?.state === 'Synchronizing'); // until the first ones are found
  const alarms = useGet(`/v6/Alarms?state=Open&repositoryId=${id}&limit=1`, { every: 15_000 });
  const hidden = useHidden(id, { off: !points.data || waits || missing, every: 15_000 });
  if (!data) {
    return html`<${Heading} title="Repository" />${error
      ? html`<${Problem} error=${error} retry=${error.status === 404 ? null : reload} /><p><a href="/">Go to the overview</a></p>` : html`<${Loading} />`}`;
  }
  const { repository } = data;
  const sessions = session ? data.sessions.map((s) => (s.id === session.id ? session : s)) : data.sessions;
  const base = `/repositories/${id}`;
  const tabs = [[base, 'Restore points'], [`${base}/growth`, 'Growth'], [`${base}/sessions`, 'Sessions']];
  return html`
    <${Heading} title=${repository.name} above=${html`<a class="crumb" href="/">Overview</a>`}>
      <${Actions} repository=${repository} session=${session} who=${who} reload=${reload} />
    <//>
    <${Problem} error=${error?.status ? error : null} retry=${reload} />
    <${Summary} repository=${repository} session=${session} points=${missing ? undefined : points.data} hidden=${hidden.data?.length ?? 0} />
    ${points.data && !waits && !missing && html`<${Hidden} hidden=${hidden} points=${points.data} />`}
    ${alarms.data?.total > 0 && html`<${AlarmsOf} repository=${id} who=${who} />`}
    <${Tabs} label="Repository" tabs=${tabs} current=${tab === 'points' ? base : `${base}/${tab}`} />
    ${tab === 'growth' ? html`<${Growth} repositoryId=${id} params=${params} settled=${settled} />` : tab === 'sessions'
      ? html`<${Sessions} repositoryId=${id} sessions=${sessions} shown=${shown}
          more=${sessions.length === limit && limit < 1000 ? () => setLimit(Math.min(1000, 4 * limit)) : null} />`
      : html`<${Trouble} error=${waits ? null : points.error} retry=${() => { reload(); points.reload(); }} repositoryId=${id} name=${repository.name} who=${who} />
          ${(points.data && !missing) || waits ? html`<${Points} repository=${repository} points=${waits ? [] : points.data} hidden=${hidden.data ?? []} params=${params} session=${session} />`
            : !points.error && html`<${Loading} what="Loading the restore points" />`}`}`;
}

function Actions({ repository, session, who, reload }) {
  const [asking, setAsking] = useState(false);
  const [editing, setEditing] = useState(false);
  const [timing, setTiming] = useState(false);
  const manages = allowed(who, 'manage') && !repository.managedBy;
  const running = session?.state === 'Synchronizing';
  return html`
    ${allowed(who, 'synchronize') && (running
      ? html`<${StopButton} kind="" session=${session} name=${repository.name} reload=${reload} />`
      : html`<${SyncButton} kind="primary" id=${repository.id} name=${repository.name} reload=${reload} />`)}
    ${manages && html`<${Button} icon="edit" kind="quiet" onClick=${() => setEditing(true)}>Edit<//>
      <${Button} icon="history" kind="quiet" onClick=${() => setTiming(true)}>Schedule<//>`}
    ${timing && html`<${Schedule} repository=${repository} reload=${reload} onClose=${() => setTiming(false)} />`}
    ${editing && html`<${Edit} repository=${repository} reload=${reload} onClose=${() => setEditing(false)} />`}
    ${manages && html`<${Button} icon="trash" kind="quiet" onClick=${() => setAsking(true)}>Remove<//>`}
    ${asking && html`<${Confirm} title=${`Remove ${repository.name}?`} action="Remove" onClose=${() => setAsking(false)}
      onConfirm=${async () => {
        await remove(`/v6/BackupRepositories/${repository.id}`);
        notify(`${repository.name} is no longer attached.`);
        navigate('/');
      }}>
      <p>Syncline forgets its catalog and its sessions. The backups themselves stay as they are, and the repository can be added again.</p>
    <//>`}`;
}

/** @param {{ repository: Repository, session: Session, points: Point[] | undefined, hidden: number }} props */
function Summary({ repository, session, points, hidden }) {
  const s = standing(repository, session);
  const hosts = points && new Set(points.map((p) => p.hostName)).size;
  return html`<div class="summary card">
    <div><span class="label">State<${Term} of="sync" /></span><${Status} standing=${s} session=${session} name=${repository.name} /></div>
    ${repository.managedBy && html`<div><span class="label">Declared</span><${Managed} by=${repository.managedBy} /></div>`}
    ${repository.copyOf && html`<div><span class="label">Copy of</span><${Copies} of=${repository.copyOf} /></div>`}
    <div><span class="label">Checks</span>${sentence(scheduleText(repository.synchronization))}${repository.lastCheckTime && html` <span class="quiet-text">last <${Ago} at=${repository.lastCheckTime} /></span>`}${repository.nextCheckTime && html`<span class="quiet-text">${repository.lastCheckTime ? ', ' : ' '}${Date.parse(repository.nextCheckTime) > Date.now() ? 'next' : 'was due'} <${Ago} at=${repository.nextCheckTime} /></span>`}${repository.synchronization.enabled && !repository.nextCheckTime && html`<span class="quiet-text">${repository.lastCheckTime ? ', ' : ' '}none planned</span>`}</div>
    ${repository.objectStorageId && html`<${Storage} id=${repository.objectStorageId} />`}
    ${repository.immutability && html`<${Removal} found=${repository.immutability} />`}
    ${repository.path && html`<div class="grow"><span class="label">Folder on the server</span><${Name} text=${repository.path} /></div>`}
    ${points && html`<div><span class="label">Restore points<${Term} of="restorePoint" /></span>${plural(points.length, 'restore point')} of ${plural(hosts, 'host')}${hidden > 0 && ` and ${plural(hidden, 'snapshot')} that cannot be shown`}</div>`}
    ${repository.freeSpaceBytes != null && html`<div><span class="label">Free space</span>${bytes(repository.freeSpaceBytes)} of ${bytes(repository.capacityBytes)}</div>`}
    ${(s.kind === 'failed' || s.kind === 'running' || s.kind === 'behind' || s.kind === 'unknown') && s.why && html`<p class=${s.kind === 'failed' ? 'why' : ''}>${sentence(visible(s.why))}</p>`}
    ${repository.description && html`<p class="quiet-text"><bdi>${visible(repository.description)}</bdi></p>`}
  </div>`;
}

// Removal says what the storage told of the removal of files.
function Removal({ found }) {
  return html`<div class="grow"><span class="label">Removal of files</span>${visible(removalText(found))} <span class="quiet-text">looked <${Ago} at=${found.checkedTime} /></span></div>
    ${found.rule && html`<div class="grow"><span class="label">Rule for new files</span>${visible(found.rule)}</div>`}
    ${found.archived > 0 && html`<div class="grow"><span class="label">Archive</span>${visible(archiveText(found))}</div>`}
    <div><span class="label">Rights of the account</span>${rightsText(found)}</div>`;
}

// Copies names the other attached repositories with the same content.
function Copies({ of }) {
  const repositories = useRepositories();
  return of.map((id, i) => html`${i > 0 && ', '}<a key=${id} href="/repositories/${id}"><${Name} text=${repositories.data?.find((r) => r.id === id)?.name ?? 'another'} /></a>`);
}

// Storage says where in object storage the repository lies.
function Storage({ id }) {
  const { data } = useGet(`/v6/objectstoragerepositories/${id}`);
  if (!data) return null;
  const { at, path } = whereOf(data);
  return html`<div class="grow"><span class="label">${visible(at)}</span><${Name} text=${path} /></div>`;
}
