// The way to a place, as links.
import { html } from './html.js';
import { trail } from './places.js';
import { Name } from './ui.js';

// Trail shows the way to a place. link gives each step's address.
export function Trail({ place, link, label }) {
  const steps = trail(place);
  return html`<nav class="trail" aria-label=${label}><ol>${steps.map((step, i) => html`<li key=${i}>
    <a href=${link(step)} aria-current=${i === steps.length - 1 ? 'page' : undefined}><${Name} text=${step.name} /></a></li>`)}</ol></nav>`;
}
