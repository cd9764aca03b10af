import{a as g,b as f}from"./chunk-EQAZBBBP.js";import{A as m,D as w,L as r,Z as i,b as l,da as o,e as a,f as c,fa as u,ga as v,ja as h,ma as $,t as p}from"./chunk-KPLVUOVL.js";var b=[["administrator","Administrator","may do everything"],["operator","Operator","sees everything, synchronizes, answers alarms and follows restores"],["restorer","Restorer","sees everything, downloads and restores files"],["viewer","Viewer","sees everything and changes nothing"]];function A({who:e}){return a`<${y} who=${e} /><${P} />${p(e,"manage")&&a`<${C} />`}`}function y({who:e}){let[t,s]=c(!1),n=b.find(([d])=>d===e.role);return a`<section class="card settings-section" aria-labelledby="you-title">
    <div class="section-head"><h2 id="you-title">You</h2><${h} kind="small" icon="edit" onClick=${()=>s(!0)}>Change password<//></div>
    <div class="facts-list"><div><span class="label">Name</span><${o} text=${e.userName} /></div>
      <div><span class="label">Role</span>${n?`${n[1]}: ${n[2]}`:i(e.role)}</div></div>
    ${t&&a`<${x} who=${e} onClose=${()=>s(!1)} />`}
  </section>`}function x({who:e,onClose:t}){let{form:s,field:n}=f({password:"",newPassword:"",again:""});return a`<${g} title="Change your password" action="Change" onSubmit=${async()=>{if(s.newPassword!==s.again)throw new Error("The new passwords differ. Type the same one twice.");await m(`/v6/Users/${encodeURIComponent(e.userName)}/Password`,{password:s.password,newPassword:s.newPassword}),await w(e.userName,s.newPassword),$("The password is changed. Your sign-ins elsewhere have ended.")}} onClose=${t}>
    <input type="text" autoComplete="username" value=${e.userName} hidden readOnly />
    <label>Present password<input type="password" ...${n("password")} required maxLength="4096" autoComplete="current-password" /></label>
    <label>New password<input type="password" ...${n("newPassword")} required maxLength="4096" autoComplete="new-password" /></label>
    <label>New password again<input type="password" ...${n("again")} required maxLength="4096" autoComplete="new-password" /></label>
    <p class="quiet-text">At least 12 characters, and none of the most common passwords. Programs that sign in with it need the new one.</p>
  <//>`}function P(){let e=r("/v6/ServiceInstance"),t=r("/v6/Proxies",{every:15e3});return a`<section class="card settings-section" aria-labelledby="server-title">
    <div class="section-head"><h2 id="server-title">Server</h2></div>
    <${u} error=${e.error??t.error} retry=${()=>{e.reload(),t.reload()}} />
    ${!e.data&&!e.error&&a`<${v} />`}
    ${e.data&&a`<div class="facts-list">
      <div><span class="label">Version</span>${i(e.data.version)}</div>
      <div><span class="label">Installation</span><code class="wrap-name"><${o} text=${e.data.installationId} /></code></div>
      ${(t.data??[]).map(s=>a`<div key=${s.id}><span class="label">${t.data.length>1?"Node":"Runs on"}</span><${o} text=${s.hostName} /> <span class="badge ${s.status==="Online"?"synced":"failed"}">${s.status==="Online"?"online":"offline"}</span></div>`)}
    </div>`}
    <p class="quiet-text"><a href="/swagger" target="_blank" rel="noopener">The API and its description</a></p>
  </section>`}function C(){let e=location.origin+l;return a`<section class="card settings-section" aria-labelledby="monitoring-title">
    <div class="section-head"><h2 id="monitoring-title">Monitoring</h2></div>
    <div class="facts-list">
      <div><span class="label">Alive, without a sign-in</span><code class="wrap-name"><${o} text="${e}/healthz" /></code></div>
      <div><span class="label">Ready, without a sign-in</span><code class="wrap-name"><${o} text="${e}/readyz" /></code></div>
      <div><span class="label">Metrics for Prometheus</span><code class="wrap-name"><${o} text="${e}/metrics" /></code></div>
    </div>
    <p class="quiet-text">The metrics need a user’s token here, or the one of <code>serve --metrics-token-file</code>. <code>serve --metrics-listen</code> gives them an address of their own, without a token.</p>
  </section>`}export{b as a,A as b};
