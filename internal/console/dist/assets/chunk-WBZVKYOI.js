import{Z as u,e as l,f as c,fa as y,i as g,ka as v,o as h}from"./chunk-2M5QBSSA.js";function M({title:o,action:r="Save",busyText:s="Saving\u2026",inWords:n=f=>f,onSubmit:i,onClose:a,children:e,kind:t="primary"}){let f=v(),d=h(),[p,$]=c(null),[m,b]=c(!1);g(()=>d.current.querySelector('input:checked, input:not([type="radio"], :disabled, [hidden]), select, textarea')?.focus(),[]);let k=async x=>{if(x.preventDefault(),!m){b(!0),$(null);try{await i(),a()}catch(S){$(S),b(!1)}}};return l`<dialog ref=${f} class="edit" aria-labelledby="form-title" onClose=${a}>
    <h2 id="form-title">${u(o)}</h2>
    <form ref=${d} onSubmit=${k}>${e}
      <${y} error=${p&&{message:n(p.message)}} />
      <div class="actions"><button type="button" class="quiet" onClick=${a}>Cancel</button>
        <button type="submit" class=${t} disabled=${m}>${m?s:r}</button></div>
    </form>
  </dialog>`}function w(o){let[r,s]=c(o),n=e=>s(t=>({...t,...e}));return{form:r,change:n,field:e=>({value:r[e],onInput:t=>n({[e]:t.target.value})}),check:e=>({type:"checkbox",checked:r[e],onChange:t=>n({[e]:t.target.checked})})}}function B({label:o,value:r,options:s,onChange:n,help:i=void 0,...a}){return l`<label>${o}<select value=${r} onChange=${e=>n(e.target.value)} ...${a}>
    ${s.map(([e,t])=>l`<option key=${e} value=${e}>${u(t)}</option>`)}</select>${i&&l`<span class="quiet-text">${i}</span>`}</label>`}function I({by:o}){return o?l`<span class="badge managed" title="Declared in a file for “syncline apply”. Change it there.">from file ${u(o)}</span>`:null}export{M as a,w as b,B as c,I as d};
