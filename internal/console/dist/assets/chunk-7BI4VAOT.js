import{a as i}from"./chunk-XUEBLZMG.js";import{a as y}from"./chunk-TRBKX5E6.js";import{a as f,b}from"./chunk-WBZVKYOI.js";import{A as m,D as w,L as u,Z as n,b as l,da as r,e as a,f as c,fa as h,ga as v,ja as $,ma as g,t as p}from"./chunk-2M5QBSSA.js";var x=[["administrator","Administrator","may do everything"],["operator","Operator","sees everything, synchronizes, answers alarms and follows restores"],["restorer","Restorer","sees everything, downloads and restores files"],["viewer","Viewer","sees everything and changes nothing"]];function Y({who:e}){return a`<${P} who=${e} /><${N} />${p(e,"manage")&&a`<${k} />`}`}function P({who:e}){let[t,s]=c(!1),o=x.find(([d])=>d===e.role);return a`<section class="card settings-section" aria-labelledby="you-title">
    <div class="section-head"><h2 id="you-title">You</h2><${$} kind="small" icon="edit" onClick=${()=>s(!0)}>Change password<//></div>
    <div class="facts-list"><div><span class="label">Name</span><${r} text=${e.userName} /></div>
      <div><span class="label">Role</span>${o?`${o[1]}: ${o[2]}`:n(e.role)}</div></div>
    ${t&&a`<${C} who=${e} onClose=${()=>s(!1)} />`}
  </section>`}function C({who:e,onClose:t}){let{form:s,field:o}=b({password:"",newPassword:"",again:""});return a`<${f} title="Change your password" action="Change" onSubmit=${async()=>{if(s.newPassword!==s.again)throw new Error("The new passwords differ. Type the same one twice.");await m(`/v6/Users/${encodeURIComponent(e.userName)}/Password`,{password:s.password,newPassword:s.newPassword}),await w(e.userName,s.newPassword),g("The password is changed. Your sign-ins elsewhere have ended.")}} onClose=${t}>
    <input type="text" autoComplete="username" value=${e.userName} hidden readOnly />
    <label>Present password<input type="password" ...${o("password")} required maxLength="4096" autoComplete="current-password" /></label>
    <label>New password<input type="password" ...${o("newPassword")} required maxLength="4096" autoComplete="new-password" /></label>
    <label>New password again<input type="password" ...${o("again")} required maxLength="4096" autoComplete="new-password" /></label>
    <p class="quiet-text">At least 12 characters, and none of the most common passwords. Programs that sign in with it need the new one.</p>
  <//>`}function N(){let e=u("/v6/ServiceInstance"),t=y();return a`<section class="card settings-section" aria-labelledby="server-title">
    <div class="section-head"><h2 id="server-title">Server</h2></div>
    <${h} error=${e.error??t.error} retry=${()=>{e.reload(),t.reload()}} />
    ${!e.data&&!e.error&&a`<${v} />`}
    ${e.data&&a`<div class="facts-list">
      <div><span class="label">Version</span>${n(e.data.version)}</div>
      <div><span class="label">Installation</span><code class="wrap-name"><${r} text=${e.data.installationId} /></code></div>
      ${(t.data??[]).map(s=>a`<div key=${s.id}><span class="label">${(t.data??[]).length>1?"Node":"Runs on"}</span><${r} text=${s.hostName} /> <span class="badge ${i(s).kind}">${i(s).text}</span></div>`)}
    </div>`}
    <p class="quiet-text"><a href="/swagger" target="_blank" rel="noopener">The API and its description</a></p>
  </section>`}function k(){let e=location.origin+l;return a`<section class="card settings-section" aria-labelledby="monitoring-title">
    <div class="section-head"><h2 id="monitoring-title">Monitoring</h2></div>
    <div class="facts-list">
      <div><span class="label">Alive, without a sign-in</span><code class="wrap-name"><${r} text="${e}/healthz" /></code></div>
      <div><span class="label">Ready, without a sign-in</span><code class="wrap-name"><${r} text="${e}/readyz" /></code></div>
      <div><span class="label">Metrics for Prometheus</span><code class="wrap-name"><${r} text="${e}/metrics" /></code></div>
    </div>
    <p class="quiet-text">The metrics need a user’s token here, or the one of <code>serve --metrics-token-file</code>. <code>serve --metrics-listen</code> gives them an address of their own, without a token.</p>
  </section>`}export{x as a,Y as b};
