// The nodes of the installation: their signs of life, and their maintenance mode.
import { useState } from 'preact/hooks';
import { html } from '../html.js';
import { post } from '../api.js';
import { visible } from '../format.js';
import { useNodes } from '../nodefield.js';
import { inMaintenance, loadOf, stateOf } from '../nodes.js';
import { Ago, Button, Confirm, Loading, Name, Problem, notify } from '../ui.js';

export function Nodes() {
  const nodes = useNodes();
  return html`<section class="settings-section" aria-labelledby="nodes-title">
    <div class="section-head"><h2 id="nodes-title">Nodes</h2></div>
    <p class="quiet-text">The servers that share this installation’s database. A node in maintenance takes no new work, ends what it runs, and goes on answering.</p>
    <${Problem} error=${nodes.error?.status ? nodes.error : null} retry=${nodes.reload} />
    ${!nodes.data && !nodes.error && html`<${Loading} />`}
    ${nodes.data && html`<ul class="items" aria-labelledby="nodes-title">${nodes.data.map((n) => html`<${Node} key=${n.id} one=${n} alone=${nodes.data?.length === 1} reload=${nodes.reload} />`)}</ul>`}
  </section>`;
}

function Node({ one, alone, reload }) {
  const [dialog, setDialog] = useState('');
  const close = () => setDialog('');
  const state = stateOf(one);
  const resting = inMaintenance(one);
  const maintain = async (on) => {
    await post(`/v6/Proxies/${one.id}/${on ? 'EnableMaintenanceMode' : 'DisableMaintenanceMode'}`);
    notify(on ? 'The node takes no new work.' : 'The node takes work again.');
    await reload();
  };
  return html`<li>
    <div class="item-text"><span class="item-title"><${Name} text=${one.hostName} /><span class="badge ${state.kind}">${state.text}</span></span>
      <span class="quiet-text wrap-name">${visible([one.address, one.version].filter(Boolean).join(', version '))}</span>
      <span class="quiet-text">${one.status === 'Online' ? loadOf(one) : html`Last sign of life <${Ago} at=${one.lastSeenTime} />`}</span></div>
    <div class="actions">
      <${Button} kind="quiet small" aria-label=${`${resting ? 'End the maintenance of' : 'Put into maintenance'} ${visible(one.hostName)}`} onClick=${() => (resting ? maintain(false) : setDialog('maintenance'))}>${resting ? 'End maintenance' : 'Maintenance'}<//>
      ${!alone && html`<${Button} kind="quiet small" icon="trash" disabled=${one.status === 'Online'} title=${one.status === 'Online' ? 'It runs' : undefined} aria-label=${`Remove ${visible(one.hostName)}`} onClick=${() => setDialog('remove')}>Remove<//>`}</div>
    ${dialog === 'maintenance' && html`<${Confirm} title=${`Put ${one.hostName} into maintenance?`} action="Put into maintenance" onClose=${close} onConfirm=${() => maintain(true)}>
      <p>It takes no new work until the maintenance ends, also after a restart.${alone ? ' It is the only node, so that nothing is synchronized meanwhile.' : ''}</p><//>`}
    ${dialog === 'remove' && html`<${Confirm} title=${`Remove ${one.hostName}?`} action="Remove" onClose=${close} onConfirm=${async () => {
      await post(`/v6/Proxies/${one.id}/Remove`, {});
      await reload();
    }}><p>The installation forgets the node. Restores that wait for it fail. It comes back when it is started again.</p><//>`}
  </li>`;
}
