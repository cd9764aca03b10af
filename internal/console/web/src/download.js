// Getting a file's bytes back. The browser itself makes the request.
import { html } from './html.js';
import { fresh, request } from './api.js';
import { contentAddress } from './places.js';
import { Icon, notify } from './ui.js';

// download asks first whether there is something to be had, since a browser
// does not tell why a download fails.
async function download(href) {
  await fresh();
  await request('HEAD', href);
  const link = Object.assign(document.createElement('a'), { href, download: '' });
  document.body.append(link);
  link.click();
  link.remove();
}

export function Download({ point, place, label, children }) {
  const href = contentAddress(point, place);
  const click = (event) => {
    event.preventDefault();
    download(href).catch((error) => notify(error.message, 'error'));
  };
  return html`<a class="button small" href=${href} download aria-label=${label} onClick=${click}><${Icon} name="download" size="15" />${children}</a>`;
}
