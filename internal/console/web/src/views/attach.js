// Adding a repository, one step at a time: its place, its password, its name.
// In object storage an account, a bucket and a folder are chosen on the way.
import { useEffect, useRef, useState } from 'preact/hooks';
import { html } from '../html.js';
import { allowed, post, remove } from '../api.js';
import { useGet } from '../data.js';
import { visible } from '../format.js';
import { NodeField } from '../nodefield.js';
import { navigate } from '../router.js';
import { withoutField } from '../storages.js';
import { Empty, Heading, Icon, Loading, Problem, notify } from '../ui.js';
import { Account, Bucket, Folder, clouds, storageBody } from './attachcloud.js';
import { AddressFields, SignIn } from './attachkind.js';
import { Step, dropAccount } from './attachstep.js';
import { hasAddress, useKinds } from './kindfields.js';

const steps = {
  where: ['Where it is', Where],
  account: ['Account', Account],
  bucket: ['Bucket', Bucket],
  folder: ['Folder', Folder],
  signin: ['Account', SignIn],
  password: ['Password', Password],
  name: ['Name', Finish],
};
const inFolder = ['where', 'password', 'name'];
const inCloud = ['where', 'account', 'bucket', 'folder', 'password', 'name'];
const atAddress = ['where', 'signin', 'password', 'name'];

const empty = {
  kind: '', path: '', node: '', keyId: '', password: '', name: '', description: '',
  endpoint: '', region: '', cloud: 'Global', accountId: '', userName: '', added: '', bucket: '', buckets: null, folder: '',
  address: '', place: {}, storage: '', method: '', settings: {}, secrets: {}, // at an address
};

export function Attach({ who }) {
  const [step, setStep] = useState('where');
  const [form, setForm] = useState(empty);
  const kinds = useKinds();
  const latest = useRef(form);
  latest.current = form;
  const change = (changes) => setForm((f) => ({ ...f, ...changes }));
  // An account that was added on the way and is not needed is removed.
  const kept = useRef(false);
  useEffect(() => () => kept.current || dropAccount(latest.current), []);
  if (!allowed(who, 'manage')) {
    return html`<${Heading} title="Add a repository" /><${Empty} title="This is for administrators"><p>Ask one of them to add the repository.</p><//>`;
  }
  if (!kinds.data) return html`<${Heading} title="Add a repository" />${kinds.error ? html`<${Problem} error=${kinds.error} retry=${kinds.reload} />` : html`<${Loading} />`}`;
  const kind = kinds.data.find((k) => k.storageType === form.kind && hasAddress(k));
  const way = kind ? atAddress : form.kind ? inCloud : inFolder;
  const now = way.indexOf(step);
  const props = { form, change, kind, kinds: kinds.data, back: now > 0 ? () => setStep(way[now - 1]) : null, next: () => setStep(way[now + 1]), goTo: setStep, keep: () => { kept.current = true; } };
  const [, View] = steps[step];
  return html`<${Heading} title="Add a repository" above=${html`<a class="crumb" href="/">Overview</a>`} />
    <ol class="steps" aria-label="Steps">${way.map((key, i) => html`<li key=${key} class=${i < now ? 'done' : ''}
      aria-current=${i === now ? 'step' : undefined}><span class="step-number">${i < now ? html`<${Icon} name="check" size="15" />` : i + 1}</span>${titleOf(key, form)}</li>`)}</ol>
    <div class="card wizard"><${View} key=${step} ...${props} /></div>`;
}

function titleOf(step, form) {
  return step === 'bucket' && clouds[form.kind] ? clouds[form.kind].bucketWord : steps[step][0];
}

// wrongPath says what is wrong with a folder's path before the server is asked.
export function wrongPath(path) {
  if (!path.startsWith('/') && !/^[A-Za-z]:\\/.test(path)) return 'Give the whole path, beginning with a slash.';
  if (/\/\/|\/\.\.?(\/|$)/.test(path) || (path.length > 1 && path.endsWith('/'))) {
    return 'Write the path without doubled slashes, “.” or “..”, and without a slash at its end.';
  }
  return null;
}

function Where({ form, change, kind, kinds, next }) {
  const [error, setError] = useState(/** @type {any} */ (null));
  const submit = () => {
    const wrong = form.kind ? null : wrongPath(form.path.trim());
    setError(wrong && { message: wrong });
    if (wrong) return;
    change({ path: form.path.trim(), address: form.address.trim(), endpoint: form.endpoint.trim(), region: form.region.trim() });
    next();
  };
  const choose = (storage) => {
    setError(null);
    dropAccount(form);
    change({ kind: storage, storage: '', address: '', place: {}, method: '', settings: {}, secrets: {}, userName: '', cloud: 'Global', endpoint: '', region: '', accountId: '', added: '', buckets: null, bucket: '', folder: '' });
  };
  const Fields = clouds[form.kind]?.Fields;
  const others = kinds.filter(hasAddress).map((k) => [k.storageType, k.title, 'space']);
  return html`<${Step} title="Where is the restic repository?" onSubmit=${submit} action="Next">
    <fieldset class="choices"><legend>Kind of storage</legend>
      ${[['', 'A folder', 'folder'], ...Object.entries(clouds).map(([storage, c]) => [storage, c.text, 'space']), ...others].map(([value, text, icon]) => html`<label key=${value}>
        <input type="radio" name="kind" value=${value} checked=${form.kind === value} onChange=${() => choose(value)} /><${Icon} name=${icon} size="16" />${text}</label>`)}</fieldset>
    ${kind ? html`<${AddressFields} kind=${kind} form=${form} change=${change} />` : Fields ? html`<${Fields} form=${form} change=${change} />` : html`<label>Folder on the server<input value=${form.path} required maxLength="4096" placeholder="/srv/restic/laptop" spellCheck=${false}
      aria-describedby="path-help" onInput=${(e) => change({ path: e.target.value })} /></label>
    <p id="path-help" class="quiet-text">The folder that “restic init” made, with the files config, index, keys and snapshots in it. It is only ever read.</p>`}
    <${NodeField} folder=${!form.kind} none=${form.kind ? 'Any node' : 'The node that answers'} value=${form.node} onChange=${(node) => change({ node })} />
    <${Problem} error=${error} />
  <//>`;
}

