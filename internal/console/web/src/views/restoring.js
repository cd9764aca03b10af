// Restoring into a folder of the server's.
import { useLayoutEffect, useState } from 'preact/hooks';
import { html } from '../html.js';
import { allowed, post } from '../api.js';
import { useGet } from '../data.js';
import { count, dateTime, short, visible } from '../format.js';
import { Note } from '../lacks.js';
import { missing } from '../missing.js';
import { folderFor, jobBody, overwriting, wrongFolder } from '../restores.js';
import { navigate } from '../router.js';
import { useElement } from '../store.js';
import { Name, Problem, useModal } from '../ui.js';

// useTargets returns the allowed folders for restores. Users who may not
// restore have none.
export function useTargets(who) {
  return useGet(allowed(who, 'restore') ? '/v6/RestoreTargets' : null).data ?? [];
}

// Restoring asks for the target and the options, and starts the job.
export function Restoring({ point, entries, targets, onClose }) {
  const dialog = useModal();
  const first = useElement();
  const [form, setForm] = useState({ target: targets[0].path, folder: folderFor(point), overwrite: 'Always', verify: false });
  const [error, setError] = useState(/** @type {any} */ (null));
  const [busy, setBusy] = useState(false);
  const set = (change) => {
    setForm({ ...form, ...change });
    setError(null);
  };
  useLayoutEffect(() => first.current.focus(), []); // before the next key
  const body = jobBody(entries, { ...form, proxyId: targets.find((t) => t.path === form.target)?.proxyId });
  const submit = async (event) => {
    event.preventDefault();
    const wrong = wrongFolder(form.folder);
    setError(wrong && { message: wrong });
    if (busy || wrong) return;
    setBusy(true);
    try {
      const job = await post(`/v6/RestorePoints/${point.id}/RestoreJobs`, body);
      onClose();
      navigate(`/restores/${job.id}`);
    } catch (problem) {
      setError({ message: /** @type {Error} */ (problem).message.replace(/^(targetPath|proxyId): /, '') });
      setBusy(false);
    }
  };
  return html`<dialog ref=${dialog} class="edit restoring" aria-labelledby="restoring-title" onClose=${onClose}>
    <h2 id="restoring-title">Restore on the server</h2>
    <form onSubmit=${submit}>
      <p class="quiet-text"><${What} entries=${entries} /> as of ${dateTime(point.backupTime)}</p>
      ${point.isIncomplete && html`<${Note}>${missing(point)} What is lost is not restored.<//>`}
      <label>Into<select value=${form.target} onChange=${(e) => set({ target: e.target.value })}>
        ${targets.map((t) => html`<option key=${t.path} value=${t.path}>${visible(t.path)}</option>`)}</select></label>
      <label>Folder below it<input ref=${first} value=${form.folder} maxLength="2000" spellCheck=${false} aria-describedby="restoring-where" onInput=${(e) => set({ folder: e.target.value })} /></label>
      <p id="restoring-where" class="quiet-text">Everything keeps its whole path, beginning at <span class="where-to"><bdi>${visible(body.targetPath)}</bdi></span>. Missing folders are made.</p>
      <label>Files that are there already<select value=${form.overwrite} onChange=${(e) => set({ overwrite: e.target.value })}>
        ${overwriting.map(([value, text]) => html`<option key=${value} value=${value}>${text}</option>`)}</select></label>
      <label class="check"><input type="checkbox" checked=${form.verify} onChange=${(e) => set({ verify: e.target.checked })} />Read the files back and compare them</label>
      <${Problem} error=${error} />
      <div class="actions"><button type="button" class="quiet" onClick=${onClose}>Cancel</button>
        <button type="submit" class="primary" disabled=${busy}>${busy ? 'Starting…' : 'Restore'}</button></div>
    </form>
  </dialog>`;
}

const named = 3; // entries; more are counted
const longest = 120; // characters of a path

// The component What shows the names of the restored entries.
export function What({ entries }) {
  if (entries.length === 0 || (entries.length === 1 && entries[0].path === '/')) return 'The whole restore point';
  const rest = entries.length - named;
  return html`${entries.slice(0, named).map((e, i) => html`${i > 0 && ', '}<${Name} key=${i} text=${short(e.path, longest)} />`)}${rest > 0 && ` and ${count(rest)} more`}`;
}
