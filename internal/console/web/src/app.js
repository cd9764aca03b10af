// The frame around every view: the navigation, the signed-in user, and whether
// the server can be reached.
import { useEffect } from 'preact/hooks';
import { html } from './html.js';
import { isUrgent } from './alarms.js';
import { allowed, lost, signOut, user, why } from './api.js';
import { shownSince, useGet, useNow } from './data.js';
import { count, dateTime, span } from './format.js';
import { lazy } from './lazy.js';
import { address, match } from './router.js';
import { useElement, useStore } from './store.js';
import { Button, Empty, Icon, Loading, Notices } from './ui.js';
import { Attach } from './views/attach.js';
import { Browse } from './views/browse.js';
import { Overview } from './views/overview.js';
import { Repository } from './views/repository.js';
import { Search } from './views/search.js';
import { SearchBox } from './views/searchbox.js';
import { SignIn } from './views/signin.js';

// Rarely opened views are fetched when they are opened.
const History = lazy(() => import('./views/history.js'), 'History');
const Compare = lazy(() => import('./views/compare.js'), 'Compare');
const Space = lazy(() => import('./views/space.js'), 'Space');
const Restores = lazy(() => import('./views/restores.js'), 'Restores');
const Machines = lazy(() => import('./views/machines.js'), 'Machines');
const Machine = lazy(() => import('./views/machine.js'), 'Machine');
const Alarms = lazy(() => import('./views/alarms.js'), 'Alarms');
const AllSessions = lazy(() => import('./views/allsessions.js'), 'AllSessions');
const Settings = lazy(() => import('./views/settings.js'), 'Settings');

/** @type {[string, any, object?][]} */
const routes = [
  ['/', Overview],
  ['/attach', Attach],
  ['/repositories/:id', Repository],
  ['/repositories/:id/sessions', Repository, { tab: 'sessions' }],
  ['/repositories/:id/sessions/:session', Repository, { tab: 'sessions' }],
  ['/repositories/:id/history', History],
  ['/repositories/:id/growth', Repository, { tab: 'growth' }],
  ['/points/:id/compare', Compare],
  ['/points/:id/files', Browse],
  ['/search', Search],
  ['/machines', Machines],
  ['/machines/:machine', Machine],
  ['/alarms', Alarms],
  ['/alarms/:alarm', Alarms],
  ['/sessions', AllSessions],
  ['/settings', Settings],
  ['/settings/:page', Settings],
  ['/restores', Restores],
  ['/restores/:job', Restores],
  ['/points/:id/space', Space],
];

function find(path) {
  for (const [pattern, view, props] of routes) {
    const found = match(pattern, path);
    if (found) return { key: routes.findIndex((r) => r[1] === view), view, props: { ...props, ...found } };
  }
  return null;
}

// isView reports whether the path is a view's address.
export function isView(path) {
  return find(path) !== null;
}

export function App() {
  const who = useStore(user);
  const { path, params } = useStore(address);
  if (who === undefined) return html`<${ConnectionBar} /><main class="alone"><${Loading} what="Connecting" /></main>`;
  if (who === null) return html`<${ConnectionBar} /><${SignIn} /><${Notices} />`;
  const found = find(path);
  return html`
    <a class="skip" href="#main">Skip to the content</a>
    <${ConnectionBar} />
    <div class="frame">
      <${Navigation} who=${who} path=${path} params=${params} />
      <${Main} key=${found?.key ?? path}>
        ${found ? html`<${found.view} ...${found.props} params=${params} who=${who} />` : html`<${Unknown} />`}
      <//>
    </div>
    <${Notices} />`;
}

// Main takes the focus when another view appears, so that users of a keyboard
// or a screen reader get there as well.
let first = true;
function Main({ children }) {
  const main = useElement();
  useEffect(() => {
    // A new form has taken the focus to its first field already, and the search
    // box keeps it during typing.
    const at = document.activeElement;
    if (!first && !main.current.contains(at) && !at?.closest('.search-box')) main.current.focus({ preventScroll: true });
    first = false;
  }, []);
  return html`<main id="main" tabIndex="-1" ref=${main}>${children}</main>`;
}

function Unknown() {
  return html`<${Empty} title="There is nothing at this address"><p><a href="/">Go to the overview</a></p><//>`;
}

function ConnectionBar() {
  const since = useStore(lost);
  const reason = useStore(why);
  const now = useNow(1000);
  const shown = since === null ? null : shownSince();
  if (since === null) return null;
  return html`<div class="connection" role="alert"><span class="spinner" aria-hidden="true"></span>
    ${reason ? `The server cannot answer: ${reason}.` : 'The connection to the server is lost.'} ${shown && html`What is shown is from ${dateTime(shown)}. `}Trying again… <span class="quiet-text" aria-hidden="true">${span(now - since)}</span></div>`;
}

function Navigation({ who, path, params }) {
  const links = [['/', 'overview', 'Overview'], ['/machines', 'host', 'Machines'], ['/alarms', 'bell', 'Alarms'], ['/sessions', 'sync', 'Sessions']];
  if (allowed(who, 'follow')) links.push(['/restores', 'restore', 'Restores']);
  links.push(['/settings', 'settings', 'Settings']);
  return html`<header class="side">
    <a class="brand" href="/"><svg width="26" height="26" viewBox="0 0 32 32" aria-hidden="true"><rect width="32" height="32" rx="7" class="brand-box" />
      <g fill="none" stroke="#fff" stroke-width="2.6" stroke-linecap="round"><path d="M5 9.500q11 9 22 0" /><path d="M5 16q11 9 22 0" opacity=".75" /><path d="M5 22.500q11 6.5 22 0" opacity=".5" /></g></svg>
      Syncline</a>
    <${SearchBox} path=${path} params=${params} />
    <nav aria-label="Main">
      ${links.map(([href, icon, text]) => html`<a key=${href} href=${href} aria-current=${href === path || (href !== '/' && path.startsWith(`${href}/`)) ? 'page' : undefined}><${Icon} name=${icon} /><span>${text}</span>${href === '/alarms' && html`<${OpenAlarms} />`}</a>`)}
      <a href="/swagger" target="_blank" rel="noopener"><${Icon} name="api" /><span>API</span></a>
    </nav>
    <${Who} who=${who} />
  </header>`;
}

// OpenAlarms counts the alarms that are open, in the navigation.
function OpenAlarms() {
  const { data } = useGet('/v6/Alarms?state=Open&limit=100', { every: 15_000 });
  if (!data?.total) return null;
  const urgent = data.total > data.results.length || data.results.some((a) => isUrgent(a, Date.now()));
  return html`<span class="nav-count ${urgent ? '' : 'calm'}">${count(data.total)}<span class="hidden"> open</span></span>`;
}

function Who({ who }) {
  const theme = () => {
    const dark = document.documentElement.dataset.theme
      ? document.documentElement.dataset.theme === 'dark'
      : matchMedia('(prefers-color-scheme: dark)').matches;
    document.documentElement.dataset.theme = dark ? 'light' : 'dark';
    localStorage.setItem('syncline-theme', document.documentElement.dataset.theme);
  };
  return html`<div class="who">
    <div class="who-name"><bdi title=${who.userName}>${who.userName}</bdi>${who.role !== who.userName && html`<span class="quiet-text">${who.role}</span>`}</div>
    <button class="quiet icon-only" title="Light or dark" aria-label="Switch between light and dark" onClick=${theme}><${Icon} name="sun" /></button>
    <${Button} kind="quiet icon-only" title="Sign out" aria-label="Sign out" onClick=${signOut}><${Icon} name="out" /><//>
  </div>`;
}
