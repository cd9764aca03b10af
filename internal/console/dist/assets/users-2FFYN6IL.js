import{a as h}from"./chunk-7BI4VAOT.js";import"./chunk-XUEBLZMG.js";import"./chunk-TRBKX5E6.js";import{a as m,b as c,d as U}from"./chunk-WBZVKYOI.js";import{A as f,B as C,L as v,Z as w,ba as y,da as k,e as s,ea as x,f as u,fa as q,ga as A,ja as $,la as R,ma as d,z as b}from"./chunk-2M5QBSSA.js";var g=e=>`/v6/Users/${encodeURIComponent(e.name)}`;function j({who:e}){let a=v("/v6/Users",{every:3e4}),[o,n]=u(!1);return s`<section class="settings-section" aria-labelledby="users-title">
    <div class="section-head"><h2 id="users-title">Users</h2><${$} kind="primary small" icon="plus" onClick=${()=>n(!0)}>Add a user<//></div>
    <${q} error=${a.error?.status?a.error:null} retry=${a.reload} />
    ${!a.data&&!a.error&&s`<${A} />`}
    ${a.data&&s`<ul class="items" aria-labelledby="users-title">${a.data.map(t=>s`<${P} key=${t.name} user=${t} who=${e} reload=${a.reload} />`)}</ul>`}
    ${o&&s`<${N} onClose=${()=>n(!1)} reload=${a.reload} />`}
  </section>`}function P({user:e,who:a,reload:o}){let[n,t]=u(""),r=()=>t(""),l=e.name.toLowerCase()===a.userName.toLowerCase(),i=h.find(([S])=>S===e.role),p=w(e.name);return s`<li>
    <div class="item-text"><span class="item-title"><${k} text=${e.name} />${l&&s`<span class="badge">you</span>`}<${U} by=${e.managedBy} /></span>
      <span class="quiet-text">${i?`${i[1]}: ${i[2]}`:w(e.role)} · added <${y} at=${e.createdTime} /></span></div>
    ${!e.managedBy&&s`<div class="actions">
      <${$} kind="quiet small" icon="edit" aria-label=${`Change the role of ${p}`} onClick=${()=>t("role")}>Role<//>
      ${!l&&s`<${$} kind="quiet small" icon="key" aria-label=${`Set a password for ${p}`} onClick=${()=>t("password")}>Password<//>`}
      ${!l&&s`<${$} kind="quiet small" icon="trash" aria-label=${`Remove ${p}`} onClick=${()=>t("remove")}>Remove<//>`}
    </div>`}
    ${n==="role"&&s`<${T} user=${e} own=${l} reload=${o} onClose=${r} />`}
    ${n==="password"&&s`<${B} user=${e} reload=${o} onClose=${r} />`}
    ${n==="remove"&&s`<${R} title=${`Remove ${e.name}?`} action="Remove" onClose=${r} onConfirm=${async()=>{await C(g(e)),d(`${e.name} is removed.`),o()}}><p>The user is signed out everywhere at once. Alarms keep the name of the user who acknowledged them.</p><//>`}
  </li>`}function L({value:e,onChange:a}){return s`<fieldset class="choices roles"><legend>Role</legend>${h.map(([o,n,t])=>s`<label key=${o}>
    <input type="radio" name="role" value=${o} checked=${e===o} onChange=${()=>a(o)} /><span>${n}<span class="quiet-text"> ${t}</span></span></label>`)}</fieldset>`}function N({onClose:e,reload:a}){let{form:o,field:n,change:t}=c({name:"",password:"",role:"viewer"});return s`<${m} title="Add a user" action="Add" busyText="Adding…" onSubmit=${async()=>{await b("/v6/Users",{name:o.name.trim(),role:o.role,password:o.password}),d(`${o.name.trim()} is added.`),await a()}} onClose=${e}>
    <label>Name<input ...${n("name")} required maxLength="255" autoComplete="off" autoCapitalize="none" spellCheck=${!1} /></label>
    <label>Password<input type="password" ...${n("password")} required maxLength="4096" autoComplete="off" /><span class="quiet-text">At least 12 characters, and none of the most common passwords.</span></label>
    <${L} value=${o.role} onChange=${l=>t({role:l})} />
  <//>`}function T({user:e,own:a,reload:o,onClose:n}){let{form:t,change:r}=c({role:e.role}),l=async()=>{t.role!==e.role&&(await f(g(e),{role:t.role}),d(`${e.name} has another role.`),await o())};return s`<${m} title=${`Role of ${e.name}`} onSubmit=${l} onClose=${n}>
    <${L} value=${t.role} onChange=${i=>r({role:i})} />
    <p class="quiet-text">${a?"Another role signs you out at once.":"Another role signs the user out; signing in again brings the new rights."}</p>
  <//>`}function B({user:e,reload:a,onClose:o}){let{form:n,field:t}=c({password:""}),r=async()=>{await f(g(e),{password:n.password}),d(`${e.name} has another password.`),await a()};return s`<${m} title=${`Password of ${e.name}`} action="Set" onSubmit=${r} onClose=${o}>
    <label>New password<input type="password" ...${t("password")} required maxLength="4096" autoComplete="off" /></label>
    <p class="quiet-text"><${x} name="warning" size="15" /> The user is signed out everywhere at once, and needs the new password from you.</p>
  <//>`}export{j as Users};
