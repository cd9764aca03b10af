// A link that saves a file.
import { html } from './html.js';
import { save } from './archive.js';
import { contentAddress } from './places.js';
import { Icon, notify } from './ui.js';

export function Download({ point, place, label, children }) {
  const href = contentAddress(point, place);
  const click = (event) => {
    event.preventDefault();
    save(href).catch((error) => notify(error.message, 'error'));
  };
  return html`<a class="button small" href=${href} download aria-label=${label} onClick=${click}><${Icon} name="download" size="15" />${children}</a>`;
}
