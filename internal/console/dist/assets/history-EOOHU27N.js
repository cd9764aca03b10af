import{a as J}from"./chunk-EHBYLML5.js";import"./chunk-S3DNIFP6.js";import{a as _}from"./chunk-UIMRT6JR.js";import{a as W}from"./chunk-QGMHVCCG.js";import{A as h,B as H,C as g,G as d,H as w,J as m,K as M,M as u,N as A,O as D,P as f,Q as y,R as B,S as O,T as S,Z as V,b as i,ba as F,c as k,fa as L,g as P,ga as N,h as R,ia as b,ja as j,ka as x,l as v,ma as T,n as I,na as E,pa as G,r as z,v as C,w as q}from"./chunk-OEWYKPU6.js";var U=5e3,X=50;async function Y(t,s,e){let o=[];for(let n;;){let r=await I(z(`/v6/BackupRepositories/${t}/History`,{...N(s),limit:1e3,cursor:n}),{signal:e});if(o.push(...r.results),n=r.nextCursor,!n||o.length>=U)return{versions:o,cut:!!n}}}function Z(t){let s=new Map;for(let e of t){let o=s.get(e.hostName)??[];o.push({...e,before:o[o.length-1]??null}),s.set(e.hostName,o)}return[...s].sort(([e],[o])=>e.localeCompare(o))}function tt(t,s){let e=[],o=(n,r,a)=>r!==a&&e.push(`${n} ${r||"none"} \u2192 ${a||"none"}`);return t.type!==s.type?e.push(`type ${t.type} \u2192 ${s.type}`):s.type==="file"&&t.size!==s.size&&e.push("size"),t.modifyTime!==s.modifyTime&&e.push("time of modification"),o("rights",t.mode,s.mode),o("owner",K(t),K(s)),s.type==="symlink"&&o("target",t.linkTarget,s.linkTarget),e.length>0?e.join(", "):s.type==="dir"?"what is in it":"its content or attributes"}function K(t){return`${t.user||t.uid}:${t.group||t.gid}`}function wt({id:t,params:s,who:e}){let o=L(s),n=s.get("host"),r=q(`/v6/BackupRepositories/${t}`),a=C($=>Y(t,o,$),[`${t} ${o.rawPath??o.path}`]),p=R(()=>Z(a.data?.versions??[]),[a.data]),c=r.error??a.error,l=n?p.filter(([$])=>$===n):p;return i`
    <${V} title=${`History of ${M(j(o))}`} above=${i`<a class="crumb" href="/">Overview</a> / <a class="crumb" href="/repositories/${t}">${r.data?i`<${f} text=${r.data.name} />`:"Repository"}</a>`} />
    <${W} place=${o} link=${$=>T(t,$,{host:n})} label="Folders of this path" />
    <${B} error=${c?.status?c:null} retry=${c?.status===404?null:a.reload} />
    ${!a.data&&!a.error&&i`<${O} what="Looking through the restore points" />`}
    ${a.data&&i`
      ${p.length>1&&i`<${et} hosts=${p} host=${n} />`}
      ${l.length===0&&i`<${S} title="This host never had it"><p><a href=${T(t,o)}>Show all hosts</a></p><//>`}
      ${l.length>0&&i`<${st} hosts=${l} />`}
      ${l.map(([$,Q])=>i`<${it} key=${$} id=${t} name=${$} versions=${Q} place=${o} who=${e} />`)}
      ${a.data.cut&&i`<p class="quiet-text">Only the oldest ${h(a.data.versions.length)} versions are shown.</p>`}`}`}function et({hosts:t,host:s}){return i`<label class="inline">Host<select value=${s??""} onChange=${e=>F({host:e.target.value})}>
    <option value="">All ${h(t.length)}</option>
    ${t.map(([e])=>i`<option key=${e} value=${e}>${m(e)}</option>`)}</select></label>`}function st({hosts:t}){let s=P(),e=_(s),o=t.flatMap(([,p])=>p.flatMap(c=>[Date.parse(c.firstTime),Date.parse(c.lastTime)])),n=Math.min(...o),r=Math.max(...o,n+36e5),a=p=>(Date.parse(p)-n)/(r-n)*(e-4);return i`<div class="timeline strips" ref=${s} aria-hidden="true">${e>0&&i`
    ${t.slice(0,12).map(([p,c])=>i`<div key=${p} class="strip">
      <${f} text=${p} />
      <svg width=${e} height="18"><line x1="0" x2=${e} y1="9" y2="9" class="lane-line" />
        ${c.filter(l=>l.entry).map(l=>i`<rect key=${l.firstRestorePointId} x=${a(l.firstTime)} y="3" height="12" rx="2"
          width=${Math.max(4,a(ot(l,c))-a(l.firstTime))} class="strip-part"><title>${`${d(l.firstTime)} \u2013 ${d(l.lastTime)}, ${l.entry.type==="file"?g(l.entry.size):l.entry.type}`}</title></rect>`)}
      </svg></div>`)}
    <div class="axis"><span>${w(n)}</span><span>${w(r)}</span></div>`}
  </div>`}function ot(t,s){return s[s.indexOf(t)+1]?.firstTime??t.lastTime}function it({id:t,name:s,versions:e,place:o,who:n}){let[r,a]=k(X),p=e[e.length-1],c=e.filter($=>$.entry),l=e.slice(-r).reverse();return i`<section class="host-history" aria-label=${`On ${m(s)}`}>
    <div class="section-head"><h2><${y} name="host" /> <${f} text=${s} /></h2>
      <span class="quiet-text">${H(c.length,"version")}${p.entry?"":", gone now"}</span></div>
    <ol class="versions">${l.map($=>i`<${rt} key=${$.firstRestorePointId+$.event} id=${t} version=${$} place=${o} who=${n} />`)}</ol>
    ${e.length>r&&i`<button class="small" onClick=${()=>a(r*4)}>Show older versions</button>`}
  </section>`}var nt={Appeared:["appeared","synced"],Changed:["changed","running"],Vanished:["vanished","behind"]};function rt({version:t,place:s,who:e}){let[o,n]=nt[t.event],r=d(t.firstTime),a=t.entry?.type==="file";return i`<li>
    <span class="badge ${n}">${o}</span>
    <div class="version-when"><${u} at=${t.firstTime} /> <span class="quiet-text block"><${A} at=${t.firstTime} />, ${t.restorePoints===1?"in one restore point":i`in ${h(t.restorePoints)} restore points, until <${u} at=${t.lastTime} />`}</span></div>
    <div class="version-what">${t.entry?i`<${at} version=${t} />`:i`<span class="quiet-text">no longer there</span>`}</div>
    <div class="actions">
      ${a&&v(e,"restore")&&i`<${J} point=${t.lastRestorePointId} place=${s} label=${`Download the version of ${r}`}>Download<//>`}
      <a class="button small" href=${t.entry?.type==="dir"?x(t.lastRestorePointId,s):t.entry?G(t.lastRestorePointId,s):x(t.lastRestorePointId,b(s))}
        aria-label=${`Browse the restore point of ${r}`}><${y} name="folder" size="15" />Browse</a>
      ${t.before&&i`<a class="button small" href=${E(t.before.lastRestorePointId,t.firstRestorePointId,t.before.entry?.type==="dir"&&t.entry?.type==="dir"?s:b(s))}
        aria-label=${`Compare the folder of ${r} with the version before`}><${y} name="compare" size="15" />Compare</a>`}
    </div></li>`}function at({version:{entry:t,event:s,before:e}}){let o=e?.entry?.type==="file"&&t.type==="file"?t.size-e.entry.size:0;return i`<span>${t.type==="file"?i`<${D} n=${t.size} />`:t.type==="dir"?"folder":t.type}
      ${o!==0&&i` <span class="quiet-text number">(${o>0?"+":"\u2212"}${g(Math.abs(o))})</span>`}</span>
    ${t.modifyTime&&i`<span class="quiet-text">modified <${u} at=${t.modifyTime} /></span>`}
    ${s==="Changed"&&e?.entry&&i`<span class="quiet-text block">changed: <bdi>${m(tt(e.entry,t))}</bdi></span>`}`}export{wt as History,Z as byHost,tt as changes};
