import{U as u,aa as g,b as l,c,e as $,fa as h,l as b}from"./chunk-JFUQRDAE.js";function F({title:r,action:o="Save",busyText:i="Saving\u2026",onSubmit:n,onClose:a,children:s,kind:e="primary"}){let t=h(),m=b(),[y,d]=c(null),[f,p]=c(!1);$(()=>m.current.querySelector('input:not([type="radio"], :disabled, [hidden]), select, textarea')?.focus(),[]);let v=async x=>{if(x.preventDefault(),!f){p(!0),d(null);try{await n(),a()}catch(k){d(k),p(!1)}}};return l`<dialog ref=${t} class="edit" aria-labelledby="form-title" onClose=${a}>
    <h2 id="form-title">${u(r)}</h2>
    <form ref=${m} onSubmit=${v}>${s}
      <${g} error=${y} />
      <div class="actions"><button type="button" class="quiet" onClick=${a}>Cancel</button>
        <button type="submit" class=${e} disabled=${f}>${f?i:o}</button></div>
    </form>
  </dialog>`}function M(r){let[o,i]=c(r),n=e=>i(t=>({...t,...e}));return{form:o,change:n,field:e=>({value:o[e],onInput:t=>n({[e]:t.target.value})}),check:e=>({type:"checkbox",checked:o[e],onChange:t=>n({[e]:t.target.checked})})}}function w({label:r,value:o,options:i,onChange:n,help:a=void 0,...s}){return l`<label>${r}<select value=${o} onChange=${e=>n(e.target.value)} ...${s}>
    ${i.map(([e,t])=>l`<option key=${e} value=${e}>${u(t)}</option>`)}</select>${a&&l`<span class="quiet-text">${a}</span>`}</label>`}function B({by:r}){return r?l`<span class="badge managed" title="Declared in a file for “syncline apply”. Change it there.">in file ${u(r)}</span>`:null}export{F as a,M as b,w as c,B as d};
