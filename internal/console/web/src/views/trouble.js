// Answers to questions that a repository cannot answer.
import { html } from '../html.js';
import { allowed } from '../api.js';
import { plural } from '../format.js';
import { Name, Problem } from '../ui.js';
import { SyncButton } from './overview.js';

// Trouble shows an error. For a missing catalog it offers to synchronize.
export function Trouble({ error, retry, repositoryId, name = '', who }) {
  if (!error?.status) return null;
  if (error.status !== 409) return html`<${Problem} error=${error} retry=${error.status === 404 ? null : retry} />`;
  return html`<div class="trouble"><${Problem} error=${error} retry=${retry} />
    ${repositoryId && allowed(who, 'synchronize') && html`<${SyncButton} kind="primary" id=${repositoryId} name=${name} reload=${retry} />`}</div>`;
}

// Without names the repositories that an answer leaves out.
export function Without({ repositories }) {
  if (repositories.length === 0) return null;
  return html`<p class="quiet-text">Not counted, because ${repositories.length === 1 ? 'its catalog is' : 'their catalogs are'} missing or damaged: ${repositories.slice(0, 5).map((r, i) => html`${i > 0 && ', '}<a key=${r.id} href="/repositories/${r.id}"><${Name} text=${r.name} /></a>`)}${
    repositories.length > 5 && ` and ${plural(repositories.length - 5, 'more', 'more')}`}.</p>`;
}
