// Alarms in a list, with the answers to them.
import { useState } from 'preact/hooks';
import { html } from '../html.js';
import { allowed, post } from '../api.js';
import { badgeFor, byUrgency, kindOf, silenced, silences } from '../alarms.js';
import { useGet, useNow } from '../data.js';
import { FormDialog, Select, useForm } from '../forms.js';
import { sentence, span, visible } from '../format.js';
import { hasView } from '../router.js';
import { Ago, Button, Icon, Name, Problem, Time, notify } from '../ui.js';

/** @typedef {import('../alarms.js').Alarm} Alarm */

/** @param {{ alarms: Alarm[], who: any, reload: () => any, label: string, shown?: string, withMachine?: boolean, sorted?: boolean }} props */
export function AlarmList({ alarms, who, reload, label, shown, withMachine = true, sorted = true }) {
  const now = useNow();
  return html`<ul class="items alarms" aria-label=${label}>${(sorted ? byUrgency(alarms, now) : alarms).map((a) => html`<${Row} key=${a.id} alarm=${a} who=${who} reload=${reload} now=${now} open=${a.id === shown} withMachine=${withMachine} />`)}</ul>`;
}

// AlarmsOf shows the open alarms of a machine or a repository, if there are any.
/** @param {any} props */
export function AlarmsOf({ machine = '', repository = '', who }) {
  const alarms = useGet(`/v6/Alarms?state=Open&limit=1000${repository && `&repositoryId=${repository}`}`, { every: 15_000 });
  const found = (alarms.data?.results ?? []).filter((a) => !machine || a.machineId === machine);
  if (alarms.error?.status) return html`<${Problem} error=${alarms.error} retry=${alarms.reload} />`;
  if (found.length === 0) return null;
  return html`<section class="settings-section" aria-labelledby="alarms-title"><div class="section-head"><h2 id="alarms-title">Open alarms</h2></div>
    <${AlarmList} alarms=${found} who=${who} reload=${alarms.reload} label="Open alarms" withMachine=${!machine} /></section>`;
}

/** @param {{ alarm: Alarm, who: any, reload: () => any, now: number, open: boolean, withMachine: boolean }} props */
function Row({ alarm: a, who, reload, now, open, withMachine }) {
  const quiet = silenced(a, now);
  const calm = a.state === 'Open' && (Boolean(a.acknowledgedBy) || quiet);
  return html`<li class=${`alarm ${a.state === 'Open' ? a.severity.toLowerCase() : 'ended'}${calm ? ' calm' : ''}${open ? ' open' : ''}`}>
    <span class="badge ${a.state === 'Open' ? badgeFor(a.severity) : ''}">${a.severity}</span>
    <div class="item-text">
      <span class="item-title"><a href="/alarms/${a.id}">${kindOf(a)}</a>${withMachine && a.hostName && html`<${Host} alarm=${a} />`}${a.repositoryName && html`<span class="quiet-text cut">in <a href="/repositories/${a.repositoryId}"><${Name} text=${a.repositoryName} /></a></span>`}</span>
      <span class="alarm-text">${sentence(visible(a.message))}${a.link && hasView(a.link) && html` <a href=${a.link}>Look at it</a>`}</span>
      <span class="quiet-text">${a.state === 'Open'
        ? html`since <${Time} at=${a.startTime} />, <${Ago} at=${a.startTime} />`
        : html`<${Time} at=${a.startTime} />, ended after ${span(Date.parse(a.endTime ?? a.startTime) - Date.parse(a.startTime))}`}${a.reopened > 0 && `, began again ${a.reopened === 1 ? 'once' : `${a.reopened} times`}`}</span>
      ${(a.acknowledgedBy || a.note) && html`<span class="alarm-note"><${Icon} name="check" size="15" /> ${a.acknowledgedBy && html`Acknowledged by <${Name} text=${a.acknowledgedBy} />${a.acknowledgedTime && html` <${Ago} at=${a.acknowledgedTime} />`}`}${a.note && html`${a.acknowledgedBy ? ': ' : 'Note: '}<bdi>${visible(a.note)}</bdi>`}</span>`}
      ${quiet && html`<span class="alarm-note"><${Icon} name="quiet" size="15" /> Silenced until <${Time} at=${a.silencedUntil} /></span>`}
    </div>
    ${allowed(who, 'answer') && html`<${Answers} alarm=${a} quiet=${quiet} reload=${reload} />`}
  </li>`;
}

