import{c as i}from"./chunk-FPUQB2RO.js";import{da as l,e as a}from"./chunk-2M5QBSSA.js";function c({place:n,link:o,label:m}){let r=i(n);return a`<nav class="trail" aria-label=${m}><ol>${r.map((t,e)=>a`<li key=${e}>
    <a href=${o(t)} aria-current=${e===r.length-1?"page":void 0}><${l} text=${t.name} /></a></li>`)}</ol></nav>`}export{c as a};