function Password({ form, change, back, next }) {
  const keys = useGet('/v6/EncryptionKeys');
  if (!keys.data) return keys.error ? html`<${Problem} error=${keys.error} retry=${keys.reload} />` : html`<${Loading} />`;
  return html`<${Step} title="Which password opens it?" onSubmit=${next} back=${back} action="Next">
    ${keys.data.length > 0 && html`<label>Password<select value=${form.keyId} onChange=${(e) => change({ keyId: e.target.value })}>
      <option value="">A new one</option>
      ${keys.data.map((k) => html`<option key=${k.id} value=${k.id}>${visible(k.description || k.id)}</option>`)}</select></label>`}
    ${!form.keyId && html`<label>${keys.data.length > 0 ? 'New password' : 'Password'}<input type="password" value=${form.password} required maxLength="4096" autoComplete="off"
      onInput=${(e) => change({ password: e.target.value })} /></label>
      <p class="quiet-text">The password that restic is run with. It is sealed when it is stored, and is never shown again.</p>`}
  <//>`;
}

// attach adds the repository and the records that it needs. After a failure it
// removes those.
async function attach(form) {
  const { path, node, keyId, password, name, description } = form;
  const added = [];
  const add = async (resource, body) => {
    const { id } = await post(resource, body);
    added.push(`${resource}/${id}`);
    return id;
  };
  try {
    const place = form.storage ? { objectStorageId: form.storage } : form.kind ? { objectStorageId: await add('/v6/objectstoragerepositories', storageBody(form)) } : { path };
    const key = keyId || (await add('/v6/EncryptionKeys', { password, description: `Password of ${name}`.slice(0, 1024) }));
    return await post('/v6/BackupRepositories', {
      name, ...place, ...(node && { proxyId: node, isProxyBound: true }), encryptionKeyId: key, retentionType: 'SnapshotBased', ...(description && { description }),
    });
  } catch (error) {
    for (const resource of added) await remove(resource).catch(() => {});
    throw error;
  }
}

// stepOf finds the step in which a complaint of the API can be mended.
export function stepOf(message) {
  const field = /^[A-Za-z0-9.]+/.exec(message)?.[0] ?? '';
  if (field === 'path' || field === 'proxyId') return 'where';
  if (field === 'encryptionKeyId') return 'password';
  if (field === 'accountId') return 'account';
  if (field === 'address') return 'where';
  if (/^(amazonBucket|azureContainer|googleBucket).*\.name$/.test(field)) return 'bucket';
  if (/^(amazonBucket|azureContainer|googleBucket)/.test(field)) return 'where';
  return /^(objectStorageId|s3Folder|azureFolder|googleFolder)$/.test(field) ? 'folder' : null;
}

// mending is stepOf on the way that was gone.
function mending(message, form) {
  const step = stepOf(message);
  if (!form.storage) return step;
  return step === 'folder' ? 'where' : step === 'account' ? 'signin' : step;
}

function Finish({ form, change, back, goTo, keep }) {
  const [error, setError] = useState(/** @type {any} */ (null));
  const [busy, setBusy] = useState(false);
  const submit = async () => {
    setBusy(true);
    setError(null);
    try {
      const repository = await attach({ ...form, name: form.name.trim(), description: form.description.trim() });
      keep();
      // It is attached in any case; its page shows the state of the session.
      await post(`/v6/BackupRepositories/${repository.id}/Sync`).catch((problem) => notify(problem.message, 'error'));
      navigate(`/repositories/${repository.id}`);
    } catch (problem) {
      setError(problem);
      setBusy(false);
    }
  };
  const mend = error && mending(error.message, form);
  const suggested = (form.storage ? form.address.replace(/\/+$/, '') : form.kind ? form.folder || form.bucket : form.path).split(/[/:]/).pop();
  return html`<${Step} title="What should it be called?" onSubmit=${submit} back=${back} action="Add and synchronize" busy=${busy}>
    <label>Name<input value=${form.name} required maxLength="255" placeholder=${suggested} onInput=${(e) => change({ name: e.target.value })} /></label>
    <label>Description <span class="quiet-text">(optional)</span><input value=${form.description} maxLength="1024" onInput=${(e) => change({ description: e.target.value })} /></label>
    <${Problem} error=${error && { message: withoutField(error.message) }} />
    ${mend != null && html`<p><button type="button" onClick=${() => goTo(mend)}>Go back to “${titleOf(mend, form)}”</button></p>`}
  <//>`;
}
