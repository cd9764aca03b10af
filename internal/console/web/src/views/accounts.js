// The accounts for object storage, with the places that each opens.
import { useState } from 'preact/hooks';
import { html } from '../html.js';
import { post, put, remove } from '../api.js';
import { useGet } from '../data.js';
import { FormDialog, Managed, Select, useForm } from '../forms.js';
import { plural, visible } from '../format.js';
import { useRepositories } from '../resources.js';
import { choicesOf, folderField, folderOf, nameOf, whereOf, withoutField } from '../storages.js';
import { Button, Confirm, Empty, Icon, Loading, Name, Problem, notify } from '../ui.js';
import { AccountFields, PlaceFields, accountBody, fieldsOf, methodOf, placeSettings, useKinds } from './kindfields.js';

export function Accounts() {
  const accounts = useGet('/v6/Accounts');
  const storages = useGet('/v6/objectstoragerepositories');
  const repositories = useRepositories();
  const kinds = useKinds();
  const [adding, setAdding] = useState(false);
  const all = [accounts, storages, repositories, kinds];
  const reload = () => Promise.all(all.map((q) => q.reload()));
  const error = all.map((q) => q.error).find((e) => e?.status);
  const ready = accounts.data && storages.data && repositories.data && kinds.data;
  return html`<section class="settings-section" aria-labelledby="accounts-title">
    <div class="section-head"><h2 id="accounts-title">Storage accounts</h2><${Button} kind="primary small" icon="plus" onClick=${() => setAdding(true)}>Add an account<//></div>
    <${Problem} error=${error} retry=${reload} />
    ${!ready && !error && html`<${Loading} />`}
    ${ready && accounts.data.length === 0 && html`<${Empty} title="No accounts"><p>An account opens storage elsewhere. Repositories in folders of the server need none.</p><//>`}
    ${ready && accounts.data.length > 0 && html`<ul class="items" aria-labelledby="accounts-title">${accounts.data.map((a) => html`<${Account} key=${a.id} account=${a} kinds=${kinds.data}
      storages=${storages.data.filter((s) => s.accountId === a.id)} accounts=${accounts.data} repositories=${repositories.data} reload=${reload} />`)}</ul>`}
    ${adding && ready && html`<${Change} kinds=${kinds.data} onClose=${() => setAdding(false)} reload=${reload} />`}
  </section>`;
}

function Account({ account, kinds, storages, accounts, repositories, reload }) {
  const [dialog, setDialog] = useState('');
  const close = () => setDialog('');
  const kind = kinds.find((k) => k.accountType === account.accountType);
  const title = nameOf(account, kind?.title ?? account.accountType);
  const name = visible(title);
  return html`<li>
    <div class="item-text"><span class="item-title"><${Name} text=${title} /><${Managed} by=${account.managedBy} /></span>
      <span class="quiet-text">${visible(kind?.title ?? account.accountType)}${kind?.methods.length > 1 && `, ${methodOf(kind, account.method).title.toLowerCase()}`}${account.userName && account.description && account.description !== account.userName && html` · <${Name} text=${account.userName} />`}${
        account.limitDownloadKBs > 0 && ` · at most ${account.limitDownloadKBs} KiB/s`}${account.maxConnections > 0 && ` · at most ${plural(account.maxConnections, 'connection')}`}</span></div>
    ${!account.managedBy && html`<div class="actions">
      <${Button} kind="quiet small" icon="edit" aria-label=${`Edit ${name}`} onClick=${() => setDialog('edit')}>Edit<//>
      <${Button} kind="quiet small" icon="trash" disabled=${storages.length > 0} title=${storages.length > 0 ? 'A place in storage uses it' : undefined} aria-label=${`Remove ${name}`} onClick=${() => setDialog('remove')}>Remove<//></div>`}
    ${storages.length > 0 && html`<ul class="under" aria-label=${`Places of ${name}`}>${storages.map((s) => html`<${Place} key=${s.id} storage=${s} kind=${kind} accounts=${accounts} repository=${repositories.find((r) => r.objectStorageId === s.id)} reload=${reload} />`)}</ul>`}
    ${dialog === 'edit' && html`<${Change} account=${account} kinds=${kinds} reload=${reload} onClose=${close} />`}
    ${dialog === 'remove' && html`<${Confirm} title=${`Remove ${title}?`} action="Remove" onClose=${close} onConfirm=${async () => {
      await remove(`/v6/Accounts/${account.id}`);
      await reload();
    }}><p>Syncline forgets the credentials. Nothing changes in the storage.</p><//>`}
  </li>`;
}

function Place({ storage, kind, accounts, repository, reload }) {
  const [dialog, setDialog] = useState('');
  const close = () => setDialog('');
  const { at, path } = whereOf(storage);
  return html`<li><${Icon} name="space" size="15" />
    <div class="item-text"><span class="item-title"><${Name} text=${path} /><${Managed} by=${storage.managedBy} /></span>
      <span class="quiet-text">${visible(at)} · ${repository ? html`<a href="/repositories/${repository.id}"><${Name} text=${repository.name} /></a>` : 'no repository is attached in it'}</span></div>
    ${!storage.managedBy && html`<div class="actions">
      <${Button} kind="quiet small" aria-label=${`Edit the place ${visible(path)}`} onClick=${() => setDialog('edit')}>Edit<//>
      ${!repository && html`<${Button} kind="quiet small" aria-label=${`Remove the place ${visible(path)}`} onClick=${() => setDialog('remove')}>Remove<//>`}</div>`}
    ${dialog === 'edit' && html`<${ChangePlace} storage=${storage} kind=${kind} accounts=${accounts} reload=${reload} onClose=${close} />`}
    ${dialog === 'remove' && html`<${Confirm} title=${`Remove ${path}?`} action="Remove" onClose=${close} onConfirm=${async () => {
      await remove(`/v6/objectstoragerepositories/${storage.id}`);
      await reload();
    }}><p>Syncline forgets the place. Nothing changes in the storage.</p><//>`}
  </li>`;
}

// numberOf reads an optional number, which 0 leaves without a bound.
const numberOf = (text) => (text === '' ? 0 : Number(text));

/** @param {any} props */
function Change({ account = undefined, kinds, onClose, reload }) {
  const { form, field, change } = useForm({
    type: account?.accountType ?? 'amazonS3CompatibleAccount', method: account?.method ?? '', userName: account?.userName ?? '', settings: account?.settings ?? {}, secrets: {},
    description: account?.description ?? '', connections: account?.maxConnections || '', speed: account?.limitDownloadKBs || '',
  });
  const kind = kinds.find((k) => k.accountType === form.type);
  const submit = async () => {
    const body = { ...accountBody(kind, form, account), description: form.description.trim(), maxConnections: numberOf(form.connections), limitDownloadKBs: numberOf(form.speed) };
    if (account) await put(`/v6/Accounts/${account.id}`, body);
    else await post('/v6/Accounts', body);
    notify(account ? 'Saved.' : 'The account is added. “Add a repository” uses it.');
    await reload();
  };
  return html`<${FormDialog} title=${account ? `Edit ${nameOf(account, kind.title)}` : 'Add an account'} action=${account ? 'Save' : 'Add'} busyText="Checking…" inWords=${(message) => withoutField(message, fieldsOf(kind, form.method))} onSubmit=${submit} onClose=${onClose}>
    ${!account && html`<${Select} label="Kind of storage" value=${form.type} options=${kinds.map((k) => [k.accountType, k.title])} onChange=${(type) => change({ type, method: '', settings: {}, secrets: {} })} />`}
    <${AccountFields} key=${form.type} kind=${kind} form=${form} change=${change} account=${account} />
    <label>Description<input ...${field('description')} maxLength="1024" /></label>
    <div class="two-fields"><label>Connections at once<input type="number" min="0" max="1000" placeholder="32" ...${field('connections')} /></label>
      <label>KiB a second<input type="number" min="0" max="1000000000" placeholder="no bound" ...${field('speed')} /></label></div>
    <p class="quiet-text">${account ? 'Other credentials are tried with every place that uses the account before they are kept.' : 'Secrets are sealed when they are stored, and are never shown again. Rights to list and to read are enough.'}</p>
  <//>`;
}

// bodyOf is the API's form of a changed place.
function bodyOf(storage, kind, form) {
  const body = { name: form.name.trim(), accountId: form.accountId };
  if (!storage.address) return { ...body, [folderField(storage)]: form.folder.trim() };
  return { ...body, address: form.address.trim(), settings: placeSettings(kind, form.settings, true) };
}

function ChangePlace({ storage, kind, accounts, onClose, reload }) {
  const { form, field, change } = useForm({
    name: storage.name ?? '', accountId: storage.accountId, folder: folderOf(storage), address: storage.address ?? '', settings: storage.settings ?? {},
  });
  const fits = accounts.filter((a) => a.accountType === kind?.accountType);
  const submit = async () => {
    try {
      await put(`/v6/objectstoragerepositories/${storage.id}`, bodyOf(storage, kind, form));
    } catch (problem) {
      const { confirm, message } = /** @type {import('../api.js').ApiError} */ (problem);
      if (!confirm) throw problem;
      change({ settings: { ...form.settings, ...confirm } });
      throw new Error(`${message} It is filled in above: compare it, and save again where it is right.`, { cause: problem });
    }
    notify('Saved.');
    await reload();
  };
  return html`<${FormDialog} title="Edit a place in storage" busyText="Checking…" inWords=${(message) => withoutField(message, kind?.settings)} onSubmit=${submit} onClose=${onClose}>
    <label>Name<input ...${field('name')} required maxLength="255" /></label>
    ${storage.address ? html`<label>Address<input ...${field('address')} required maxLength="4096" spellCheck=${false} /></label>
      ${kind && html`<${PlaceFields} kind=${kind} settings=${form.settings} onChange=${(settings) => change({ settings })} />`}`
      : html`<p class="quiet-text wrap-name">${visible(whereOf(storage).at)}: <${Name} text=${whereOf({ ...storage, s3Folder: '', azureFolder: '', googleFolder: '' }).path} /></p>
        <label>Folder in it<input ...${field('folder')} maxLength="1024" spellCheck=${false} /></label>`}
    <${Select} label="Account" value=${form.accountId} options=${choicesOf(fits, kind)} onChange=${(accountId) => change({ accountId })} />
    <p class="quiet-text">Another account or place is tried before it is kept. On REST, SFTP and Swift a place on another host needs an account that is added for it, because a kept secret goes to no other host.</p>
  <//>`;
}
