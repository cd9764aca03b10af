import{a as y,b as w,d as q}from"./chunk-WBZVKYOI.js";import{a as E}from"./chunk-QKG4GXTG.js";import{A as f,B as g,L as b,Z as $,da as m,e as i,f as c,fa as v,ga as k,ha as x,ja as l,la as C,ma as h,z as u}from"./chunk-2M5QBSSA.js";function I(){let e=b("/v6/EncryptionKeys"),t=E(),[n,a]=c(!1),s=[e.error,t.error].find(o=>o?.status),d=e.data&&t.data,r=()=>Promise.all([e.reload(),t.reload()]);return i`<section class="settings-section" aria-labelledby="keys-title">
    <div class="section-head"><h2 id="keys-title">Repository passwords</h2><${l} kind="primary small" icon="plus" onClick=${()=>a(!0)}>Add a password<//></div>
    <p class="quiet-text">restic encrypts each repository with a password. Syncline keeps it sealed, and never shows it again.</p>
    <${v} error=${s} retry=${r} />
    ${!d&&!s&&i`<${k} />`}
    ${d&&e.data.length===0&&i`<${x} title="No passwords"><p>Adding a repository adds its password.</p><//>`}
    ${d&&e.data.length>0&&i`<ul class="items" aria-labelledby="keys-title">${e.data.map(o=>i`<${P} key=${o.id} one=${o} used=${(t.data??[]).filter(p=>p.encryptionKeyId===o.id)} reload=${r} />`)}</ul>`}
    ${n&&i`<${A} onClose=${()=>a(!1)} reload=${r} />`}
  </section>`}function P({one:e,used:t,reload:n}){let[a,s]=c(""),d=()=>s(""),r=e.description||e.id;return i`<li>
    <div class="item-text"><span class="item-title"><${m} text=${r} /><${q} by=${e.managedBy} /></span>
      <span class="quiet-text">${t.length===0?"Not used":i`Opens ${t.slice(0,4).map((o,p)=>i`${p>0&&", "}<a key=${o.id} href="/repositories/${o.id}"><${m} text=${o.name} /></a>`)}${t.length>4&&` and ${t.length-4} more`}`}</span></div>
    ${!e.managedBy&&i`<div class="actions">
      <${l} kind="quiet small" icon="edit" aria-label=${`Edit ${$(r)}`} onClick=${()=>s("edit")}>Edit<//>
      <${l} kind="quiet small" icon="trash" disabled=${t.length>0} title=${t.length>0?"A repository uses it":void 0} aria-label=${`Remove ${$(r)}`} onClick=${()=>s("remove")}>Remove<//></div>`}
    ${a==="edit"&&i`<${K} one=${e} used=${t} reload=${n} onClose=${d} />`}
    ${a==="remove"&&i`<${C} title=${`Remove ${r}?`} action="Remove" onClose=${d} onConfirm=${async()=>{await g(`/v6/EncryptionKeys/${e.id}`),await n()}}><p>Syncline forgets the password. No repository uses it.</p><//>`}
  </li>`}function K({one:e,used:t,reload:n,onClose:a}){let{form:s,field:d,check:r}=w({description:e.description,newPassword:"",force:!1}),o=async()=>{await f(`/v6/EncryptionKeys/${e.id}`,{description:s.description.trim(),...s.newPassword&&{newPassword:s.newPassword,force:s.force}}),h("Saved."),await n()};return i`<${y} title=${`Edit ${e.description||e.id}`} busyText="Checking…" onSubmit=${o} onClose=${a}>
    <label>Description<input ...${d("description")} required maxLength="1024" /></label>
    <label>New password<input type="password" ...${d("newPassword")} maxLength="4096" autoComplete="off" placeholder="unchanged" /></label>
    <p class="quiet-text">Syncline changes the password that it keeps${t.length>0?`, and tries it with ${t.length===1?"the repository":"each repository"} that it opens`:""}. The repository’s own is changed with “restic key passwd”.</p>
    ${s.newPassword&&t.length>0&&i`<label class="check"><input ...${r("force")} />Keep it although a repository cannot be reached</label>`}
  <//>`}function A({onClose:e,reload:t}){let{form:n,field:a}=w({description:"",password:""});return i`<${y} title="Add a password" action="Add" onSubmit=${async()=>{await u("/v6/EncryptionKeys",{description:n.description.trim(),password:n.password}),h("The password is added."),await t()}} onClose=${e}>
    <label>Description<input ...${a("description")} required maxLength="1024" placeholder="Laptops" /></label>
    <label>Password<input type="password" ...${a("password")} required maxLength="4096" autoComplete="off" /></label>
    <p class="quiet-text">The password that restic is run with. It is tried when a repository is added with it.</p>
  <//>`}export{I as Keys};
