// The accounts for object storage, with the places that each opens.
import { useState } from 'preact/hooks';
import { html } from '../html.js';
import { post, put, remove } from '../api.js';
import { useGet } from '../data.js';
import { FormDialog, Managed, Select, useForm } from '../forms.js';
import { plural, visible } from '../format.js';
import { useRepositories } from '../resources.js';
import { folderField, folderOf, whereOf } from '../storages.js';
import { Button, Confirm, Empty, Icon, Loading, Name, Problem, notify } from '../ui.js';
import { clouds } from './attachcloud.js';

const kindOf = (account) => Object.values(clouds).find((c) => c.account === account.accountType) ?? clouds.AmazonS3Compatible;

export function Accounts() {
  const accounts = useGet('/v6/Accounts');
  const storages = useGet('/v6/objectstoragerepositories');
  const repositories = useRepositories();
  const [adding, setAdding] = useState(false);
  const all = [accounts, storages, repositories];
  const reload = () => Promise.all(all.map((q) => q.reload()));
  const error = all.map((q) => q.error).find((e) => e?.status);
  const ready = accounts.data && storages.data && repositories.data;
  return html`<section class="settings-section" aria-labelledby="accounts-title">
    <div class="section-head"><h2 id="accounts-title">Storage accounts</h2><${Button} kind="primary small" icon="plus" onClick=${() => setAdding(true)}>Add an account<//></div>
    <${Problem} error=${error} retry=${reload} />
    ${!ready && !error && html`<${Loading} />`}
    ${ready && accounts.data.length === 0 && html`<${Empty} title="No accounts"><p>An account opens buckets and containers. Repositories in folders of the server need none.</p><//>`}
    ${ready && accounts.data.length > 0 && html`<ul class="items" aria-labelledby="accounts-title">${accounts.data.map((a) => html`<${Account} key=${a.id} account=${a}
      storages=${storages.data.filter((s) => s.accountId === a.id)} accounts=${accounts.data} repositories=${repositories.data} reload=${reload} />`)}</ul>`}
    ${adding && html`<${Change} onClose=${() => setAdding(false)} reload=${reload} />`}
  </section>`;
}

function Account({ account, storages, accounts, repositories, reload }) {
  const [dialog, setDialog] = useState('');
  const close = () => setDialog('');
  const name = visible(account.description || account.userName);
  return html`<li>
    <div class="item-text"><span class="item-title"><${Name} text=${account.description || account.userName} /><${Managed} by=${account.managedBy} /></span>
      <span class="quiet-text">${kindOf(account).text}${account.description && account.description !== account.userName && html` · <${Name} text=${account.userName} />`}${
        account.limitDownloadKBs > 0 && ` · at most ${account.limitDownloadKBs} KiB/s`}${account.maxConnections > 0 && ` · at most ${plural(account.maxConnections, 'connection')}`}</span></div>
    ${!account.managedBy && html`<div class="actions">
      <${Button} kind="quiet small" icon="edit" aria-label=${`Edit ${name}`} onClick=${() => setDialog('edit')}>Edit<//>
      <${Button} kind="quiet small" icon="trash" disabled=${storages.length > 0} title=${storages.length > 0 ? 'A place in storage uses it' : undefined} aria-label=${`Remove ${name}`} onClick=${() => setDialog('remove')}>Remove<//></div>`}
    ${storages.length > 0 && html`<ul class="under" aria-label=${`Places of ${name}`}>${storages.map((s) => html`<${Place} key=${s.id} storage=${s} accounts=${accounts} repository=${repositories.find((r) => r.objectStorageId === s.id)} reload=${reload} />`)}</ul>`}
    ${dialog === 'edit' && html`<${Change} account=${account} reload=${reload} onClose=${close} />`}
    ${dialog === 'remove' && html`<${Confirm} title=${`Remove ${account.description || account.userName}?`} action="Remove" onClose=${close} onConfirm=${async () => {
      await remove(`/v6/Accounts/${account.id}`);
      await reload();
    }}><p>Syncline forgets the credentials. Nothing changes in the storage.</p><//>`}
  </li>`;
}

function Place({ storage, accounts, repository, reload }) {
  const [dialog, setDialog] = useState('');
  const close = () => setDialog('');
  const { word, server, path } = whereOf(storage);
  return html`<li><${Icon} name="space" size="15" />
    <div class="item-text"><span class="item-title"><${Name} text=${path} /><${Managed} by=${storage.managedBy} /></span>
      <span class="quiet-text">${word} at ${visible(server)} · ${repository ? html`<a href="/repositories/${repository.id}"><${Name} text=${repository.name} /></a>` : 'no repository is attached in it'}</span></div>
    ${!storage.managedBy && html`<div class="actions">
      <${Button} kind="quiet small" aria-label=${`Edit the place ${visible(path)}`} onClick=${() => setDialog('edit')}>Edit<//>
      ${!repository && html`<${Button} kind="quiet small" aria-label=${`Remove the place ${visible(path)}`} onClick=${() => setDialog('remove')}>Remove<//>`}</div>`}
    ${dialog === 'edit' && html`<${ChangePlace} storage=${storage} accounts=${accounts} reload=${reload} onClose=${close} />`}
    ${dialog === 'remove' && html`<${Confirm} title=${`Remove ${path}?`} action="Remove" onClose=${close} onConfirm=${async () => {
      await remove(`/v6/objectstoragerepositories/${storage.id}`);
      await reload();
    }}><p>Syncline forgets the place. Nothing changes in the storage.</p><//>`}
  </li>`;
}

// numberOf reads an optional number, which 0 leaves without a bound.
const numberOf = (text) => (text === '' ? 0 : Number(text));

/** @param {any} props */
function Change({ account = undefined, onClose, reload }) {
  const { form, field, change } = useForm({
    type: account?.accountType ?? clouds.AmazonS3Compatible.account, userName: account?.userName ?? '', secret: '', description: account?.description ?? '',
    connections: account?.maxConnections || '', speed: account?.limitDownloadKBs || '',
  });
  const cloud = Object.values(clouds).find((c) => c.account === form.type) ?? clouds.AmazonS3Compatible;
  const submit = async () => {
    const body = { userName: form.userName.trim(), description: form.description.trim(), maxConnections: numberOf(form.connections), limitDownloadKBs: numberOf(form.speed) };
    if (account) await put(`/v6/Accounts/${account.id}`, { ...body, ...(form.secret && { newPassword: form.secret }) });
    else await post('/v6/Accounts', { ...body, accountType: form.type, password: form.secret });
    notify(account ? 'Saved.' : 'The account is added. “Add a repository” looks into its buckets.');
    await reload();
  };
  return html`<${FormDialog} title=${account ? `Edit ${account.description || account.userName}` : 'Add an account'} action=${account ? 'Save' : 'Add'} busyText="Checking…" onSubmit=${submit} onClose=${onClose}>
    ${!account && html`<${Select} label="Kind of storage" value=${form.type} options=${Object.values(clouds).map((c) => [c.account, c.text])} onChange=${(type) => change({ type })} />`}
    <label>${cloud.user}<input ...${field('userName')} required maxLength="255" autoComplete="off" spellCheck=${false} /></label>
    <label>${cloud.secret}<input type="password" ...${field('secret')} required=${!account} maxLength="4096" autoComplete="off" placeholder=${account ? 'unchanged' : ''} /></label>
    <label>Description<input ...${field('description')} maxLength="1024" /></label>
    <div class="two-fields"><label>Connections at once<input type="number" min="0" max="1000" placeholder="32" ...${field('connections')} /></label>
      <label>KiB a second<input type="number" min="0" max="1000000000" placeholder="no bound" ...${field('speed')} /></label></div>
    <p class="quiet-text">${account ? 'Other credentials are tried with every place that uses the account before they are kept.' : 'The secret is sealed when it is stored, and is never shown again. Rights to list and to read are enough.'}</p>
  <//>`;
}

function ChangePlace({ storage, accounts, onClose, reload }) {
  const { word, server } = whereOf(storage);
  const { form, field, change } = useForm({ name: storage.name ?? '', accountId: storage.accountId, folder: folderOf(storage) });
  const fits = accounts.filter((a) => a.accountType === (clouds[storage.type]?.account));
  const submit = async () => {
    await put(`/v6/objectstoragerepositories/${storage.id}`, { name: form.name.trim(), accountId: form.accountId, [folderField(storage)]: form.folder.trim() });
    notify('Saved.');
    await reload();
  };
  return html`<${FormDialog} title="Edit a place in storage" busyText="Checking…" onSubmit=${submit} onClose=${onClose}>
    <label>Name<input ...${field('name')} required maxLength="255" /></label>
    <p class="quiet-text wrap-name">${word} at ${visible(server)}: <${Name} text=${whereOf({ ...storage, s3Folder: '', azureFolder: '', googleFolder: '' }).path} /></p>
    <label>Folder in it<input ...${field('folder')} maxLength="1024" spellCheck=${false} /></label>
    <${Select} label="Account" value=${form.accountId} options=${fits.map((a) => [a.id, a.description || a.userName])} onChange=${(accountId) => change({ accountId })} />
    <p class="quiet-text">Another account or folder is tried before it is kept.</p>
  <//>`;
}
