// The users, for administrators.
import { useState } from 'preact/hooks';
import { html } from '../html.js';
import { post, put, remove } from '../api.js';
import { useGet } from '../data.js';
import { FormDialog, Managed, useForm } from '../forms.js';
import { visible } from '../format.js';
import { Ago, Button, Confirm, Icon, Loading, Name, Problem, notify } from '../ui.js';
import { roles } from './general.js';

const pathOf = (user) => `/v6/Users/${encodeURIComponent(user.name)}`;

export function Users({ who }) {
  const users = useGet('/v6/Users', { every: 30_000 });
  const [adding, setAdding] = useState(false);
  return html`<section class="settings-section" aria-labelledby="users-title">
    <div class="section-head"><h2 id="users-title">Users</h2><${Button} kind="primary small" icon="plus" onClick=${() => setAdding(true)}>Add a user<//></div>
    <${Problem} error=${users.error?.status ? users.error : null} retry=${users.reload} />
    ${!users.data && !users.error && html`<${Loading} />`}
    ${users.data && html`<ul class="items" aria-labelledby="users-title">${users.data.map((u) => html`<${User} key=${u.name} user=${u} who=${who} reload=${users.reload} />`)}</ul>`}
    ${adding && html`<${Add} onClose=${() => setAdding(false)} reload=${users.reload} />`}
  </section>`;
}

function User({ user, who, reload }) {
  const [dialog, setDialog] = useState('');
  const close = () => setDialog('');
  const own = user.name.toLowerCase() === who.userName.toLowerCase();
  const role = roles.find(([name]) => name === user.role);
  const name = visible(user.name);
  return html`<li>
    <div class="item-text"><span class="item-title"><${Name} text=${user.name} />${own && html`<span class="badge">you</span>`}<${Managed} by=${user.managedBy} /></span>
      <span class="quiet-text">${role ? `${role[1]}: ${role[2]}` : visible(user.role)} · added <${Ago} at=${user.createdTime} /></span></div>
    ${!user.managedBy && html`<div class="actions">
      <${Button} kind="quiet small" icon="edit" aria-label=${`Change the role of ${name}`} onClick=${() => setDialog('role')}>Role<//>
      ${!own && html`<${Button} kind="quiet small" icon="key" aria-label=${`Set a password for ${name}`} onClick=${() => setDialog('password')}>Password<//>`}
      ${!own && html`<${Button} kind="quiet small" icon="trash" aria-label=${`Remove ${name}`} onClick=${() => setDialog('remove')}>Remove<//>`}
    </div>`}
    ${dialog === 'role' && html`<${Role} user=${user} own=${own} reload=${reload} onClose=${close} />`}
    ${dialog === 'password' && html`<${Password} user=${user} reload=${reload} onClose=${close} />`}
    ${dialog === 'remove' && html`<${Confirm} title=${`Remove ${user.name}?`} action="Remove" onClose=${close} onConfirm=${async () => {
      await remove(pathOf(user));
      notify(`${user.name} is removed.`);
      reload();
    }}><p>The user is signed out everywhere at once. Alarms keep the name of the user who acknowledged them.</p><//>`}
  </li>`;
}

function RoleChoice({ value, onChange }) {
  return html`<fieldset class="choices roles"><legend>Role</legend>${roles.map(([name, text, rights]) => html`<label key=${name}>
    <input type="radio" name="role" value=${name} checked=${value === name} onChange=${() => onChange(name)} /><span>${text}<span class="quiet-text"> ${rights}</span></span></label>`)}</fieldset>`;
}

function Add({ onClose, reload }) {
  const { form, field, change } = useForm({ name: '', password: '', role: 'viewer' });
  const submit = async () => {
    await post('/v6/Users', { name: form.name.trim(), role: form.role, password: form.password });
    notify(`${form.name.trim()} is added.`);
    await reload();
  };
  return html`<${FormDialog} title="Add a user" action="Add" busyText="Adding…" onSubmit=${submit} onClose=${onClose}>
    <label>Name<input ...${field('name')} required maxLength="255" autoComplete="off" autoCapitalize="none" spellCheck=${false} /></label>
    <label>Password<input type="password" ...${field('password')} required maxLength="4096" autoComplete="off" /><span class="quiet-text">At least 12 characters, and none of the most common passwords.</span></label>
    <${RoleChoice} value=${form.role} onChange=${(role) => change({ role })} />
  <//>`;
}

function Role({ user, own, reload, onClose }) {
  const { form, change } = useForm({ role: user.role });
  const submit = async () => {
    if (form.role === user.role) return;
    await put(pathOf(user), { role: form.role });
    notify(`${user.name} has another role.`);
    await reload();
  };
  return html`<${FormDialog} title=${`Role of ${user.name}`} onSubmit=${submit} onClose=${onClose}>
    <${RoleChoice} value=${form.role} onChange=${(role) => change({ role })} />
    <p class="quiet-text">${own ? 'Another role signs you out at once.' : 'Another role signs the user out; signing in again brings the new rights.'}</p>
  <//>`;
}

function Password({ user, reload, onClose }) {
  const { form, field } = useForm({ password: '' });
  const submit = async () => {
    await put(pathOf(user), { password: form.password });
    notify(`${user.name} has another password.`);
    await reload();
  };
  return html`<${FormDialog} title=${`Password of ${user.name}`} action="Set" onSubmit=${submit} onClose=${onClose}>
    <label>New password<input type="password" ...${field('password')} required maxLength="4096" autoComplete="off" /></label>
    <p class="quiet-text"><${Icon} name="warning" size="15" /> The user is signed out everywhere at once, and needs the new password from you.</p>
  <//>`;
}

