// The channels of notifications: to whom the alarms are told.
import { useState } from 'preact/hooks';
import { html } from '../html.js';
import { post, put, remove } from '../api.js';
import { useGet } from '../data.js';
import { plural, sentence, visible } from '../format.js';
import { digestText, kinds, lacks, where } from '../notifications.js';
import { useRepositories } from '../resources.js';
import { Ago, Button, Confirm, Empty, Loading, Name, Problem, notify } from '../ui.js';
import { ChannelForm } from './channelform.js';
import { Deliveries } from './deliveries.js';

export function Channels() {
  const channels = useGet('/v6/NotificationChannels', { every: 15_000 });
  const [adding, setAdding] = useState(false);
  return html`<section class="settings-section" aria-labelledby="channels-title">
    <div class="section-head"><h2 id="channels-title">Notifications</h2><${Button} kind="primary small" icon="plus" onClick=${() => setAdding(true)}>Add a channel<//></div>
    <p class="quiet-text">A message goes out when an alarm begins, gets worse or ends. Alarms that begin together come in one message.</p>
    <${Problem} error=${channels.error?.status ? channels.error : null} retry=${channels.reload} />
    ${!channels.data && !channels.error && html`<${Loading} />`}
    ${channels.data?.length === 0 && html`<${Empty} title="Nobody is told of alarms"><p>Add a channel: e-mail, a webhook, an Alertmanager, a chat service, or a heartbeat.</p><//>`}
    ${channels.data?.length > 0 && html`<ul class="items" aria-labelledby="channels-title">${channels.data.map((c) => html`<${Channel} key=${c.id} channel=${c} reload=${channels.reload} />`)}</ul>`}
    ${adding && html`<${ChannelForm} onClose=${() => setAdding(false)} reload=${channels.reload} />`}
  </section>`;
}

// health says how the channel did last.
function Health({ channel: c }) {
  if (c.lastError) return html`<span class="why">Failed <${Ago} at=${c.lastFailedTime} />: ${sentence(visible(c.lastError))}</span>`;
  return html`<span class="quiet-text">${c.lastSentTime ? html`Last sent <${Ago} at=${c.lastSentTime} />` : 'Nothing has been sent yet'}</span>`;
}

function Channel({ channel: c, reload }) {
  const [dialog, setDialog] = useState('');
  const [shown, setShown] = useState(false);
  const [test, setTest] = useState(/** @type {any} */ (null));
  const repositories = useRepositories();
  const close = () => setDialog('');
  const name = visible(c.name);
  const path = `/v6/NotificationChannels/${c.id}`;
  const lack = lacks(c);
  const some = (c.repositoryIds ?? []).map((id) => repositories.data?.find((r) => r.id === id)?.name ?? (c.detachedRepositoryIds?.includes(id) ? 'a detached repository' : '…'));
  return html`<li>
    <div class="item-text"><span class="item-title"><${Name} text=${c.name} /><span class="badge">${kinds[c.kind]?.text ?? c.kind}</span>${!c.enabled && html`<span class="badge late">off</span>`}</span>
      <span class="quiet-text wrap-name"><${Name} text=${where(c)} />${c.kind !== 'Heartbeat' && html` · ${c.minimumSeverity === 'Info' ? 'every alarm' : c.minimumSeverity === 'Critical' ? 'critical alarms' : 'warnings and critical alarms'}${
        some.length > 0 && html` of ${some.slice(0, 3).map((n, i) => html`${i > 0 && ', '}<bdi>${visible(n)}</bdi>`)}${some.length > 3 && ` and ${plural(some.length - 3, 'more', 'more')}`}`}${c.digest && ` · digest ${digestText(c.digest)}`}`}</span>
      ${lack.text && html`<span class=${lack.mute ? 'why' : 'quiet-text'}>${lack.text}</span>`}
      ${test ? html`<p class=${test.result === 'Sent' ? 'good-text' : 'why'} role="status">${test.result === 'Sent' ? 'The test was taken by the receiver.' : sentence(visible(test.error ?? 'The test failed.'))}</p>` : html`<${Health} channel=${c} />`}</div>
    <div class="actions">
      <${Button} kind="small" aria-label=${`Test ${name}`} onClick=${async () => { setTest(null); setTest(await post(`${path}/Test`)); reload(); }}>Test<//>
      <${Button} kind="quiet small" aria-label=${`Log of ${name}`} aria-expanded=${shown} onClick=${() => setShown(!shown)}>Log<//>
      <${Button} kind="quiet small" aria-label=${`${c.enabled ? 'Turn off' : 'Turn on'} ${name}`} onClick=${async () => { await put(path, { ...c, enabled: !c.enabled }); await reload(); }}>${c.enabled ? 'Turn off' : 'Turn on'}<//>
      <${Button} kind="quiet small" icon="edit" aria-label=${`Edit ${name}`} onClick=${() => setDialog('edit')}>Edit<//>
      <${Button} kind="quiet small" icon="trash" aria-label=${`Remove ${name}`} onClick=${() => setDialog('remove')}>Remove<//></div>
    ${shown && html`<${Deliveries} id=${c.id} name=${c.name} />`}
    ${dialog === 'edit' && html`<${ChannelForm} channel=${c} onClose=${close} reload=${reload} />`}
    ${dialog === 'remove' && html`<${Confirm} title=${`Remove ${c.name}?`} action="Remove" onClose=${close} onConfirm=${async () => {
      await remove(path);
      notify(`${c.name} is removed.`);
      await reload();
    }}><p>Nobody is told of alarms this way any more. The log of the channel goes with it.</p><//>`}
  </li>`;
}
