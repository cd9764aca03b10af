// Changing the name and the password of a repository.
import { useLayoutEffect, useState } from 'preact/hooks';
import { html } from '../html.js';
import { post, put, remove } from '../api.js';
import { useGet } from '../data.js';
import { visible } from '../format.js';
import { NodeField } from '../nodefield.js';
import { useElement } from '../store.js';
import { Loading, Problem, notify, useModal } from '../ui.js';

// changes are the request's changes. They include the key only if it is another
// one, since that makes the server open the repository and read it again.
function changes(repository, { name, description, path, node }, keyId) {
  return {
    retentionType: repository.retentionType,
    name: name.trim(),
    description: description.trim(),
    ...(path && path.trim() !== repository.path && { path: path.trim() }),
    ...(node !== nodeOf(repository) && (node ? { proxyId: node, isProxyBound: true } : { isProxyBound: false })),
    ...(keyId && keyId !== repository.encryptionKeyId && { encryptionKeyId: keyId }),
  };
}

// nodeOf is the node that alone serves a repository, "" where any may.
const nodeOf = (repository) => (repository.isProxyBound ? repository.proxyId : '');

// save sends the changes, after adding a new key. It removes a key that was
// added for nothing.
async function save(repository, form) {
  let added = null;
  if (!form.keyId) added = await post('/v6/EncryptionKeys', { password: form.password, description: `Password of ${form.name.trim()}`.slice(0, 1024) });
  try {
    await put(`/v6/BackupRepositories/${repository.id}`, changes(repository, form, form.keyId || added.id));
  } catch (error) {
    // Without an answer it is unknown whether the repository has the key. The
    // server keeps a key that is in use.
    if (added) await remove(`/v6/EncryptionKeys/${added.id}`).catch(() => {});
    throw error;
  }
  return !form.keyId || form.keyId !== repository.encryptionKeyId;
}

export function Edit({ repository, onClose, reload }) {
  const dialog = useModal();
  const keys = useGet('/v6/EncryptionKeys');
  return html`<dialog ref=${dialog} class="edit" aria-labelledby="edit-title" onClose=${onClose}>
    <h2 id="edit-title">${visible(`Edit ${repository.name}`)}</h2>
    ${keys.data ? html`<${Fields} repository=${repository} keys=${keys.data} onClose=${onClose} reload=${reload} />`
      : keys.error ? html`<${Problem} error=${keys.error} retry=${keys.reload} />` : html`<${Loading} />`}
  </dialog>`;
}

function Fields({ repository, keys, onClose, reload }) {
  const [form, setForm] = useState({ name: repository.name, description: repository.description, path: repository.path ?? '', node: nodeOf(repository), keyId: repository.encryptionKeyId, password: '' });
  const [error, setError] = useState(/** @type {any} */ (null));
  const [busy, setBusy] = useState(false);
  const first = useElement();
  useLayoutEffect(() => first.current.focus(), []); // before the next key
  const set = (field) => (e) => setForm({ ...form, [field]: e.target.value });
  const submit = async (event) => {
    event.preventDefault();
    if (busy) return;
    setBusy(true);
    setError(null);
    try {
      const another = await save(repository, form);
      notify(another ? 'Saved. The next synchronization opens it with this password.' : 'Saved.');
      reload();
      onClose();
    } catch (problem) {
      setError({ message: /** @type {Error} */ (problem).message.replace(/^(encryptionKeyId|path|objectStorageId): /, '') });
      setBusy(false);
    }
  };
  return html`<form onSubmit=${submit}>
    <label>Name<input ref=${first} value=${form.name} required maxLength="255" onInput=${set('name')} /></label>
    <label>Description<input value=${form.description} maxLength="1024" onInput=${set('description')} /></label>
    ${repository.path && html`<label>Folder on the server<input value=${form.path} required maxLength="4096" spellCheck=${false} onInput=${set('path')} /><span class="quiet-text">Where the same repository lies, when it has moved.</span></label>`}
    <${NodeField} folder=${Boolean(repository.path)} none=${repository.path ? '' : 'Any node'} value=${form.node} onChange=${(node) => setForm({ ...form, node })} />
    <label>Password<select value=${form.keyId} onChange=${set('keyId')}>
      ${keys.map((k) => html`<option key=${k.id} value=${k.id}>${visible(k.description || k.id)}</option>`)}
      <option value="">A new one</option></select></label>
    ${!form.keyId && html`<label>New password<input type="password" value=${form.password} required maxLength="4096" autoComplete="off" onInput=${set('password')} /></label>
      <p class="quiet-text">The repository is opened with it before it is taken. Nothing is written there: restic's own password does not change.</p>`}
    <${Problem} error=${error} />
    <div class="actions"><button type="button" class="quiet" onClick=${onClose}>Cancel</button>
      <button type="submit" class="primary" disabled=${busy}>${busy ? 'Checking…' : 'Save'}</button></div>
  </form>`;
}
