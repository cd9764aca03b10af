// The one place where templates meet Preact. Links get the base of the server's
// addresses here.
import htm from 'htm';
import { h } from 'preact';
import { base, withBase } from './base.js';

/** @type {(type: any, props: any, ...children: any[]) => any} */
const linked = (type, props, ...children) => h(type, typeof type === 'string' && typeof props?.href === 'string' ? { ...props, href: withBase(props.href) } : props, ...children);

/** @type {(parts: TemplateStringsArray, ...values: any[]) => any} */
export const html = htm.bind(base ? linked : h);
