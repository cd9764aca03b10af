// The signed-in user, and the server.
import { useState } from 'preact/hooks';
import { html } from '../html.js';
import { allowed, put, signIn } from '../api.js';
import { base } from '../base.js';
import { useGet } from '../data.js';
import { FormDialog, useForm } from '../forms.js';
import { visible } from '../format.js';
import { useNodes } from '../nodefield.js';
import { stateOf } from '../nodes.js';
import { Button, Loading, Name, Problem, notify } from '../ui.js';

export const roles = [
  ['administrator', 'Administrator', 'may do everything'],
  ['operator', 'Operator', 'sees everything, synchronizes, answers alarms and follows restores'],
  ['restorer', 'Restorer', 'sees everything, downloads and restores files'],
  ['viewer', 'Viewer', 'sees everything and changes nothing'],
];

export function General({ who }) {
  return html`<${You} who=${who} /><${Server} />${allowed(who, 'manage') && html`<${Monitoring} />`}`;
}

function You({ who }) {
  const [changing, setChanging] = useState(false);
  const role = roles.find(([name]) => name === who.role);
  return html`<section class="card settings-section" aria-labelledby="you-title">
    <div class="section-head"><h2 id="you-title">You</h2><${Button} kind="small" icon="edit" onClick=${() => setChanging(true)}>Change password<//></div>
    <div class="facts-list"><div><span class="label">Name</span><${Name} text=${who.userName} /></div>
      <div><span class="label">Role</span>${role ? `${role[1]}: ${role[2]}` : visible(who.role)}</div></div>
    ${changing && html`<${OwnPassword} who=${who} onClose=${() => setChanging(false)} />`}
  </section>`;
}

function OwnPassword({ who, onClose }) {
  const { form, field } = useForm({ password: '', newPassword: '', again: '' });
  const submit = async () => {
    if (form.newPassword !== form.again) throw new Error('The new passwords differ. Type the same one twice.');
    await put(`/v6/Users/${encodeURIComponent(who.userName)}/Password`, { password: form.password, newPassword: form.newPassword });
    await signIn(who.userName, form.newPassword); // the change has ended all sign-ins
    notify('The password is changed. Your sign-ins elsewhere have ended.');
  };
  return html`<${FormDialog} title="Change your password" action="Change" onSubmit=${submit} onClose=${onClose}>
    <input type="text" autoComplete="username" value=${who.userName} hidden readOnly />
    <label>Present password<input type="password" ...${field('password')} required maxLength="4096" autoComplete="current-password" /></label>
    <label>New password<input type="password" ...${field('newPassword')} required maxLength="4096" autoComplete="new-password" /></label>
    <label>New password again<input type="password" ...${field('again')} required maxLength="4096" autoComplete="new-password" /></label>
    <p class="quiet-text">At least 12 characters, and none of the most common passwords. Programs that sign in with it need the new one.</p>
  <//>`;
}

function Server() {
  const instance = useGet('/v6/ServiceInstance');
  const nodes = useNodes();
  return html`<section class="card settings-section" aria-labelledby="server-title">
    <div class="section-head"><h2 id="server-title">Server</h2></div>
    <${Problem} error=${instance.error ?? nodes.error} retry=${() => { instance.reload(); nodes.reload(); }} />
    ${!instance.data && !instance.error && html`<${Loading} />`}
    ${instance.data && html`<div class="facts-list">
      <div><span class="label">Version</span>${visible(instance.data.version)}</div>
      <div><span class="label">Installation</span><code class="wrap-name"><${Name} text=${instance.data.installationId} /></code></div>
      ${(nodes.data ?? []).map((n) => html`<div key=${n.id}><span class="label">${(nodes.data ?? []).length > 1 ? 'Node' : 'Runs on'}</span><${Name} text=${n.hostName} /> <span class="badge ${stateOf(n).kind}">${stateOf(n).text}</span></div>`)}
    </div>`}
    <p class="quiet-text"><a href="/swagger" target="_blank" rel="noopener">The API and its description</a></p>
  </section>`;
}

// Monitoring tells where other programs look at the server.
function Monitoring() {
  const origin = location.origin + base;
  return html`<section class="card settings-section" aria-labelledby="monitoring-title">
    <div class="section-head"><h2 id="monitoring-title">Monitoring</h2></div>
    <div class="facts-list">
      <div><span class="label">Alive, without a sign-in</span><code class="wrap-name"><${Name} text="${origin}/healthz" /></code></div>
      <div><span class="label">Ready, without a sign-in</span><code class="wrap-name"><${Name} text="${origin}/readyz" /></code></div>
      <div><span class="label">Metrics for Prometheus</span><code class="wrap-name"><${Name} text="${origin}/metrics" /></code></div>
    </div>
    <p class="quiet-text">The metrics need a user’s token here, or the one of <code>serve --metrics-token-file</code>. <code>serve --metrics-listen</code> gives them an address of their own, without a token.</p>
  </section>`;
}
