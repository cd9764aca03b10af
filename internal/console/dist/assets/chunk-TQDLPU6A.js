import{Z as u,e as l,f as s,fa as g,i as $,ka as h,o as b}from"./chunk-2M5QBSSA.js";function F({title:o,action:r="Save",busyText:i="Saving\u2026",onSubmit:n,onClose:a,children:c,kind:e="primary"}){let t=h(),m=b(),[y,d]=s(null),[f,p]=s(!1);$(()=>m.current.querySelector('input:checked, input:not([type="radio"], :disabled, [hidden]), select, textarea')?.focus(),[]);let v=async k=>{if(k.preventDefault(),!f){p(!0),d(null);try{await n(),a()}catch(x){d(x),p(!1)}}};return l`<dialog ref=${t} class="edit" aria-labelledby="form-title" onClose=${a}>
    <h2 id="form-title">${u(o)}</h2>
    <form ref=${m} onSubmit=${v}>${c}
      <${g} error=${y} />
      <div class="actions"><button type="button" class="quiet" onClick=${a}>Cancel</button>
        <button type="submit" class=${e} disabled=${f}>${f?i:r}</button></div>
    </form>
  </dialog>`}function M(o){let[r,i]=s(o),n=e=>i(t=>({...t,...e}));return{form:r,change:n,field:e=>({value:r[e],onInput:t=>n({[e]:t.target.value})}),check:e=>({type:"checkbox",checked:r[e],onChange:t=>n({[e]:t.target.checked})})}}function w({label:o,value:r,options:i,onChange:n,help:a=void 0,...c}){return l`<label>${o}<select value=${r} onChange=${e=>n(e.target.value)} ...${c}>
    ${i.map(([e,t])=>l`<option key=${e} value=${e}>${u(t)}</option>`)}</select>${a&&l`<span class="quiet-text">${a}</span>`}</label>`}function B({by:o}){return o?l`<span class="badge managed" title="Declared in a file for “syncline apply”. Change it there.">from file ${u(o)}</span>`:null}export{F as a,M as b,w as c,B as d};
