// The steps of adding a repository in object storage. Each asks the storage,
// through the server, before the next one.
import { useState } from 'preact/hooks';
import { html } from '../html.js';
import { get, post, query } from '../api.js';
import { useData, useGet } from '../data.js';
import { count, visible } from '../format.js';
import { choicesOf, withoutField } from '../storages.js';
import { Icon, Loading, Name, Problem } from '../ui.js';
import { Step, dropAccount, hasChosen, useLeft } from './attachstep.js';
import { AccountFields, accountBody, fieldsOf } from './kindfields.js';

const field = (form, change, name) => ({ value: form[name], maxLength: 300, spellCheck: false, onInput: (e) => change({ [name]: e.target.value }) });

function choice(label, options) {
  return ({ form, change }) => html`<label>${label}<select value=${form.cloud} onChange=${(e) => change({ cloud: e.target.value })}>
    ${options.map(([value, text]) => html`<option key=${value} value=${value}>${text}</option>`)}</select></label>`;
}
const AmazonRegions = choice('Part of Amazon’s cloud', [['Global', 'Global'], ['USGovernment', 'US government'], ['China', 'China']]);
const AzureRegions = choice('Part of Azure', [['Global', 'Global'], ['Government', 'US government'], ['China', 'China'], ['Germany', 'Germany']]);

// clouds are the kinds of object storage: people's names for them, and the
// API's.
export const clouds = {
  AmazonS3Compatible: {
    text: 'S3-compatible storage', bucketWord: 'Bucket',
    account: 'amazonS3CompatibleAccount', buckets: '/v6/S3CompatibleResources/buckets',
    params: ({ endpoint, region }) => ({ ServicePoint: endpoint, CustomRegionId: region }),
    body: ({ endpoint, region, bucket, folder }) => ({ s3Folder: folder, amazonBucketS3Compatible: { servicePoint: endpoint, name: bucket, ...(region && { customRegionId: region }) } }),
    Fields: ({ form, change }) => html`<label>Address<input ...${field(form, change, 'endpoint')} required placeholder="https://storage.example:9000" /></label>
      <label>Region <span class="quiet-text">(where the storage asks for one)</span><input ...${field(form, change, 'region')} maxLength="64" placeholder="us-east-1" /></label>`,
  },
  AmazonS3: {
    text: 'Amazon S3', bucketWord: 'Bucket',
    account: 'amazonS3Account', buckets: '/v6/S3Resources/buckets',
    params: ({ cloud }) => ({ RegionType: cloud }),
    body: ({ cloud, bucket, folder }) => ({ s3Folder: folder, amazonBucketS3Aws: { regionType: cloud, name: bucket } }),
    Fields: AmazonRegions,
  },
  GoogleCloudStorage: {
    text: 'Google Cloud Storage', bucketWord: 'Bucket',
    account: 'googleCloudAccount', buckets: '/v6/GoogleResources/buckets',
    params: ({ endpoint }) => ({ Endpoint: endpoint }),
    body: ({ endpoint, bucket, folder }) => ({ googleFolder: folder, googleBucket: { name: bucket, ...(endpoint && { endpoint }) } }),
    Fields: ({ form, change }) => html`<label>Address <span class="quiet-text">(of a server of your own; leave it empty for Google’s)</span><input ...${field(form, change, 'endpoint')} /></label>`,
  },
  AzureBlob: {
    text: 'Azure Blob Storage', bucketWord: 'Container',
    account: 'azureBlobAccount', buckets: '/v6/AzureResources/containers',
    params: ({ cloud, endpoint }) => ({ RegionType: cloud, Endpoint: endpoint }),
    body: ({ cloud, endpoint, bucket, folder }) => ({ azureFolder: folder, azureContainer: { regionType: cloud, name: bucket, ...(endpoint && { endpoint }) } }),
    Fields: (props) => html`<${AzureRegions} ...${props} />
      <label>Address <span class="quiet-text">(of a server of your own; leave it empty for Azure’s)</span><input ...${field(props.form, props.change, 'endpoint')} /></label>`,
  },
};

