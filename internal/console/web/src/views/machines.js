// Every machine that is backed up, the late ones first.
import { useMemo } from 'preact/hooks';
import { html } from '../html.js';
import { get, query } from '../api.js';
import { useData, useNow } from '../data.js';
import { count, plural, visible } from '../format.js';
import { useKept } from '../kept.js';
import { badgeFor, headline, states, why, wordFor, worst } from '../machines.js';
import { useRepositories } from '../resources.js';
import { setParams } from '../router.js';
import { Ago, Empty, Heading, Loading, Name, Problem } from '../ui.js';

const most = 10_000; // in one answer
const drawnFirst = 200;

const known = (name) => states.some(([state]) => state === name);

export function Machines({ params }) {
  const state = known(params.get('state')) ? params.get('state') : '';
  const repository = /^[\w-]+$/.test(params.get('repository') ?? '') ? params.get('repository') : '';
  const [text, setText] = useKept('host', '');
  const list = useData((signal) => get(query('/v6/Machines', { repositoryId: repository, limit: most }), { signal }), ['machines', repository], { every: 15_000 });
  const repositories = useRepositories();
  const choices = (repositories.data ?? []).toSorted((a, b) => a.name.localeCompare(b.name));
  const found = useMemo(() => {
    const part = text.trim().toLowerCase();
    return (list.data?.results ?? []).filter((m) => (!state || m.state === state) && (!part || m.hostName.toLowerCase().includes(part)));
  }, [list.data, state, text]);
  return html`
    <${Heading} title="Machines" />
    <${Problem} error=${list.error?.status ? list.error : null} retry=${list.reload} />
    ${!list.data && !list.error && html`<${Loading} />`}
    ${list.data && html`<${States} summary=${list.data.summary} state=${state} />
      <div class="filters">
        <label><span>Host</span><input type="search" value=${text} placeholder="Part of its name" onInput=${(e) => setText(e.target.value)} /></label>
        ${choices.length > 1 && html`<label><span>Repository</span><select value=${repository} onChange=${(e) => setParams({ repository: e.target.value })}>
          <option value="">All</option>${choices.map((r) => html`<option key=${r.id} value=${r.id}>${visible(r.name)}</option>`)}</select></label>`}
      </div>
      <${Rows} found=${found} state=${state} filtered=${text.trim() !== ''} repositories=${repositories.data} />
      ${list.data.summary.unwatchedSeries > 0 && html`<p class="why-late">${plural(list.data.summary.unwatchedSeries, 'series', 'series')} of a repository with more than 10,000 are not watched.</p>`}
      ${list.data.results.length === most && html`<p class="why-late">Only the first ${count(most)} machines are listed.</p>`}`}`;
}

// States says how all machines are, and filters by state.
function States({ summary, state }) {
  const { text, kind } = headline(summary);
  const counts = { Late: summary.late, Unknown: summary.unknown, InTime: summary.inTime, Retired: summary.retired };
  return html`<div class="machine-line ${kind}"><strong>${text}</strong>
    <div class="state-choice" role="group" aria-label="Show the machines in a state">
      ${[['', 'All', ''], ...states].map(([name, word]) => html`<button key=${name} class="small chip" aria-pressed=${state === name} onClick=${() => setParams({ state: name })}>
        ${word} <span class="number">${count(name === '' ? summary.machines + summary.retired : counts[name])}</span></button>`)}</div></div>`;
}

function Rows({ found, state, filtered, repositories }) {
  const [drawn, setDrawn] = useKept('drawn', drawnFirst);
  const now = useNow();
  if (found.length === 0) {
    if (filtered) return html`<p class="quiet-text">No machine fits.</p>`;
    if (state) return html`<${Empty} title=${state === 'Late' ? 'No machine is late' : 'No machine is in this state'} />`;
    return html`<${Empty} title="No machines yet"><p>${repositories?.length === 0 ? html`<a href="/attach">Add a repository</a>, and the hosts that are backed up to it are listed here.` : 'The hosts that are backed up are listed when their repository is synchronized.'}</p><//>`;
  }
  return html`<div class="machines" role="table" aria-label="Machines" aria-rowcount=${found.length + 1}>
      <div class="machines-head" role="row">${['State', 'Machine', 'Last backup', 'Why'].map((t) => html`<span key=${t} role="columnheader">${t}</span>`)}</div>
      ${found.slice(0, drawn).map((m) => html`<${Row} key=${m.id} machine=${m} now=${now} />`)}</div>
    ${found.length > drawn && html`<div><button class="small" onClick=${() => setDrawn(5 * drawn)}>Show more of ${plural(found.length, 'machine')}</button></div>`}`;
}

function Row({ machine, now }) {
  const one = worst(machine);
  const repositories = [...new Set(machine.series.map((s) => s.repositoryName))];
  const future = machine.series.reduce((n, s) => n + (s.futureSnapshots ?? 0), 0);
  return html`<div class="machine" role="row">
    <span role="cell"><span class="badge ${badgeFor(machine.state)}">${wordFor(machine.state)}</span></span>
    <span role="cell" class="two-lines"><a href="/machines/${machine.id}"><${Name} text=${machine.hostName} /></a>
      <span class="quiet-text cut">${machine.series.length === 1 ? html`${machine.series[0].paths.map((p) => html`<bdi key=${p}>${visible(p)} </bdi>`)}in ` : `${machine.series.length} series in `}${
        repositories.length === 1 ? html`<bdi>${visible(repositories[0])}</bdi>` : plural(repositories.length, 'repository', 'repositories')}</span></span>
    <span role="cell">${machine.lastBackupTime ? html`<${Ago} at=${machine.lastBackupTime} />` : html`<span class="quiet-text">none that counts</span>`}</span>
    <span role="cell" class=${machine.state === 'Late' ? '' : 'quiet-text'}>${one && machine.series.length > 1 && html`<bdi>${visible(one.paths.join(', '))}</bdi>: `}${one && why(one, now)}${future > 0 && html` <span class="why-late">${plural(future, 'snapshot')} claim the future</span>`}</span>
  </div>`;
}