function Host({ alarm }) {
  return alarm.machineId ? html`<a class="cut" href="/machines/${alarm.machineId}"><${Name} text=${alarm.hostName} /></a>` : html`<${Name} text=${alarm.hostName} />`;
}

function Answers({ alarm, quiet, reload }) {
  const [dialog, setDialog] = useState('');
  const close = () => setDialog('');
  const about = `${kindOf(alarm)}${alarm.hostName ? ` of ${visible(alarm.hostName)}` : ''}`;
  return html`<div class="actions">
    ${(!alarm.acknowledgedBy || alarm.state === 'Open') && html`<${Button} kind=${alarm.acknowledgedBy ? 'quiet small' : 'small'} icon="check" aria-label=${`${alarm.acknowledgedBy ? 'Change the note on' : 'Acknowledge'} ${about}`} onClick=${() => setDialog('acknowledge')}>${alarm.acknowledgedBy ? 'Note' : 'Acknowledge'}<//>`}
    ${alarm.state === 'Open' && (quiet
      ? html`<${Button} kind="quiet small" icon="bell" aria-label=${`End the silence of ${about}`} onClick=${async () => { await post(`/v6/Alarms/${alarm.id}/Silence`, { until: null }); await reload(); }}>End silence<//>`
      : html`<${Button} kind="quiet small" icon="quiet" aria-label=${`Silence ${about}`} onClick=${() => setDialog('silence')}>Silence<//>`)}
    ${dialog === 'acknowledge' && html`<${Acknowledge} alarm=${alarm} reload=${reload} onClose=${close} />`}
    ${dialog === 'silence' && html`<${Silence} alarm=${alarm} reload=${reload} onClose=${close} />`}
  </div>`;
}

function Acknowledge({ alarm, reload, onClose }) {
  const { form, field } = useForm({ note: alarm.note ?? '' });
  const submit = async () => {
    await post(`/v6/Alarms/${alarm.id}/Acknowledge`, { note: form.note.trim() });
    await reload();
  };
  return html`<${FormDialog} title="Acknowledge the alarm" action="Acknowledge" onSubmit=${submit} onClose=${onClose}>
    <p class="quiet-text wrap-name">${sentence(visible(alarm.message))}</p>
    <label>Note <span class="quiet-text">(optional)</span><textarea ...${field('note')} maxLength="1900" placeholder="The disk is being changed"></textarea></label>
    <p class="quiet-text">The alarm keeps your name. You are still told when it worsens or ends.</p>
  <//>`;
}

function Silence({ alarm, reload, onClose }) {
  const { form, field, change } = useForm({ hours: '24', until: '', note: alarm.note ?? '' });
  const submit = async () => {
    const until = form.hours ? new Date(Date.now() + Number(form.hours) * 3600_000) : new Date(form.until);
    if (Number.isNaN(until.getTime())) throw new Error('Give the day and the time at which the silence ends.');
    await post(`/v6/Alarms/${alarm.id}/Silence`, { until: until.toISOString(), ...(form.note.trim() && { note: form.note.trim() }) });
    notify('Nobody is told of it until then.');
    await reload();
  };
  return html`<${FormDialog} title="Silence the alarm" action="Silence" onSubmit=${submit} onClose=${onClose}>
    <p class="quiet-text wrap-name">${sentence(visible(alarm.message))}</p>
    <${Select} label="For" value=${form.hours} options=${[...silences, ['', 'Until…']]} onChange=${(hours) => change({ hours })} />
    ${!form.hours && html`<label>Until<input type="datetime-local" required ...${field('until')} /></label>`}
    <label>Note <span class="quiet-text">(optional)</span><textarea ...${field('note')} maxLength="1900"></textarea></label>
    <p class="quiet-text">Nobody is told of the alarm until then, whatever happens to it. It stays in the list.</p>
  <//>`;
}
