// The settings: of the user, and for administrators of the whole server.
import { html } from '../html.js';
import { allowed } from '../api.js';
import { lazy } from '../lazy.js';
import { Empty, Heading, Tabs } from '../ui.js';
import { General } from './general.js';

/** @type {[string, string, any][]} */
const pages = [
  ['users', 'Users', lazy(() => import('./users.js'), 'Users')],
  ['rules', 'Alarm rules', lazy(() => import('./rules.js'), 'Rules')],
  ['notifications', 'Notifications', lazy(() => import('./channels.js'), 'Channels')],
  ['accounts', 'Storage accounts', lazy(() => import('./accounts.js'), 'Accounts')],
  ['nodes', 'Nodes', lazy(() => import('./nodes.js'), 'Nodes')],
  ['passwords', 'Repository passwords', lazy(() => import('./keys.js'), 'Keys')],
];

export function Settings({ page = '', who, params }) {
  const manages = allowed(who, 'manage');
  const tabs = [['/settings', 'General'], ...pages.map(([name, text]) => [`/settings/${name}`, text])];
  const View = pages.find(([name]) => name === page)?.[2];
  return html`<${Heading} title="Settings" />
    ${manages && html`<${Tabs} label="Settings" kind="wrap" tabs=${tabs} current=${page ? `/settings/${page}` : '/settings'} />`}
    ${page === '' ? html`<${General} who=${who} />`
      : !View ? html`<${Empty} title="There is nothing at this address"><p><a href="/settings">Go to the settings</a></p><//>`
      : manages ? html`<${View} key=${page} who=${who} params=${params} />`
      : html`<${Empty} title="This is for administrators"><p>Ask one of them to change it.</p><//>`}`;
}
