// The passwords of the repositories, which the API calls encryption keys.
import { useState } from 'preact/hooks';
import { html } from '../html.js';
import { post, put, remove } from '../api.js';
import { useGet } from '../data.js';
import { FormDialog, Managed, useForm } from '../forms.js';
import { visible } from '../format.js';
import { useRepositories } from '../resources.js';
import { Button, Confirm, Empty, Loading, Name, Problem, notify } from '../ui.js';

export function Keys() {
  const keys = useGet('/v6/EncryptionKeys');
  const repositories = useRepositories();
  const [adding, setAdding] = useState(false);
  const error = [keys.error, repositories.error].find((e) => e?.status);
  const ready = keys.data && repositories.data;
  const reload = () => Promise.all([keys.reload(), repositories.reload()]);
  return html`<section class="settings-section" aria-labelledby="keys-title">
    <div class="section-head"><h2 id="keys-title">Repository passwords</h2><${Button} kind="primary small" icon="plus" onClick=${() => setAdding(true)}>Add a password<//></div>
    <p class="quiet-text">restic encrypts each repository with a password. Syncline keeps it sealed, and never shows it again.</p>
    <${Problem} error=${error} retry=${reload} />
    ${!ready && !error && html`<${Loading} />`}
    ${ready && keys.data.length === 0 && html`<${Empty} title="No passwords"><p>Adding a repository adds its password.</p><//>`}
    ${ready && keys.data.length > 0 && html`<ul class="items" aria-labelledby="keys-title">${keys.data.map((k) => html`<${Key} key=${k.id} one=${k} used=${(repositories.data ?? []).filter((r) => r.encryptionKeyId === k.id)} reload=${reload} />`)}</ul>`}
    ${adding && html`<${Add} onClose=${() => setAdding(false)} reload=${reload} />`}
  </section>`;
}

function Key({ one, used, reload }) {
  const [dialog, setDialog] = useState('');
  const close = () => setDialog('');
  const title = one.description || one.id;
  return html`<li>
    <div class="item-text"><span class="item-title"><${Name} text=${title} /><${Managed} by=${one.managedBy} /></span>
      <span class="quiet-text">${used.length === 0 ? 'Not used' : html`Opens ${used.slice(0, 4).map((r, i) => html`${i > 0 && ', '}<a key=${r.id} href="/repositories/${r.id}"><${Name} text=${r.name} /></a>`)}${used.length > 4 && ` and ${used.length - 4} more`}`}</span></div>
    ${!one.managedBy && html`<div class="actions">
      <${Button} kind="quiet small" icon="edit" aria-label=${`Edit ${visible(title)}`} onClick=${() => setDialog('edit')}>Edit<//>
      <${Button} kind="quiet small" icon="trash" disabled=${used.length > 0} title=${used.length > 0 ? 'A repository uses it' : undefined} aria-label=${`Remove ${visible(title)}`} onClick=${() => setDialog('remove')}>Remove<//></div>`}
    ${dialog === 'edit' && html`<${Edit} one=${one} used=${used} reload=${reload} onClose=${close} />`}
    ${dialog === 'remove' && html`<${Confirm} title=${`Remove ${title}?`} action="Remove" onClose=${close} onConfirm=${async () => {
      await remove(`/v6/EncryptionKeys/${one.id}`);
      await reload();
    }}><p>Syncline forgets the password. No repository uses it.</p><//>`}
  </li>`;
}

function Edit({ one, used, reload, onClose }) {
  const { form, field, check } = useForm({ description: one.description, newPassword: '', force: false });
  const submit = async () => {
    await put(`/v6/EncryptionKeys/${one.id}`, { description: form.description.trim(), ...(form.newPassword && { newPassword: form.newPassword, force: form.force }) });
    notify('Saved.');
    await reload();
  };
  return html`<${FormDialog} title=${`Edit ${one.description || one.id}`} busyText="Checking…" onSubmit=${submit} onClose=${onClose}>
    <label>Description<input ...${field('description')} required maxLength="1024" /></label>
    <label>New password<input type="password" ...${field('newPassword')} maxLength="4096" autoComplete="off" placeholder="unchanged" /></label>
    <p class="quiet-text">Syncline changes the password that it keeps${used.length > 0 ? `, and tries it with ${used.length === 1 ? 'the repository' : 'each repository'} that it opens` : ''}. The repository’s own is changed with “restic key passwd”.</p>
    ${form.newPassword && used.length > 0 && html`<label class="check"><input ...${check('force')} />Keep it although a repository cannot be reached</label>`}
  <//>`;
}

function Add({ onClose, reload }) {
  const { form, field } = useForm({ description: '', password: '' });
  const submit = async () => {
    await post('/v6/EncryptionKeys', { description: form.description.trim(), password: form.password });
    notify('The password is added.');
    await reload();
  };
  return html`<${FormDialog} title="Add a password" action="Add" onSubmit=${submit} onClose=${onClose}>
    <label>Description<input ...${field('description')} required maxLength="1024" placeholder="Laptops" /></label>
    <label>Password<input type="password" ...${field('password')} required maxLength="4096" autoComplete="off" /></label>
    <p class="quiet-text">The password that restic is run with. It is tried when a repository is added with it.</p>
  <//>`;
}