// storageBody is the API's form of a folder in a bucket.
export function storageBody(form) {
  const place = [form.bucket, form.folder].filter(Boolean).join('/');
  return { type: form.kind, accountId: form.accountId, name: `${clouds[form.kind].text}: ${place}`.slice(0, 255).trim(), ...clouds[form.kind].body(form) };
}

const mostListed = 200; // names, until a part of them is typed

function list(form, path, params, options) {
  const cloud = clouds[form.kind];
  return get(query(cloud.buckets + path, { accountId: form.accountId, ...cloud.params(form), ...params }), options);
}

export function Account({ form, change, kinds, back, next }) {
  const cloud = clouds[form.kind];
  const kind = kinds.find((k) => k.accountType === cloud.account);
  const accounts = useGet(`/v6/Accounts?accountType=${cloud.account}`);
  const [error, setError] = useState(/** @type {any} */ (null));
  const [busy, setBusy] = useState(false);
  const [blind, setBlind] = useState(false); // the names of the buckets cannot be listed
  const left = useLeft();
  const submit = async () => {
    setBusy(true);
    setError(null);
    let { accountId, added } = form;
    try {
      if (!accountId) {
        const account = await post('/v6/Accounts', { ...accountBody(kind, form), description: form.userName.trim() || cloud.text });
        accountId = added = account.id;
      }
      const buckets = await list({ ...form, accountId }, '').catch((problem) => {
        // A user who may read a bucket may lack the right to list all.
        if (blind) return [];
        throw problem;
      });
      if (left.current) {
        if (added !== form.added) await dropAccount({ added });
        return;
      }
      change({ accountId, added, buckets: buckets.map((b) => b.name), bucket: '', folder: '', secrets: {} });
      next();
    } catch (problem) {
      if (added && added !== form.added) await dropAccount({ added });
      setError(problem);
      setBusy(false);
    }
  };
  const pick = (id) => {
    dropAccount(form)?.then(accounts.reload);
    change({ accountId: id, added: '' });
  };
  if (!hasChosen(accounts, form.accountId)) return accounts.error ? html`<${Problem} error=${accounts.error} retry=${accounts.reload} />` : html`<${Loading} />`;
  return html`<${Step} title="Which account may read it?" onSubmit=${submit} back=${back} action="Next" busy=${busy}>
    ${accounts.data.length > 0 && html`<label>Account<select value=${form.accountId} onChange=${(e) => pick(e.target.value)}>
      <option value="">A new one</option>
      ${choicesOf(accounts.data, kind).map(([id, text]) => html`<option key=${id} value=${id}>${visible(text)}</option>`)}</select></label>`}
    ${!form.accountId && html`<${AccountFields} kind=${kind} form=${form} change=${change} />
      <p class="quiet-text">Rights to list and to read are enough. It is sealed when it is stored, and is never shown again.</p>`}
    <${Problem} error=${error && { message: withoutField(error.message, fieldsOf(kind, form.method)) }} />
    ${error && html`<label class="inline"><input type="checkbox" checked=${blind} onChange=${(e) => setBlind(e.target.checked)} />It may not list the ${cloud.bucketWord.toLowerCase()}s: I type the name</label>`}
  <//>`;
}

