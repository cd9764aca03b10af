// The first things on the overview: how the machines are, and everything that
// needs attention.
import { html } from '../html.js';
import { allowed } from '../api.js';
import { kindOf } from '../alarms.js';
import { useNow } from '../data.js';
import { count, plural, sentence, visible } from '../format.js';
import { useKept } from '../kept.js';
import { headline } from '../machines.js';
import { concerns } from '../status.js';
import { Ago, Icon, Name, Problem } from '../ui.js';
import { SyncButton } from './overview.js';

// MachinesLine says how many machines are backed up in time.
/** @param {{ machines: import('../data.js').Loaded<any> }} props */
export function MachinesLine({ machines }) {
  if (machines.error?.status) return html`<${Problem} error=${{ message: `It is not known whether the machines are backed up in time: ${machines.error.message}` }} retry=${machines.reload} />`;
  if (!machines.data) return null;
  const s = machines.data.summary;
  if (s.machines + s.retired === 0) return null;
  const { text, kind } = headline(s);
  const part = (n, state, word) => n > 0 && html`<a href="/machines?state=${state}">${count(n)} ${word}</a>`;
  return html`<div class="machine-line ${kind}"><a class="plain" href="/machines"><strong>${text}</strong></a>
    <span class="machine-parts">${part(s.late, 'Late', 'late')}${part(s.unknown, 'Unknown', 'not known')}${part(s.retired, 'Retired', 'retired')}${s.unwatchedSeries > 0 && html`<span class="why-late">${plural(s.unwatchedSeries, 'series', 'series')} not watched</span>`}</span></div>`;
}

/** @param {any} props */
export function Attention({ rows, alarms, who, reload }) {
  const [all, setAll] = useKept('concerns', false);
  const now = useNow(30_000);
  const list = concerns(rows, alarms.data?.results ?? [], now);
  const failed = alarms.error?.status && html`<${Problem} error=${{ message: `The alarms are not known: ${alarms.error.message}` }} retry=${alarms.reload} />`;
  if (list.length === 0) return failed || null;
  const shown = all ? list : list.slice(0, 5);
  return html`${failed}<section class="attention" aria-labelledby="attention-title">
    <h2 id="attention-title">Needs attention</h2>
    <ul>${shown.map((c) => html`<li key=${c.key} class=${c.kind}>
      <${Icon} name=${c.kind === 'failed' ? 'error' : 'warning'} />
      <div class="grow">${c.alarm ? html`<${About} alarm=${c.alarm} />` : html`<a href="/repositories/${c.repository.id}"><${Name} text=${c.name} /></a><span>: ${sentence(visible(c.text))}</span>`}
        ${c.since && html` <span class="quiet-text"><${Ago} at=${c.since} /></span>`}</div>
      ${c.repository && c.kind !== 'unknown' && allowed(who, 'synchronize') && html`<${SyncButton} id=${c.repository.id} name=${c.name} reload=${reload} />`}
    </li>`)}</ul>
    ${list.length > 5 && html`<button class="quiet small" onClick=${() => setAll(!all)}>${all ? 'Show fewer' : `Show all ${count(list.length)}`}</button>`}
  </section>`;
}

function About({ alarm }) {
  return html`<a href="/alarms/${alarm.id}">${kindOf(alarm)}</a>${alarm.hostName && html` of <${Name} text=${alarm.hostName} />`}${alarm.repositoryName && html` in <${Name} text=${alarm.repositoryName} />`}<span>: ${sentence(visible(alarm.message))}</span>`;
}
