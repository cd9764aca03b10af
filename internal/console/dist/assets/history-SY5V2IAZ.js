import{a as G}from"./chunk-HSGFQUHL.js";import"./chunk-NECPTCYM.js";import{a as _}from"./chunk-FGMYMI6P.js";import{a as K}from"./chunk-S4GI26LD.js";import{b as j,e as W}from"./chunk-R44R6RPK.js";import{$ as D,D as z,H as h,I as C,J as g,N as d,O as w,S as m,T as q,V as u,W as H,X as M,Y as f,Z as y,_ as A,aa as O,b as i,h as k,ha as B,j as P,la as V,n as R,pa as F,q as v,qa as L,sa as b,ta as N,ua as x,v as I,wa as T,xa as S,za as E}from"./chunk-3H3YKUII.js";var U=5e3,X=50;async function Y(t,e,s){let o=[];for(let n;;){let r=await v(I(`/v6/BackupRepositories/${t}/History`,{...L(e),limit:1e3,cursor:n}),{signal:s});if(o.push(...r.results),n=r.nextCursor,!n||o.length>=U)return{versions:o,cut:!!n}}}function Z(t){let e=new Map;for(let s of t){let o=e.get(s.hostName)??[];o.push({...s,before:o[o.length-1]??null}),e.set(s.hostName,o)}return[...e].sort(([s],[o])=>s.localeCompare(o))}function tt(t,e){let s=[],o=(n,r,a)=>r!==a&&s.push(`${n} ${r||"none"} \u2192 ${a||"none"}`);return t.type!==e.type?s.push(`type ${t.type} \u2192 ${e.type}`):e.type==="file"&&t.size!==e.size&&s.push("size"),t.modifyTime!==e.modifyTime&&s.push("time of modification"),o("rights",t.mode,e.mode),o("owner",J(t),J(e)),e.type==="symlink"&&o("target",t.linkTarget,e.linkTarget),s.length>0?s.join(", "):e.type==="dir"?"what is in it":"its content or attributes"}function J(t){return`${t.user||t.uid}:${t.group||t.gid}`}function Tt({id:t,params:e,who:s}){let o=F(e),n=e.get("host"),r=j(t),a=z($=>Y(t,o,$),[`history ${t} ${o.rawPath??o.path}`]),p=k(()=>Z(a.data?.versions??[]),[a.data]),c=r.error??a.error,l=n?p.filter(([$])=>$===n):p;return i`
    <${B} title=${`History of ${q(N(o))}`} above=${i`<a class="crumb" href="/">Overview</a> / <a class="crumb" href="/repositories/${t}">${r.data?i`<${f} text=${r.data.name} />`:"Repository"}</a>`} />
    <${K} place=${o} link=${$=>T(t,$,{host:n})} label="Folders of this path" />
    <${A} error=${c?.status?c:null} retry=${c?.status===404?null:a.reload} />
    ${!a.data&&!a.error&&i`<${D} what="Looking through the restore points" />`}
    ${a.data&&i`
      ${p.length>1&&i`<${et} hosts=${p} host=${n} />`}
      ${l.length===0&&i`<${O} title="This host never had it"><p><a href=${T(t,o)}>Show all hosts</a></p><//>`}
      ${l.length>0&&i`<${st} hosts=${l} />`}
      ${l.map(([$,Q])=>i`<${it} key=${$} id=${t} name=${$} versions=${Q} place=${o} who=${s} />`)}
      ${a.data.cut&&i`<p class="quiet-text">Only the oldest ${h(a.data.versions.length)} versions are shown.</p>`}`}`}function et({hosts:t,host:e}){return i`<label class="inline">Host<select value=${e??""} onChange=${s=>V({host:s.target.value})}>
    <option value="">All ${h(t.length)}</option>
    ${t.map(([s])=>i`<option key=${s} value=${s}>${m(s)}</option>`)}</select></label>`}function st({hosts:t}){let e=P(),s=_(e),o=t.flatMap(([,p])=>p.flatMap(c=>[Date.parse(c.firstTime),Date.parse(c.lastTime)])),n=Math.min(...o),r=Math.max(...o,n+36e5),a=p=>(Date.parse(p)-n)/(r-n)*(s-4);return i`<div class="timeline strips" ref=${e} aria-hidden="true">${s>0&&i`
    ${t.slice(0,12).map(([p,c])=>i`<div key=${p} class="strip">
      <${f} text=${p} />
      <svg width=${s} height="18"><line x1="0" x2=${s} y1="9" y2="9" class="lane-line" />
        ${c.filter(l=>l.entry).map(l=>i`<rect key=${l.firstRestorePointId} x=${a(l.firstTime)} y="3" height="12" rx="2"
          width=${Math.max(4,a(ot(l,c))-a(l.firstTime))} class="strip-part"><title>${`${d(l.firstTime)} \u2013 ${d(l.lastTime)}, ${l.entry.type==="file"?g(l.entry.size):l.entry.type}`}</title></rect>`)}
      </svg></div>`)}
    <div class="axis"><span>${w(n)}</span><span>${w(r)}</span></div>`}
  </div>`}function ot(t,e){return e[e.indexOf(t)+1]?.firstTime??t.lastTime}function it({id:t,name:e,versions:s,place:o,who:n}){let[r,a]=W(`versions ${e}`,X),p=s[s.length-1],c=s.filter($=>$.entry),l=s.slice(-r).reverse();return i`<section class="host-history" aria-label=${`On ${m(e)}`}>
    <div class="section-head"><h2><${y} name="host" /> <${f} text=${e} /></h2>
      <span class="quiet-text">${C(c.length,"version")}${p.entry?"":", gone now"}</span></div>
    <ol class="versions">${l.map($=>i`<${rt} key=${$.firstRestorePointId+$.event} id=${t} version=${$} place=${o} who=${n} />`)}</ol>
    ${s.length>r&&i`<button class="small" onClick=${()=>a(r*4)}>Show older versions</button>`}
  </section>`}var nt={Appeared:["appeared","synced"],Changed:["changed","running"],Vanished:["vanished","behind"]};function rt({version:t,place:e,who:s}){let[o,n]=nt[t.event],r=d(t.firstTime),a=t.entry?.type==="file";return i`<li>
    <span class="badge ${n}">${o}</span>
    <div class="version-when"><${u} at=${t.firstTime} /> <span class="quiet-text block"><${H} at=${t.firstTime} />, ${t.restorePoints===1?"in one restore point":i`in ${h(t.restorePoints)} restore points, until <${u} at=${t.lastTime} />`}</span></div>
    <div class="version-what">${t.entry?i`<${at} version=${t} />`:i`<span class="quiet-text">no longer there</span>`}</div>
    <div class="actions">
      ${a&&R(s,"restore")&&i`<${G} point=${t.lastRestorePointId} place=${e} label=${`Download the version of ${r}`}>Download<//>`}
      <a class="button small" href=${t.entry?.type==="dir"?x(t.lastRestorePointId,e):t.entry?E(t.lastRestorePointId,e):x(t.lastRestorePointId,b(e))}
        aria-label=${`Browse the restore point of ${r}`}><${y} name="folder" size="15" />Browse</a>
      ${t.before&&i`<a class="button small" href=${S(t.before.lastRestorePointId,t.firstRestorePointId,t.before.entry?.type==="dir"&&t.entry?.type==="dir"?e:b(e))}
        aria-label=${`Compare the folder of ${r} with the version before`}><${y} name="compare" size="15" />Compare</a>`}
    </div></li>`}function at({version:{entry:t,event:e,before:s}}){let o=s?.entry?.type==="file"&&t.type==="file"?t.size-s.entry.size:0;return i`<span>${t.type==="file"?i`<${M} n=${t.size} />`:t.type==="dir"?"folder":t.type}
      ${o!==0&&i` <span class="quiet-text number">(${o>0?"+":"\u2212"}${g(Math.abs(o))})</span>`}</span>
    ${t.modifyTime&&i`<span class="quiet-text">modified <${u} at=${t.modifyTime} /></span>`}
    ${e==="Changed"&&s?.entry&&i`<span class="quiet-text block">changed: <bdi>${m(tt(s.entry,t))}</bdi></span>`}`}export{Tt as History,Z as byHost,tt as changes};
