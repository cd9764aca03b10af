import{a as c}from"./chunk-A3MWR3SO.js";import{G as r,U as l,_ as i,aa as $,b as s,ba as v,ca as d,ja as h,ka as g,p as n}from"./chunk-JFUQRDAE.js";var w=[["administrator","Administrator","may do everything"],["operator","Operator","sees everything, synchronizes, answers alarms and follows restores"],["restorer","Restorer","sees everything, downloads and restores files"],["viewer","Viewer","sees everything and changes nothing"]];function f({who:e}){return s`<${x} who=${e} /><${k} />${n(e,"manage")&&s`<${S} />`}`}function x({who:e}){let t=w.find(([a])=>a===e.role);return s`<section class="card settings-section" aria-labelledby="you-title">
    <div class="section-head"><h2 id="you-title">You</h2></div>
    <div class="facts-list"><div><span class="label">Name</span><${i} text=${e.userName} /></div>
      <div><span class="label">Role</span>${t?`${t[1]}: ${t[2]}`:l(e.role)}</div></div>
  </section>`}function k(){let e=r("/v6/ServiceInstance"),t=r("/v6/Proxies",{every:15e3});return s`<section class="card settings-section" aria-labelledby="server-title">
    <div class="section-head"><h2 id="server-title">Server</h2></div>
    <${$} error=${e.error??t.error} retry=${()=>{e.reload(),t.reload()}} />
    ${!e.data&&!e.error&&s`<${v} />`}
    ${e.data&&s`<div class="facts-list">
      <div><span class="label">Version</span>${l(e.data.version)}</div>
      <div><span class="label">Installation</span><code class="wrap-name"><${i} text=${e.data.installationId} /></code></div>
      ${(t.data??[]).map(a=>s`<div key=${a.id}><span class="label">${t.data.length>1?"Node":"Runs on"}</span><${i} text=${a.hostName} /> <span class="badge ${a.status==="Online"?"synced":"failed"}">${a.status==="Online"?"online":"offline"}</span></div>`)}
    </div>`}
    <p class="quiet-text"><a href="/swagger" target="_blank" rel="noopener">The API and its description</a></p>
  </section>`}function S(){let e=location.origin;return s`<section class="card settings-section" aria-labelledby="monitoring-title">
    <div class="section-head"><h2 id="monitoring-title">Monitoring</h2></div>
    <div class="facts-list">
      <div><span class="label">Alive, without a sign-in</span><code class="wrap-name"><${i} text="${e}/healthz" /></code></div>
      <div><span class="label">Ready, without a sign-in</span><code class="wrap-name"><${i} text="${e}/readyz" /></code></div>
      <div><span class="label">Metrics for Prometheus</span><code class="wrap-name"><${i} text="${e}/metrics" /></code></div>
    </div>
    <p class="quiet-text">The metrics need a user’s token here, or the one of <code>serve --metrics-token-file</code>. <code>serve --metrics-listen</code> gives them an address of their own, without a token.</p>
  </section>`}var u=[["accounts","Storage accounts",c(()=>import("./accounts-3SZSREGU.js"),"Accounts")],["passwords","Repository passwords",c(()=>import("./keys-PKFOQ2QC.js"),"Keys")]];function q({page:e="",who:t,params:a}){let m=n(t,"manage"),b=[["/settings","General"],...u.map(([o,y])=>[`/settings/${o}`,y])],p=u.find(([o])=>o===e)?.[2];return s`<${h} title="Settings" />
    ${m&&s`<${g} label="Settings" kind="wrap" tabs=${b} current=${e?`/settings/${e}`:"/settings"} />`}
    ${e===""?s`<${f} who=${t} />`:p?m?s`<${p} key=${e} who=${t} params=${a} />`:s`<${d} title="This is for administrators"><p>Ask one of them to change it.</p><//>`:s`<${d} title="There is nothing at this address"><p><a href="/settings">Go to the settings</a></p><//>`}`}export{q as Settings};