export function Bucket({ form, change, back, next }) {
  const word = clouds[form.kind].bucketWord.toLowerCase();
  const [error, setError] = useState(/** @type {any} */ (null));
  const [busy, setBusy] = useState(false);
  const text = form.bucket.trim().toLowerCase();
  const left = useLeft();
  const listed = form.buckets.filter((b) => b.toLowerCase().includes(text) || form.buckets.includes(form.bucket));
  const submit = async (bucket = form.bucket.trim()) => {
    setBusy(true);
    setError(null);
    try {
      await list(form, `/${encodeURIComponent(bucket)}/folders`, {});
      if (left.current) return;
      change({ bucket, folder: '' });
      next();
    } catch (problem) {
      setError(problem);
      setBusy(false);
    }
  };
  return html`<${Step} title=${`Which ${word} is it in?`} onSubmit=${() => submit()} back=${back} action="Next" busy=${busy}>
    <label>Name of the ${word}<input ...${field(form, change, 'bucket')} required autoComplete="off" /></label>
    ${form.buckets.length > 0 && html`<ul class="picklist" aria-label=${`The account’s ${word}s`}>${listed.slice(0, mostListed).map((b) => html`<li key=${b}>
      <button type="button" disabled=${busy} aria-pressed=${b === form.bucket} onClick=${() => { change({ bucket: b }); submit(b); }}><${Icon} name="space" size="16" /><${Name} text=${b} /></button></li>`)}</ul>
      ${listed.length > mostListed && html`<p class="quiet-text">${count(listed.length - mostListed)} more; type a part of the name.</p>`}`}
    ${form.buckets.length === 0 && html`<p class="quiet-text">The account shows no ${word}s; type the name.</p>`}
    <${Problem} error=${error && { message: withoutField(error.message) }} />
  <//>`;
}

// looksLikeRestic guesses from the names of folders whether a repository is
// there.
export function looksLikeRestic(names) {
  return ['data', 'index', 'keys', 'snapshots'].every((n) => names.includes(n));
}

export function Folder({ form, change, back, next }) {
  const found = useData((signal) => list(form, `/${encodeURIComponent(form.bucket)}/folders`, { Parent: form.folder }, { signal }), [`folders ${form.kind} ${form.accountId} ${form.endpoint} ${form.bucket}`, form.folder]);
  const names = (found.data ?? []).map((f) => f.name);
  const [text, setText] = useState('');
  const listed = names.filter((n) => n.toLowerCase().includes(text.trim().toLowerCase()));
  const restic = looksLikeRestic(names);
  const [error, setError] = useState(/** @type {any} */ (null));
  const parts = form.folder ? form.folder.split('/') : [];
  const go = (folder) => {
    setError(null);
    setText('');
    change({ folder });
  };
  const submit = () => {
    if (found.data && !restic) setError({ message: 'There is no restic repository in this folder: data, index, keys and snapshots are not in it.' });
    else next();
  };
  return html`<${Step} title="Which folder is it in?" onSubmit=${submit} back=${back} action="Next" busy=${!found.data && !found.error}>
    <nav class="trail" aria-label="Folder"><ol>${[form.bucket, ...parts].map((name, i) => html`<li key=${i}><button type="button" class="quiet small" aria-current=${i === parts.length ? 'true' : undefined}
      onClick=${() => go(parts.slice(0, i).join('/'))}><${Name} text=${name} /></button></li>`)}</ol></nav>
    ${!found.data && !found.error && html`<${Loading} what="Looking into it" />`}
    ${restic && html`<p class="good-text"><${Icon} name="check" size="16" /> This looks like a restic repository.</p>`}
    ${found.data && !restic && (names.length > 0
      ? html`${names.length > mostListed && html`<label>Part of its name<input value=${text} autoComplete="off" spellCheck=${false} onInput=${(e) => setText(e.target.value)} /></label>`}
        <ul class="picklist" aria-label="Folders">${listed.slice(0, mostListed).map((n) => html`<li key=${n}>
          <button type="button" onClick=${() => go([...parts, n].join('/'))}><${Icon} name="folder" size="16" /><${Name} text=${n} /></button></li>`)}</ul>
        ${listed.length > mostListed && html`<p class="quiet-text">${count(listed.length - mostListed)} more; type a part of the name.</p>`}`
      : html`<p class="quiet-text">There are no folders in it.</p>`)}
    <${Problem} error=${found.error ? { message: withoutField(found.error.message) } : error} retry=${found.error ? found.reload : null} />
  <//>`;
}
