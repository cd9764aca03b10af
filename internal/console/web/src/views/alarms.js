// The alarms: the open ones, the gravest first, and the history.
import { html } from '../html.js';
import { get, query } from '../api.js';
import { kinds } from '../alarms.js';
import { useData, useGet } from '../data.js';
import { count, visible } from '../format.js';
import { useRepositories } from '../resources.js';
import { setParams } from '../router.js';
import { Button, Empty, Heading, Loading, Problem, Tabs } from '../ui.js';
import { AlarmList } from './alarmlist.js';

const pageSize = 100;
const mostOpen = 1000;

export function Alarms({ alarm: shown = '', params, who }) {
  if (shown) return html`<${One} id=${shown} who=${who} />`;
  const ended = params.get('state') === 'Ended';
  const kind = kinds.some(([name]) => name === params.get('kind')) ? params.get('kind') : '';
  const repository = /^[\w-]+$/.test(params.get('repository') ?? '') ? params.get('repository') : '';
  const from = ended ? Math.max(0, Math.min(1_000_000, Number.parseInt(params.get('from') ?? '0', 10) || 0)) : 0;
  const limit = ended ? pageSize : mostOpen;
  const list = useData(
    (signal) => get(query('/v6/Alarms', { state: ended ? 'Ended' : 'Open', kind, repositoryId: repository, limit, offset: from || null }), { signal }),
    ['alarms', ended, kind, repository, from],
    { every: 10_000 },
  );
  const repositories = useRepositories();
  const choices = (repositories.data ?? []).toSorted((a, b) => a.name.localeCompare(b.name));
  const open = !ended && list.data && !list.old ? ` (${count(list.data.total)})` : '';
  const results = list.data && !(list.old && list.data.results.some((a) => (a.state === 'Ended') !== ended)) ? list.data.results : null;
  return html`
    <${Heading} title="Alarms" />
    <${Tabs} label="Alarms" tabs=${[['/alarms', `Open${open}`], ['/alarms?state=Ended', 'History']]} current=${ended ? '/alarms?state=Ended' : '/alarms'} />
    <div class="filters">
      <label><span>Kind</span><select value=${kind} onChange=${(e) => setParams({ kind: e.target.value, from: null })}>
        <option value="">All</option>${kinds.map(([name, text]) => html`<option key=${name} value=${name}>${text}</option>`)}</select></label>
      ${choices.length > 1 && html`<label><span>Repository</span><select value=${repository} onChange=${(e) => setParams({ repository: e.target.value, from: null })}>
        <option value="">All</option>${choices.map((r) => html`<option key=${r.id} value=${r.id}>${visible(r.name)}</option>`)}</select></label>`}
    </div>
    <${Problem} error=${list.error?.status ? list.error : null} retry=${list.reload} />
    ${!results && !list.error && html`<${Loading} />`}
    ${results?.length === 0 && html`<${Nothing} ended=${ended} filtered=${Boolean(kind || repository)} />`}
    ${results && results.length > 0 && html`<${AlarmList} alarms=${results} who=${who} reload=${list.reload} label=${ended ? 'Ended alarms' : 'Open alarms'} sorted=${!ended} />`}
    ${results && !ended && list.data.total > results.length && html`<p class="why-late">The newest ${count(results.length)} of ${count(list.data.total)} are listed.</p>`}
    ${results && ended && list.data.total > pageSize && html`<div class="pager">
      <${Button} kind="small" disabled=${from === 0} onClick=${() => setParams({ from: from > pageSize ? from - pageSize : null }, { replace: false })}>Newer<//>
      <${Button} kind="small" disabled=${from + pageSize >= list.data.total} onClick=${() => setParams({ from: from + pageSize }, { replace: false })}>Older<//>
      <span class="quiet-text">${count(from + 1)} to ${count(from + results.length)} of ${count(list.data.total)}</span></div>`}`;
}

function Nothing({ ended, filtered }) {
  if (filtered) return html`<${Empty} title="No alarm fits" />`;
  return ended ? html`<${Empty} title="No alarm has ended yet"><p>Ended alarms stay here for a year.</p><//>`
    : html`<${Empty} title="Nothing is wrong"><p>No alarm is open.</p><//>`;
}

// One shows the alarm that a notification leads to.
function One({ id, who }) {
  const alarm = useGet(`/v6/Alarms/${id}`, { every: 10_000 });
  return html`<${Heading} title="Alarm" above=${html`<a class="crumb" href="/alarms">Alarms</a>`} />
    <${Problem} error=${alarm.error?.status ? alarm.error : null} retry=${alarm.error?.status === 404 ? null : alarm.reload} />
    ${!alarm.data && !alarm.error && html`<${Loading} />`}
    ${alarm.data && html`<${AlarmList} alarms=${[alarm.data]} who=${who} reload=${alarm.reload} label="Alarm" shown=${id} />`}`;
}
