// Views that are fetched when they are first opened, so that the first load
// stays small.
import { useEffect, useReducer, useState } from 'preact/hooks';
import { html } from './html.js';
import { Loading, Problem } from './ui.js';

// lazy makes a component of load's export with this name.
export function lazy(load, name) {
  /** @type {any} */
  let view = null;
  return function Lazy(props) {
    const [, redraw] = useReducer((n) => n + 1, 0);
    const [error, setError] = useState(/** @type {{ message: string } | null} */ (null));
    const fetchView = () => {
      setError(null);
      load().then((module) => {
        view = module[name];
        redraw(0);
      }, () => setError({ message: 'This part of the console could not be loaded. It may have been replaced by a newer one: load the page again.' }));
    };
    useEffect(() => {
      if (!view) fetchView();
    }, []);
    if (view) return html`<${view} ...${props} />`;
    return error ? html`<${Problem} error=${error} retry=${() => location.reload()} />` : html`<${Loading} />`;
  };
}
