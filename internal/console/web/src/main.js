import { render } from 'preact';
import { html } from './html.js';
import { App, isView } from './app.js';
import { start } from './api.js';
import { keepScrolling } from './kept.js';
import { listen } from './router.js';

document.documentElement.dataset.theme = localStorage.getItem('syncline-theme') || '';
listen(isView);
keepScrolling();
render(html`<${App} />`, /** @type {HTMLElement} */ (document.getElementById('app')));
start();
