import { render } from 'preact';
import { html } from './html.js';
import { App, isView } from './app.js';
import { start } from './api.js';
import { listen } from './router.js';

document.documentElement.dataset.theme = localStorage.getItem('syncline-theme') || '';
listen(isView);
render(html`<${App} />`, document.getElementById('app'));
start();
