// One machine: its series of backups, how each stands, and the end of its watch.
import { useState } from 'preact/hooks';
import { html } from '../html.js';
import { allowed, post } from '../api.js';
import { useGet, useNow } from '../data.js';
import { bytes, plural, visible } from '../format.js';
import { badgeFor, measure, why, wordFor } from '../machines.js';
import { Ago, Button, Confirm, Heading, Icon, Loading, Name, Problem, Time, notify } from '../ui.js';
import { AlarmsOf } from './alarmlist.js';
import { RuleForm } from './ruleform.js';

export function Machine({ machine: id, who }) {
  const machine = useGet(`/v6/Machines/${id}`, { every: 15_000 });
  const m = machine.data;
  const crumb = html`<a class="crumb" href="/machines">Machines</a>`;
  if (!m) {
    return html`<${Heading} title="Machine" above=${crumb} />${machine.error
      ? html`<${Problem} error=${machine.error} retry=${machine.error.status === 404 ? null : machine.reload} />` : html`<${Loading} />`}`;
  }
  const watched = m.series.filter((s) => s.state !== 'Retired');
  return html`<${Heading} title=${m.hostName} above=${crumb}>
      ${allowed(who, 'answer') && m.series.length > 1 && html`<${Watch} id=${id} name=${m.hostName} retired=${watched.length === 0} all=${true} reload=${machine.reload} kind="" />`}
    <//>
    <${Problem} error=${machine.error?.status ? machine.error : null} retry=${machine.reload} />
    <div class="summary card"><div><span class="label">State</span><span class="badge ${badgeFor(m.state)}">${wordFor(m.state)}</span></div>
      <div><span class="label">Last backup</span>${m.lastBackupTime ? html`<${Time} at=${m.lastBackupTime} /> <span class="quiet-text"><${Ago} at=${m.lastBackupTime} /></span>` : 'none that counts'}</div>
      <div><span class="label">Series</span>${plural(m.series.length, 'series', 'series')}${watched.length < m.series.length && `, ${m.series.length - watched.length} retired`}</div></div>
    <section class="settings-section" aria-labelledby="series-title"><div class="section-head"><h2 id="series-title">Series</h2></div>
      <ul class="items" aria-labelledby="series-title">${m.series.map((s) => html`<${Series} key=${s.id} series=${s} host=${m.hostName} who=${who} reload=${machine.reload} />`)}</ul></section>
    <${AlarmsOf} machine=${m.id} who=${who} />`;
}

function Series({ series: s, host, who, reload }) {
  const now = useNow();
  const [ruling, setRuling] = useState(false);
  const paths = s.paths.map((p) => visible(p)).join(', ');
  return html`<li>
    <div class="item-text"><span class="item-title"><span class="badge ${badgeFor(s.state)}">${wordFor(s.state)}</span>${s.paths.map((p) => html`<${Name} key=${p} text=${p} />`)}${s.morePaths && html`<span class="quiet-text">and ${s.morePaths} more</span>`}
        ${(s.tags ?? []).map((t) => html`<span key=${t} class="tag"><${Name} text=${t} /></span>`)}</span>
      <span>${why(s, now)}</span>
      <span class="quiet-text">in <a href="/repositories/${s.repositoryId}?host=${encodeURIComponent(host)}"><${Name} text=${s.repositoryName} /></a>${
        s.lastBackupTime && html` · last backup <${Time} at=${s.lastBackupTime} />`}${s.lastSeenTime && s.lastSeenTime !== s.lastBackupTime && html`, seen <${Ago} at=${s.lastSeenTime} />`}${
        s.size !== undefined && ` · ${bytes(s.size)}`}${s.state !== 'Late' && s.state !== 'InTime' && s.rhythmSeconds ? ` · ${measure(s)}` : ''}</span>
      ${s.futureSnapshots && html`<span class="why-late"><${Icon} name="warning" size="15" /> ${plural(s.futureSnapshots, 'snapshot')} claim${s.futureSnapshots === 1 ? 's' : ''} a time in the future, and ${s.futureSnapshots === 1 ? 'does' : 'do'} not count: set the clock of the machine.</span>`}</div>
    <div class="actions">
      ${allowed(who, 'manage') && html`<${Button} kind="quiet small" icon="edit" aria-label=${`Add a rule for ${paths}`} onClick=${() => setRuling(true)}>Rule…<//>`}
      ${allowed(who, 'answer') && html`<${Watch} id=${s.id} name=${`${host}: ${s.paths.join(', ')}`} retired=${s.state === 'Retired'} reload=${reload} kind="quiet small" />`}</div>
    ${ruling && html`<${RuleForm} initial=${{ name: `${host}: ${s.paths.join(', ')}`.slice(0, 255), hostPattern: host, paths: s.morePaths ? [] : s.paths, repositoryId: s.repositoryId }} onClose=${() => setRuling(false)} reload=${reload} />`}
  </li>`;
}

// Watch ends the watch of a machine or a series, or begins it again.
/** @param {any} props */
function Watch({ id, name, retired, all = false, reload, kind }) {
  const [asking, setAsking] = useState(false);
  if (retired) {
    return html`<${Button} kind=${kind} icon="history" aria-label=${`Resume ${visible(name)}`} onClick=${async () => {
      await post(`/v6/Machines/${id}/Resume`);
      await reload();
    }}>Resume<//>`;
  }
  return html`<${Button} kind=${kind} icon="stop" aria-label=${`Retire ${visible(name)}`} onClick=${() => setAsking(true)}>Retire<//>
    ${asking && html`<${Confirm} title=${`Retire ${name}?`} action="Retire" onClose=${() => setAsking(false)} onConfirm=${async () => {
      await post(`/v6/Machines/${id}/Retire`);
      notify('It is not watched any more.');
      await reload();
    }}><p>${all ? 'None of its series is' : 'The series is not'} watched any more, and open alarms about it end. Its restore points stay. A new backup begins the watch again.</p><//>`}`;
}
