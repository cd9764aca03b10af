import{a as x,b as C,d as A}from"./chunk-46UK4S2R.js";import{a as k}from"./chunk-BHTSFGCA.js";import{G as u,U as h,_ as c,aa as f,b as s,ba as w,c as p,ca as g,ea as m,ga as v,ha as b,u as $,w as y}from"./chunk-JFUQRDAE.js";function F(){let e=u("/v6/EncryptionKeys"),t=k(),[r,o]=p(!1),n=[e.error,t.error].find(i=>i?.status),d=e.data&&t.data,a=()=>Promise.all([e.reload(),t.reload()]);return s`<section class="settings-section" aria-labelledby="keys-title">
    <div class="section-head"><h2 id="keys-title">Repository passwords</h2><${m} kind="primary small" icon="plus" onClick=${()=>o(!0)}>Add a password<//></div>
    <p class="quiet-text">restic encrypts each repository with a password. Syncline keeps it sealed, and never shows it again.</p>
    <${f} error=${n} retry=${a} />
    ${!d&&!n&&s`<${w} />`}
    ${d&&e.data.length===0&&s`<${g} title="No passwords"><p>Adding a repository adds its password.</p><//>`}
    ${d&&e.data.length>0&&s`<ul class="items" aria-labelledby="keys-title">${e.data.map(i=>s`<${q} key=${i.id} one=${i} used=${(t.data??[]).filter(l=>l.encryptionKeyId===i.id)} reload=${a} />`)}</ul>`}
    ${r&&s`<${K} onClose=${()=>o(!1)} reload=${a} />`}
  </section>`}function q({one:e,used:t,reload:r}){let[o,n]=p(""),d=()=>n(""),a=e.description||e.id;return s`<li>
    <div class="item-text"><span class="item-title"><${c} text=${a} /><${A} by=${e.managedBy} /></span>
      <span class="quiet-text">${t.length===0?"Not used":s`Opens ${t.slice(0,4).map((i,l)=>s`${l>0&&", "}<a key=${i.id} href="/repositories/${i.id}"><${c} text=${i.name} /></a>`)}${t.length>4&&` and ${t.length-4} more`}`}</span></div>
    ${!e.managedBy&&s`<div class="actions">
      <${m} kind="quiet small" icon="trash" disabled=${t.length>0} title=${t.length>0?"A repository uses it":void 0} aria-label=${`Remove ${h(a)}`} onClick=${()=>n("remove")}>Remove<//></div>`}
    ${o==="remove"&&s`<${v} title=${`Remove ${a}?`} action="Remove" onClose=${d} onConfirm=${async()=>{await y(`/v6/EncryptionKeys/${e.id}`),await r()}}><p>Syncline forgets the password. No repository uses it.</p><//>`}
  </li>`}function K({onClose:e,reload:t}){let{form:r,field:o}=C({description:"",password:""});return s`<${x} title="Add a password" action="Add" onSubmit=${async()=>{await $("/v6/EncryptionKeys",{description:r.description.trim(),password:r.password}),b("The password is added."),await t()}} onClose=${e}>
    <label>Description<input ...${o("description")} required maxLength="1024" placeholder="Laptops" /></label>
    <label>Password<input type="password" ...${o("password")} required maxLength="4096" autoComplete="off" /></label>
    <p class="quiet-text">The password that restic is run with. It is tried when a repository is added with it.</p>
  <//>`}export{F as Keys};
