// Adding a repository, one step at a time.
import { useLayoutEffect, useRef, useState } from 'preact/hooks';
import { html } from '../html.js';
import { allowed, post, remove } from '../api.js';
import { useGet } from '../data.js';
import { visible } from '../format.js';
import { navigate } from '../router.js';
import { Empty, Heading, Icon, Loading, Problem, notify } from '../ui.js';

const steps = ['Where it is', 'Password', 'Name'];

export function Attach({ who }) {
  const [step, setStep] = useState(0);
  const [form, setForm] = useState({ path: '', keyId: '', password: '', name: '', description: '' });
  const change = (changes) => setForm((f) => ({ ...f, ...changes }));
  if (!allowed(who, 'manage')) {
    return html`<${Heading} title="Add a repository" /><${Empty} title="This is for administrators"><p>Ask one of them to add the repository.</p><//>`;
  }
  const props = { form, change, back: () => setStep(step - 1), next: () => setStep(step + 1), goTo: setStep };
  return html`<${Heading} title="Add a repository" above=${html`<a class="crumb" href="/">Overview</a>`} />
    <ol class="steps" aria-label="Steps">${steps.map((text, i) => html`<li key=${text} class=${i < step ? 'done' : ''}
      aria-current=${i === step ? 'step' : undefined}><span class="step-number">${i < step ? html`<${Icon} name="check" size="15" />` : i + 1}</span>${text}</li>`)}</ol>
    <div class="card wizard">${step === 0 ? html`<${Where} ...${props} />` : step === 1 ? html`<${Password} ...${props} />` : html`<${Finish} ...${props} />`}</div>`;
}

// Step is a form that takes the focus to its first field.
function Step({ title, onSubmit, back, action, busy, children }) {
  const form = useRef();
  useLayoutEffect(() => form.current.querySelector('input, select')?.focus(), []); // before the next key
  return html`<form ref=${form} onSubmit=${(e) => { e.preventDefault(); onSubmit(); }}>
    <h2>${title}</h2>${children}
    <div class="actions">${back && html`<button type="button" class="quiet" onClick=${back}><${Icon} name="back" />Back</button>`}
      <button type="submit" class="primary" disabled=${busy}>${busy ? 'Checking…' : action}</button></div>
  </form>`;
}

// wrongPath says what is wrong with a folder's path before the server is asked.
export function wrongPath(path) {
  if (!path.startsWith('/') && !/^[A-Za-z]:\\/.test(path)) return 'Give the whole path, beginning with a slash.';
  if (/\/\/|\/\.\.?(\/|$)/.test(path) || (path.length > 1 && path.endsWith('/'))) {
    return 'Write the path without doubled slashes, “.” or “..”, and without a slash at its end.';
  }
  return null;
}

function Where({ form, change, next }) {
  const [error, setError] = useState(null);
  const submit = () => {
    const wrong = wrongPath(form.path.trim());
    setError(wrong && { message: wrong });
    if (!wrong) {
      change({ path: form.path.trim() });
      next();
    }
  };
  return html`<${Step} title="Where is the restic repository?" onSubmit=${submit} action="Next">
    <label>Folder on the server<input value=${form.path} required maxLength="4096" placeholder="/srv/restic/laptop" spellCheck=${false}
      aria-describedby="path-help" onInput=${(e) => change({ path: e.target.value })} /></label>
    <p id="path-help" class="quiet-text">The folder that “restic init” made, with the files config, index, keys and snapshots in it. It is only ever read.</p>
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

// attach adds the key, if it is a new one, and the repository. A key that was
// added for nothing is removed again.
async function attach({ path, keyId, password, name, description }) {
  let added = null;
  if (!keyId) added = await post('/v6/EncryptionKeys', { password, description: `Password of ${name}`.slice(0, 1024) });
  try {
    return await post('/v6/BackupRepositories', {
      name, path, encryptionKeyId: keyId || added.id, retentionType: 'SnapshotBased', ...(description && { description }),
    });
  } catch (error) {
    if (added) await remove(`/v6/EncryptionKeys/${added.id}`).catch(() => {});
    throw error;
  }
}

// stepOf finds the step where what the API complains of can be mended.
export function stepOf(message) {
  if (/^path\b/.test(message)) return 0;
  return /^encryptionKeyId\b/.test(message) ? 1 : null;
}

function Finish({ form, change, back, goTo }) {
  const [error, setError] = useState(null);
  const [busy, setBusy] = useState(false);
  const submit = async () => {
    setBusy(true);
    setError(null);
    try {
      const repository = await attach({ ...form, name: form.name.trim(), description: form.description.trim() });
      // It is attached in any case; its page shows how the session stands.
      await post(`/v6/BackupRepositories/${repository.id}/Sync`).catch((problem) => notify(problem.message, 'error'));
      navigate(`/repositories/${repository.id}`);
    } catch (problem) {
      setError(problem);
      setBusy(false);
    }
  };
  const mend = error && stepOf(error.message);
  return html`<${Step} title="What should it be called?" onSubmit=${submit} back=${back} action="Add and synchronize" busy=${busy}>
    <label>Name<input value=${form.name} required maxLength="255" placeholder=${form.path.split('/').pop()} onInput=${(e) => change({ name: e.target.value })} /></label>
    <label>Description <span class="quiet-text">(optional)</span><input value=${form.description} maxLength="1024" onInput=${(e) => change({ description: e.target.value })} /></label>
    <${Problem} error=${error && { message: error.message.replace(/^(path|encryptionKeyId): /, '') }} />
    ${mend != null && html`<p><button type="button" onClick=${() => goTo(mend)}>Go back to “${steps[mend]}”</button></p>`}
  <//>`;
}
