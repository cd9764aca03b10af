import{b as qe}from"./chunk-GAHERFWC.js";import{a as Te}from"./chunk-XMQVKW7R.js";import{$ as ae,A as v,B as L,C as U,E as V,F as xe,I as g,J as G,K as Z,L as E,N as k,O as b,P as y,Q as w,R as T,S as te,T as M,U as Se,V as O,W as re,X as R,Y as ze,Z as Ie,_ as ne,a as me,aa as Ce,b as s,ba as Ae,c as h,d as he,e as N,f as Y,g as x,h as J,i as Q,j as fe,k as ye,l as z,n as S,o as I,p as ge,q as P,r as be,t as we,u as ke,v as ve,w as C,x as F,y as X,z as ee}from"./chunk-KLV2SCNN.js";function ie(e,t){let o=null;return function(r){let[,a]=he(c=>c+1,0),[i,p]=h(null),l=()=>{p(null),e().then(c=>{o=c[t],a()},()=>p({message:"This part of the console could not be loaded. It may have been replaced by a newer one: load the page again."}))};return N(()=>{o||l()},[]),o?s`<${o} ...${r} />`:i?s`<${y} error=${i} retry=${()=>location.reload()} />`:s`<${w} />`}}function W({title:e,onSubmit:t,back:o,action:n,busy:r,children:a}){let i=x();return Y(()=>i.current.querySelector('input:not([type="radio"]), select')?.focus(),[]),s`<form ref=${i} onSubmit=${p=>{p.preventDefault(),r||t()}}>
    <h2>${e}</h2>${a}
    <div class="actions">${o&&s`<button type="button" class="quiet" onClick=${o}><${b} name="back" />Back</button>`}
      <button type="submit" class="primary" disabled=${r}>${r?"Checking\u2026":n}</button></div>
  </form>`}function j({added:e}){return e?P(`/v6/Accounts/${e}`).catch(()=>{}):null}function K(e){return e.replace(/^(path|encryptionKeyId|accountId|objectStorageId|s3Folder|azureFolder|amazonBucket[A-Za-z0-9.]*|azureContainer[A-Za-z.]*): /,"")}var _=(e,t,o)=>({value:e[o],maxLength:300,spellCheck:!1,onInput:n=>t({[o]:n.target.value})});function Ne(e,t){return({form:o,change:n})=>s`<label>${e}<select value=${o.cloud} onChange=${r=>n({cloud:r.target.value})}>
    ${t.map(([r,a])=>s`<option key=${r} value=${r}>${a}</option>`)}</select></label>`}var Xe=Ne("Part of Amazon\u2019s cloud",[["Global","Global"],["USGovernment","US government"],["China","China"]]),et=Ne("Part of Azure",[["Global","Global"],["Government","US government"],["China","China"],["Germany","Germany"]]),B={AmazonS3Compatible:{text:"S3-compatible storage",bucketWord:"Bucket",user:"Access key",secret:"Secret key",account:"amazonS3CompatibleAccount",buckets:"/v6/S3CompatibleResources/buckets",params:({endpoint:e,region:t})=>({ServicePoint:e,CustomRegionId:t}),body:({endpoint:e,region:t,bucket:o,folder:n})=>({s3Folder:n,amazonBucketS3Compatible:{servicePoint:e,name:o,...t&&{customRegionId:t}}}),Fields:({form:e,change:t})=>s`<label>Address<input ...${_(e,t,"endpoint")} required placeholder="https://storage.example:9000" /></label>
      <label>Region <span class="quiet-text">(where the storage asks for one)</span><input ...${_(e,t,"region")} maxLength="64" placeholder="us-east-1" /></label>`},AmazonS3:{text:"Amazon S3",bucketWord:"Bucket",user:"Access key",secret:"Secret key",account:"amazonS3Account",buckets:"/v6/S3Resources/buckets",params:({cloud:e})=>({RegionType:e}),body:({cloud:e,bucket:t,folder:o})=>({s3Folder:o,amazonBucketS3Aws:{regionType:e,name:t}}),Fields:Xe},AzureBlob:{text:"Azure Blob Storage",bucketWord:"Container",user:"Storage account",secret:"Account key or shared access signature",account:"azureBlobAccount",buckets:"/v6/AzureResources/containers",params:({cloud:e,endpoint:t})=>({RegionType:e,Endpoint:t}),body:({cloud:e,endpoint:t,bucket:o,folder:n})=>({azureFolder:n,azureContainer:{regionType:e,name:o,...t&&{endpoint:t}}}),Fields:e=>s`<${et} ...${e} />
      <label>Address <span class="quiet-text">(of a server of your own; leave it empty for Azure’s)</span><input ...${_(e.form,e.change,"endpoint")} /></label>`}};function Re(e){let t=[e.bucket,e.folder].filter(Boolean).join("/");return{type:e.kind,accountId:e.accountId,name:`${B[e.kind].text}: ${t}`.slice(0,255).trim(),...B[e.kind].body(e)}}function le(e,t,o,n){let r=B[e.kind];return S(be(r.buckets+t,{accountId:e.accountId,...r.params(e),...o}),n)}function Be({form:e,change:t,back:o,next:n}){let r=B[e.kind],a=F(`/v6/Accounts?accountType=${r.account}`),[i,p]=h(null),[l,c]=h(!1),[u,f]=h(!1),d=async()=>{c(!0),p(null);let{accountId:m,added:A}=e;try{m||(m=A=(await I("/v6/Accounts",{accountType:r.account,userName:e.userName.trim(),password:e.secret,description:e.userName.trim()})).id);let H=await le({...e,accountId:m},"").catch(q=>{if(u)return[];throw q});t({accountId:m,added:A,buckets:H.map(q=>q.name),bucket:"",folder:"",secret:""}),n()}catch(H){A&&A!==e.added&&await j({added:A}),p(H),c(!1)}},$=m=>{j(e)?.then(a.reload),t({accountId:m,added:""})};return a.data?s`<${W} title="Which account may read it?" onSubmit=${d} back=${o} action="Next" busy=${l}>
    ${a.data.length>0&&s`<label>Account<select value=${e.accountId} onChange=${m=>$(m.target.value)}>
      <option value="">A new one</option>
      ${a.data.map(m=>s`<option key=${m.id} value=${m.id}>${g(m.description&&m.description!==m.userName?`${m.userName} (${m.description})`:m.userName)}</option>`)}</select></label>`}
    ${!e.accountId&&s`<label>${r.user}<input ...${_(e,t,"userName")} required maxLength="255" autoComplete="off" /></label>
      <label>${r.secret}<input type="password" value=${e.secret} required maxLength="4096" autoComplete="off" onInput=${m=>t({secret:m.target.value})} /></label>
      <p class="quiet-text">Rights to list and to read are enough. It is sealed when it is stored, and is never shown again.</p>`}
    <${y} error=${i&&{message:K(i.message)}} />
    ${i&&s`<label class="inline"><input type="checkbox" checked=${u} onChange=${m=>f(m.target.checked)} />It may not list the ${r.bucketWord.toLowerCase()}s: I type the name</label>`}
  <//>`:a.error?s`<${y} error=${a.error} retry=${a.reload} />`:s`<${w} />`}function Pe({form:e,change:t,back:o,next:n}){let r=B[e.kind].bucketWord.toLowerCase(),[a,i]=h(null),[p,l]=h(!1),c=e.bucket.trim().toLowerCase(),u=e.buckets.filter(d=>d.toLowerCase().includes(c)||e.buckets.includes(e.bucket)),f=async(d=e.bucket.trim())=>{l(!0),i(null);try{await le(e,`/${encodeURIComponent(d)}/folders`,{}),t({bucket:d,folder:""}),n()}catch($){i($),l(!1)}};return s`<${W} title=${`Which ${r} is it in?`} onSubmit=${()=>f()} back=${o} action="Next" busy=${p}>
    <label>Name of the ${r}<input ...${_(e,t,"bucket")} required autoComplete="off" /></label>
    ${e.buckets.length>0&&s`<ul class="picklist" aria-label=${`The account\u2019s ${r}s`}>${u.slice(0,200).map(d=>s`<li key=${d}>
      <button type="button" disabled=${p} aria-pressed=${d===e.bucket} onClick=${()=>{t({bucket:d}),f(d)}}><${b} name="space" size="16" /><${k} text=${d} /></button></li>`)}</ul>
      ${u.length>200&&s`<p class="quiet-text">${v(u.length-200)} more; type a part of the name.</p>`}`}
    ${e.buckets.length===0&&s`<p class="quiet-text">The account shows no ${r}s; type the name.</p>`}
    <${y} error=${a&&{message:K(a.message)}} />
  <//>`}function tt(e){return["data","index","keys","snapshots"].every(t=>e.includes(t))}function Fe({form:e,change:t,back:o,next:n}){let r=C(d=>le(e,`/${encodeURIComponent(e.bucket)}/folders`,{Parent:e.folder},{signal:d}),[e.folder]),a=(r.data??[]).map(d=>d.name),i=tt(a),[p,l]=h(null),c=e.folder?e.folder.split("/"):[],u=d=>{l(null),t({folder:d})};return s`<${W} title="Which folder is it in?" onSubmit=${()=>{r.data&&!i?l({message:"There is no restic repository in this folder: data, index, keys and snapshots are not in it."}):n()}} back=${o} action="Next" busy=${!r.data&&!r.error}>
    <nav class="trail" aria-label="Folder"><ol>${[e.bucket,...c].map((d,$)=>s`<li key=${$}><button type="button" class="quiet small" aria-current=${$===c.length?"true":void 0}
      onClick=${()=>u(c.slice(0,$).join("/"))}><${k} text=${d} /></button></li>`)}</ol></nav>
    ${!r.data&&!r.error&&s`<${w} what="Looking into it" />`}
    ${i&&s`<p class="good-text"><${b} name="check" size="16" /> This looks like a restic repository.</p>`}
    ${r.data&&!i&&(a.length>0?s`<ul class="picklist" aria-label="Folders">${a.slice(0,500).map(d=>s`<li key=${d}>
          <button type="button" onClick=${()=>u([...c,d].join("/"))}><${b} name="folder" size="16" /><${k} text=${d} /></button></li>`)}</ul>`:s`<p class="quiet-text">There are no folders in it.</p>`)}
    <${y} error=${r.error?{message:K(r.error.message)}:p} retry=${r.error?r.reload:null} />
  <//>`}var Le={where:["Where it is",at],account:["Account",Be],bucket:["Bucket",Pe],folder:["Folder",Fe],password:["Password",it],name:["Name",ut]},nt=["where","password","name"],st=["where","account","bucket","folder","password","name"],ot={kind:"",path:"",keyId:"",password:"",name:"",description:"",endpoint:"",region:"",cloud:"Global",accountId:"",userName:"",secret:"",added:"",bucket:"",buckets:null,folder:""};function Ee({who:e}){let[t,o]=h("where"),[n,r]=h(ot),a=x(n);a.current=n;let i=d=>r($=>({...$,...d})),p=x(!1);if(N(()=>()=>p.current||j(a.current),[]),!z(e,"manage"))return s`<${R} title="Add a repository" /><${T} title="This is for administrators"><p>Ask one of them to add the repository.</p><//>`;let l=n.kind?st:nt,c=l.indexOf(t),u={form:n,change:i,back:c>0?()=>o(l[c-1]):null,next:()=>o(l[c+1]),goTo:o,keep:()=>{p.current=!0}},[,f]=Le[t];return s`<${R} title="Add a repository" above=${s`<a class="crumb" href="/">Overview</a>`} />
    <ol class="steps" aria-label="Steps">${l.map((d,$)=>s`<li key=${d} class=${$<c?"done":""}
      aria-current=${$===c?"step":void 0}><span class="step-number">${$<c?s`<${b} name="check" size="15" />`:$+1}</span>${Me(d,n)}</li>`)}</ol>
    <div class="card wizard"><${f} key=${t} ...${u} /></div>`}function Me(e,t){return e==="bucket"&&t.kind?B[t.kind].bucketWord:Le[e][0]}function rt(e){return!e.startsWith("/")&&!/^[A-Za-z]:\\/.test(e)?"Give the whole path, beginning with a slash.":/\/\/|\/\.\.?(\/|$)/.test(e)||e.length>1&&e.endsWith("/")?"Write the path without doubled slashes, \u201C.\u201D or \u201C..\u201D, and without a slash at its end.":null}function at({form:e,change:t,next:o}){let[n,r]=h(null),a=()=>{let l=e.kind?null:rt(e.path.trim());r(l&&{message:l}),!l&&(t({path:e.path.trim(),endpoint:e.endpoint.trim(),region:e.region.trim()}),o())},i=l=>{r(null),j(e),t({kind:l,cloud:"Global",endpoint:"",region:"",accountId:"",added:"",secret:"",buckets:null,bucket:"",folder:""})},p=e.kind&&B[e.kind].Fields;return s`<${W} title="Where is the restic repository?" onSubmit=${a} action="Next">
    <fieldset class="choices"><legend>Kind of storage</legend>
      ${[["","A folder","folder"],...Object.entries(B).map(([l,c])=>[l,c.text,"space"])].map(([l,c,u])=>s`<label key=${l}>
        <input type="radio" name="kind" value=${l} checked=${e.kind===l} onChange=${()=>i(l)} /><${b} name=${u} size="16" />${c}</label>`)}</fieldset>
    ${p?s`<${p} form=${e} change=${t} />`:s`<label>Folder on the server<input value=${e.path} required maxLength="4096" placeholder="/srv/restic/laptop" spellCheck=${!1}
      aria-describedby="path-help" onInput=${l=>t({path:l.target.value})} /></label>
    <p id="path-help" class="quiet-text">The folder that “restic init” made, with the files config, index, keys and snapshots in it. It is only ever read.</p>`}
    <${y} error=${n} />
  <//>`}function it({form:e,change:t,back:o,next:n}){let r=F("/v6/EncryptionKeys");return r.data?s`<${W} title="Which password opens it?" onSubmit=${n} back=${o} action="Next">
    ${r.data.length>0&&s`<label>Password<select value=${e.keyId} onChange=${a=>t({keyId:a.target.value})}>
      <option value="">A new one</option>
      ${r.data.map(a=>s`<option key=${a.id} value=${a.id}>${g(a.description||a.id)}</option>`)}</select></label>`}
    ${!e.keyId&&s`<label>${r.data.length>0?"New password":"Password"}<input type="password" value=${e.password} required maxLength="4096" autoComplete="off"
      onInput=${a=>t({password:a.target.value})} /></label>
      <p class="quiet-text">The password that restic is run with. It is sealed when it is stored, and is never shown again.</p>`}
  <//>`:r.error?s`<${y} error=${r.error} retry=${r.reload} />`:s`<${w} />`}async function lt(e){let{path:t,keyId:o,password:n,name:r,description:a}=e,i=[],p=async(l,c)=>{let{id:u}=await I(l,c);return i.push(`${l}/${u}`),u};try{let l=e.kind?{objectStorageId:await p("/v6/objectstoragerepositories",Re(e))}:{path:t},c=o||await p("/v6/EncryptionKeys",{password:n,description:`Password of ${r}`.slice(0,1024)});return await I("/v6/BackupRepositories",{name:r,...l,encryptionKeyId:c,retentionType:"SnapshotBased",...a&&{description:a}})}catch(l){for(let c of i)await P(c).catch(()=>{});throw l}}function ct(e){let t=/^[A-Za-z0-9.]+/.exec(e)?.[0]??"";return t==="path"?"where":t==="encryptionKeyId"?"password":t==="accountId"?"account":/^(amazonBucket|azureContainer).*\.name$/.test(t)?"bucket":/^(amazonBucket|azureContainer)/.test(t)?"where":/^(objectStorageId|s3Folder|azureFolder)$/.test(t)?"folder":null}function ut({form:e,change:t,back:o,goTo:n,keep:r}){let[a,i]=h(null),[p,l]=h(!1),c=async()=>{l(!0),i(null);try{let d=await lt({...e,name:e.name.trim(),description:e.description.trim()});r(),await I(`/v6/BackupRepositories/${d.id}/Sync`).catch($=>O($.message,"error")),ne(`/repositories/${d.id}`)}catch(d){i(d),l(!1)}},u=a&&ct(a.message),f=(e.kind?e.folder||e.bucket:e.path).split("/").pop();return s`<${W} title="What should it be called?" onSubmit=${c} back=${o} action="Add and synchronize" busy=${p}>
    <label>Name<input value=${e.name} required maxLength="255" placeholder=${f} onInput=${d=>t({name:d.target.value})} /></label>
    <label>Description <span class="quiet-text">(optional)</span><input value=${e.description} maxLength="1024" onInput=${d=>t({description:d.target.value})} /></label>
    <${y} error=${a&&{message:K(a.message)}} />
    ${u!=null&&s`<p><button type="button" onClick=${()=>n(u)}>Go back to “${Me(u,e)}”</button></p>`}
  <//>`}function We(e){let t=new Map;for(let o of e){let n=t.get(o.hostName);n?n.times.push(Date.parse(o.backupTime)):t.set(o.hostName,{hostName:o.hostName,point:o,times:[Date.parse(o.backupTime)]})}return[...t.values()]}function ce({times:e},t){if(e.length<4)return null;let o=[];for(let a=1;a<Math.min(e.length,21);a++)o.push(e[a-1]-e[a]);o.sort((a,i)=>a-i);let n=o[Math.floor(o.length/2)],r=t-e[0];return r>Math.max(3*n,n+26*36e5)?{usual:n,silent:r}:null}function D(e,t){if(t?.state==="Synchronizing")return{kind:"running",text:t.startTime?"Synchronizing":"Waiting to start",weight:0,since:t.startTime};if(t?.state==="Failed")return{kind:"failed",text:"Failed",weight:3,since:t.endTime,why:t.error};if(e.isOutOfSync){if(!t)return{kind:"behind",text:"Never synchronized",weight:2,why:"It has not been synchronized yet."};let o=t.result==="Stopped"?"The last synchronization was stopped before it was complete.":"Its catalog is missing or behind.";return{kind:"behind",text:"Out of sync",weight:2,since:t.endTime,why:o}}return t?.result==="Stopped"?{kind:"synced",text:"In sync, last run stopped",weight:0,since:t.endTime}:{kind:"synced",text:"In sync",weight:0,since:t?.endTime}}function De(e,t){let o=[];for(let{repository:n,session:r,hosts:a}of e){let i=D(n,r);i.weight>0&&o.push({repository:n,weight:i.weight,kind:i.kind,text:i.why,since:i.since});for(let p of a??[]){let l=ce(p,t);l&&o.push({repository:n,weight:1,kind:"late",since:p.point.backupTime,hostName:p.hostName,text:`has had no new restore point for ${V(l.silent)}; usually one comes every ${V(l.usual)}.`})}}return o.sort((n,r)=>r.weight-n.weight||n.repository.name.localeCompare(r.repository.name))}var ue=new Map,dt=30,pt=2e4;async function $t(e,t,o,n){let r=new Map(e.map(c=>{let u=t.get(c.id);return[c.id,u&&u.state!=="Synchronizing"?u.id:`${u?.id}\u2026`]})),a=e.filter(c=>ue.get(c.id)?.key!==r.get(c.id)),i=(c,u)=>ue.set(c,{key:r.get(c),hosts:We(u),points:u.length}),p=a.reduce((c,u)=>c+(t.get(u.id)?.statistics.snapshotsTotal??0),0);if(a.length>5&&p<=pt){let c=new Map(a.map(u=>[u.id,[]]));for(let u of await S("/v6/RestorePoints",{signal:o}))c.get(u.repositoryId)?.push(u);for(let[u,f]of c)i(u,f);return}let l=async()=>{for(let c=a.shift();c;c=a.shift())i(c.id,await S(`/v6/RestorePoints?repositoryId=${c.id}`,{signal:o})),n()};await Promise.all(Array.from({length:6},l))}function mt(){let[,e]=h(0),t=C(async n=>{let[r,a]=await Promise.all([S("/v6/BackupRepositories",{signal:n}),S("/v6/RepositorySynchronizeSessions",{signal:n})]);return{repositories:r,sessions:new Map(a.map(i=>[i.repositoryId,i]))}},[],{every:4e3});C(async n=>{if(!t.data)return;let r=Date.now(),a=()=>{Date.now()-r<500||(r=Date.now(),e(i=>i+1))};await $t(t.data.repositories,t.data.sessions,n,a),e(i=>i+1)},[t.data&&[...t.data.sessions.values()].map(n=>n.id+n.state).join()+t.data.repositories.length]);let o=t.data?.repositories.map(n=>({repository:n,session:t.data.sessions.get(n.id),...ue.get(n.id)}));return{...t,rows:o}}function Ge({who:e}){let{rows:t,error:o,reload:n}=mt(),r=ee(3e4);return t?s`
    <${R} title="Overview">
      ${z(e,"manage")&&s`<a class="button primary" href="/attach"><${b} name="plus" />Add a repository</a>`}
    <//>
    <${y} error=${o?.status?o:null} retry=${n} />
    ${t.length===0?s`<${T} title="No repositories yet"><p>Add a restic repository, and its snapshots and files can be looked at here.</p>
          ${z(e,"manage")&&s`<a class="button primary" href="/attach">Add a repository</a>`}<//>`:s`<${ht} rows=${t} /><${ft} list=${De(t,r)} who=${e} reload=${n} />
          <${yt} rows=${t} who=${e} reload=${n} now=${r} />`}`:s`<${R} title="Overview" />${o?s`<${y} error=${o} retry=${n} />`:s`<${w} />`}`}function ht({rows:e}){let t={synced:0,running:0,behind:0,failed:0},o=0,n=new Set;for(let a of e){t[D(a.repository,a.session).kind]++,o+=a.points??0;for(let i of a.hosts??[])n.add(i.hostName)}let r=(a,i,p="")=>s`<div class="figure ${p}"><dd>${v(a)}</dd><dt>${i}</dt></div>`;return s`<dl class="figures">
    ${r(t.synced,"in sync","good")}
    ${r(t.running,"synchronizing",t.running?"busy":"")}
    ${r(t.behind,"out of sync",t.behind?"warn":"")}
    ${r(t.failed,"failed",t.failed?"bad":"")}
    ${r(o,o===1?"restore point":"restore points")}
    ${r(n.size,n.size===1?"host":"hosts")}
  </dl>`}function ft({list:e,who:t,reload:o}){let[n,r]=h(!1);if(e.length===0)return null;let a=n?e:e.slice(0,5);return s`<section class="attention" aria-labelledby="attention-title">
    <h2 id="attention-title">Needs attention</h2>
    <ul>${a.map(i=>s`<li key=${i.repository.id+(i.hostName??"")} class=${i.kind}>
      <${b} name=${i.kind==="failed"?"error":"warning"} />
      <div class="grow"><a href="/repositories/${i.repository.id}"><${k} text=${i.repository.name} /></a>
        <span>${i.hostName?s`: <${k} text=${i.hostName} /> ${i.text}`:`: ${G(g(i.text))}`}</span>
        ${i.since&&i.kind!=="late"&&s` <span class="quiet-text"><${E} at=${i.since} /></span>`}</div>
      ${i.kind!=="late"&&z(t,"synchronize")&&s`<${se} id=${i.repository.id} name=${i.repository.name} reload=${o} />`}
    </li>`)}</ul>
    ${e.length>5&&s`<button class="quiet small" onClick=${()=>r(!n)}>${n?"Show fewer":`Show all ${v(e.length)}`}</button>`}
  </section>`}function se({id:e,name:t,reload:o,kind:n="small"}){return s`<${M} kind=${n} icon="sync" aria-label=${`Synchronize ${g(t)}`} onClick=${async()=>{await I(`/v6/BackupRepositories/${e}/Sync`),o()}}>Synchronize<//>`}function de({session:e,name:t,reload:o,kind:n="small"}){return s`<${M} kind=${n} icon="stop" aria-label=${`Stop synchronizing ${g(t)}`} onClick=${async()=>{await I(`/v6/RepositorySynchronizeSessions/${e.id}/StopSynchronize`),o()}}>Stop<//>`}function yt({rows:e,who:t,reload:o,now:n}){let[r,a]=h(""),i=J(()=>{let l=r.trim().toLowerCase(),c=f=>!l||[f.repository.name,f.repository.description,f.repository.path??"",...(f.hosts??[]).map(d=>d.hostName)].some(d=>d.toLowerCase().includes(l)),u=f=>{let d=D(f.repository,f.session);return d.weight||(d.kind==="running"?.5:0)};return e.filter(c).sort((f,d)=>u(d)-u(f)||f.repository.name.localeCompare(d.repository.name))},[e,r]),p=0;return s`<section aria-labelledby="repositories-title">
    <div class="section-head"><h2 id="repositories-title">Repositories</h2><span class="quiet-text">${v(e.length)}</span>
      ${e.length>8&&s`<input type="search" class="filter" placeholder="Filter by name or host" aria-label="Filter the repositories" value=${r}
        onInput=${l=>a(l.target.value)} />`}</div>
    <ul class="repositories">${i.map(l=>s`<${gt} key=${l.repository.id} ...${l} who=${t} reload=${o} now=${n}
      follow=${l.session?.state==="Synchronizing"&&++p<=dt} />`)}</ul>
    ${i.length===0&&s`<p class="quiet-text">No repository fits “${r}”.</p>`}
  </section>`}function gt({repository:e,session:t,hosts:o,points:n,who:r,reload:a,follow:i,now:p}){let c=X(i?t:null)??t,u=D(e,c);return s`<li class="repository ${u.kind}">
    <div class="repository-name"><a href="/repositories/${e.id}"><${k} text=${e.name} /></a>
      ${e.description&&s`<span class="quiet-text cut" title=${g(e.description)}><bdi>${g(e.description)}</bdi></span>`}</div>
    <div class="repository-state"><${pe} standing=${u} session=${c} name=${e.name} /></div>
    <div class="repository-hosts"><${bt} hosts=${o} points=${n} now=${p} /></div>
    <div class="repository-actions">${z(r,"synchronize")&&(u.kind==="running"?s`<${de} session=${c} name=${e.name} reload=${a} />`:s`<${se} id=${e.id} name=${e.name} reload=${a} />`)}</div>
  </li>`}function pe({standing:e,session:t,name:o}){return e.kind==="running"?s`<div class="running-state"><span class="badge running">${e.text}</span><span class="number">${t.progressPercent} %</span>
      <${te} percent=${t.progressPercent} label=${`Progress of ${g(o)}`} /></div>`:s`<span class="badge ${e.kind}">${e.text}</span> ${e.since&&s`<span class="quiet-text"><${E} at=${e.since} /></span>`}`}function bt({hosts:e,points:t,now:o}){return e?e.length===0?s`<span class="quiet-text">No restore points</span>`:s`<ul class="hosts">${e.slice(0,3).map(n=>s`<li key=${n.hostName} class=${ce(n,o)?"late":""}>
      <${b} name="host" size="15" /><${k} text=${n.hostName} /> <span class="quiet-text"><${E} at=${n.point.backupTime} /></span></li>`)}</ul>
    <span class="quiet-text">${e.length>3?`and ${L(e.length-3,"more host")}, `:""}${L(t,"restore point")}</span>`:s`<span class="quiet-text">…</span>`}function wt(e,{name:t,description:o},n){return{retentionType:e.retentionType,name:t.trim(),description:o.trim(),...n&&n!==e.encryptionKeyId&&{encryptionKeyId:n}}}async function kt(e,t){let o=null;t.keyId||(o=await I("/v6/EncryptionKeys",{password:t.password,description:`Password of ${t.name.trim()}`.slice(0,1024)}));try{await ge(`/v6/BackupRepositories/${e.id}`,wt(e,t,t.keyId||o.id))}catch(n){throw o&&await P(`/v6/EncryptionKeys/${o.id}`).catch(()=>{}),n}return!t.keyId||t.keyId!==e.encryptionKeyId}function Oe({repository:e,onClose:t,reload:o}){let n=x(),r=F("/v6/EncryptionKeys");return N(()=>n.current.showModal(),[]),s`<dialog ref=${n} class="edit" aria-labelledby="edit-title" onClose=${t}>
    <h2 id="edit-title">${g(`Edit ${e.name}`)}</h2>
    ${r.data?s`<${vt} repository=${e} keys=${r.data} onClose=${t} reload=${o} />`:r.error?s`<${y} error=${r.error} retry=${r.reload} />`:s`<${w} />`}
  </dialog>`}function vt({repository:e,keys:t,onClose:o,reload:n}){let[r,a]=h({name:e.name,description:e.description,keyId:e.encryptionKeyId,password:""}),[i,p]=h(null),[l,c]=h(!1),u=x();N(()=>u.current.focus(),[]);let f=$=>m=>a({...r,[$]:m.target.value});return s`<form onSubmit=${async $=>{if($.preventDefault(),!l){c(!0),p(null);try{let m=await kt(e,r);O(m?"Saved. The next synchronization opens it with this password.":"Saved."),n(),o()}catch(m){p({message:m.message.replace(/^encryptionKeyId: /,"")}),c(!1)}}}}>
    <label>Name<input ref=${u} value=${r.name} required maxLength="255" onInput=${f("name")} /></label>
    <label>Description<input value=${r.description} maxLength="1024" onInput=${f("description")} /></label>
    <label>Password<select value=${r.keyId} onChange=${f("keyId")}>
      ${t.map($=>s`<option key=${$.id} value=${$.id}>${g($.description||$.id)}</option>`)}
      <option value="">A new one</option></select></label>
    ${!r.keyId&&s`<label>New password<input type="password" value=${r.password} required maxLength="4096" autoComplete="off" onInput=${f("password")} /></label>
      <p class="quiet-text">The repository is opened with it before it is taken. Nothing is written there: restic's own password does not change.</p>`}
    <${y} error=${i} />
    <div class="actions"><button type="button" class="quiet" onClick=${o}>Cancel</button>
      <button type="submit" class="primary" disabled=${l}>${l?"Checking\u2026":"Save"}</button></div>
  </form>`}function je({points:e,params:t,session:o}){let n=t.get("host"),r=J(()=>n?e.filter(a=>a.hostName===n):e,[e,n]);return e.length===0?s`<${T} title="No restore points"><p>${o?.state==="Synchronizing"?"They appear here as soon as the synchronization has found them.":"Synchronize the repository to see what is in it."}</p><//>`:s`
    <${qe} points=${e} host=${n} pick=${a=>ae({host:a})} />
    <div class="section-head"><h2>Restore points</h2><span class="quiet-text">${v(r.length)}${n?` of ${v(e.length)}`:""}</span>
      ${n&&s`<button class="chip" onClick=${()=>ae({host:null})}>Host: <${k} text=${n} /> ✕</button>`}</div>
    <${St} points=${r} />`}var xt=44;function St({points:e}){let t=x(),o=Te(e.length,xt,t);return s`<div class="grid points" role="table" aria-label="Restore points" aria-rowcount=${e.length+1}>
    <div class="grid-head" role="row"><span role="columnheader">Time</span><span role="columnheader">Host</span><span role="columnheader">What</span>
      <span role="columnheader">Snapshot</span></div>
    <div ref=${t} class="grid-body" role="rowgroup" style=${{height:`${o.getTotalSize()}px`}}>
      ${o.getVirtualItems().map(n=>s`<${zt} key=${e[n.index].id} point=${e[n.index]} index=${n.index}
        top=${n.start-o.options.scrollMargin} />`)}
    </div></div>`}function zt({point:e,index:t,top:o}){return s`<div class="grid-row" role="row" aria-rowindex=${t+2} style=${{transform:`translateY(${o}px)`}}>
    <span role="cell" class="two-lines"><${Z} at=${e.backupTime} /><span class="quiet-text"><${E} at=${e.backupTime} /></span></span>
    <span role="cell" class="cut"><${k} text=${e.hostName} /></span>
    <span role="cell" class="cut">${e.paths.map(n=>s`<${k} key=${n} text=${n} /> `)}
      ${e.tags.map(n=>s`<span key=${n} class="tag"><${k} text=${n} /></span>`)}</span>
    <span role="cell"><code title=${e.snapshotId}>${e.snapshotId.slice(0,8)}</code></span>
  </div>`}function Ke({repositoryId:e,sessions:t,shown:o,more:n}){if(t.length===0)return s`<${T} title="No sessions"><p>The repository has not been synchronized yet.</p><//>`;let r=t.find(a=>a.id===o);return s`<div class="sessions">
    <ul class="session-list" aria-label="Sessions">${t.map(a=>s`<li key=${a.id} class=${a.id===o?"open":""}>
      <a href="/repositories/${e}/sessions/${a.id}" aria-current=${a.id===o?"true":void 0}>
        <span class="badge ${It(a)}">${Ct(a)}</span>
        <span class="grow"><${Z} at=${a.startTime} /> <span class="quiet-text"><${E} at=${a.startTime} /></span></span>
        <span class="quiet-text number">${He(a)}</span>
        <span class="quiet-text wide">${Ue(a.statistics)}</span>
      </a></li>`)}</ul>
    ${n&&s`<button class="small" onClick=${n}>Show older sessions</button>`}
    ${o&&s`<${At} key=${o} id=${o} known=${r} />`}
  </div>`}function It(e){return e.state==="Synchronizing"?"running":e.state==="Failed"?"failed":e.result==="Stopped"?"stopped":"synced"}function Ct(e){return e.state==="Synchronizing"?e.startTime?`${e.progressPercent} %`:"Waiting":e.result}function He(e){return e.startTime?xe(Date.parse(e.endTime??new Date().toISOString())-Date.parse(e.startTime)):""}function Ue(e){let t=[];return e.snapshotsAdded&&t.push(`${v(e.snapshotsAdded)} added`),e.snapshotsRemoved&&t.push(`${v(e.snapshotsRemoved)} removed`),e.damaged&&t.push(`${v(e.damaged)} damaged`),t.join(", ")||"nothing new"}function At({id:e,known:t}){let o=t?.state==="Synchronizing",n=C(async a=>{let i=t??await S(`/v6/RepositorySynchronizeSessions/${e}`,{signal:a}),p=await S(`/v6/RepositorySynchronizeSessions/${e}/LogItems?limit=10000`,{signal:a});return{session:i,items:p.results}},[e,t?.state],{every:o?1500:0}),r=t??n.data?.session;return s`<section class="card session" aria-label="Session">
    <${y} error=${n.error?.status?n.error:null} retry=${n.reload} />
    ${r&&s`<${Tt} session=${r} />`}
    ${!n.data&&!n.error&&s`<${w} what="Loading the log" />`}
    ${n.data&&s`<h2>Log</h2><ol class="log">${n.data.items.map(a=>s`<li key=${a.usn} class="log-${a.level.toLowerCase()}">
      <time dateTime=${a.creationTime} title=${a.creationTime}>${new Date(a.creationTime).toLocaleTimeString()}</time>
      <span class="log-level">${a.level}</span><span class="log-text">${g(a.message)}</span></li>`)}</ol>
      ${n.data.items.length===0&&s`<p class="quiet-text">Nothing has been noted yet.</p>`}`}
  </section>`}function Tt({session:e}){let t=e.statistics,o=(n,r)=>s`<div><span class="label">${n}</span>${r}</div>`;return s`${e.state==="Synchronizing"&&s`<${te} percent=${e.progressPercent} label="Progress of the session" />`}
    ${e.error&&s`<p class="why">${G(g(e.error))}</p>`}
    <div class="facts">
      ${o("Started",s`<${Z} at=${e.startTime} />`)}
      ${o("Took",He(e)||"\u2013")}
      ${o("Restore points",`${Ue(t)}, ${v(t.snapshotsTotal)} in all`)}
      ${o("Fetched",`${U(t.bytesFetched)} in ${L(t.requests,"request")}`)}
      ${o("New folders",v(t.treesAdded))}
      ${o("New entries",v(t.entriesAdded))}
    </div>`}var qt=[];function Nt(e,t){let o=C(async i=>{let[p,l]=await Promise.all([S(`/v6/BackupRepositories/${e}`,{signal:i}),S(`/v6/BackupRepositories/${e}/SynchronizeSessions?limit=${t}`,{signal:i})]);return{repository:p,sessions:l}},[e,t],{every:5e3}),n=o.data?.sessions[0],r=X(n),a=r&&n&&r.state!==n.state;return C(async()=>a&&o.reload(),[r?.id,a]),{...o,session:r}}function oe({id:e,tab:t="points",session:o,params:n,who:r}){let[a,i]=h(50),{data:p,error:l,reload:c,session:u}=Nt(e,a),f=u&&u.state!=="Synchronizing"?u.id:`${u?.id}\u2026`,d=C(q=>S(`/v6/RestorePoints?repositoryId=${e}`,{signal:q}),[e,p?f:null]);if(!p)return s`<${R} title="Repository" />${l?s`<${y} error=${l} retry=${l.status===404?null:c} /><p><a href="/">Go to the overview</a></p>`:s`<${w} />`}`;let{repository:$}=p,m=u?p.sessions.map(q=>q.id===u.id?u:q):p.sessions,A=`/repositories/${e}`,H=[[A,"Restore points"],[`${A}/sessions`,"Sessions"]];return s`
    <${R} title=${$.name} above=${s`<a class="crumb" href="/">Overview</a>`}>
      <${Rt} repository=${$} session=${u} who=${r} reload=${c} />
    <//>
    <${y} error=${l?.status?l:null} retry=${c} />
    <${Bt} repository=${$} session=${u} points=${d.data} />
    <${ze} label="Repository" tabs=${H} current=${t==="points"?A:`${A}/${t}`} />
    ${t==="sessions"?s`<${Ke} repositoryId=${e} sessions=${m} shown=${o}
          more=${m.length===a&&a<1e3?()=>i(Math.min(1e3,4*a)):null} />`:s`<${y} error=${d.error?.status?d.error:null} retry=${d.reload} />
          ${d.data?s`<${je} repository=${$} points=${d.data??qt} params=${n} session=${u} />`:!d.error&&s`<${w} what="Loading the restore points" />`}`}`}function Rt({repository:e,session:t,who:o,reload:n}){let[r,a]=h(!1),[i,p]=h(!1),l=t?.state==="Synchronizing";return s`
    ${z(o,"synchronize")&&(l?s`<${de} kind="" session=${t} name=${e.name} reload=${n} />`:s`<${se} kind="primary" id=${e.id} name=${e.name} reload=${n} />`)}
    ${z(o,"manage")&&s`<${M} icon="edit" kind="quiet" onClick=${()=>p(!0)}>Edit<//>`}
    ${i&&s`<${Oe} repository=${e} reload=${n} onClose=${()=>p(!1)} />`}
    ${z(o,"manage")&&s`<${M} icon="trash" kind="quiet" onClick=${()=>a(!0)}>Remove<//>`}
    ${r&&s`<${Se} title=${`Remove ${e.name}?`} action="Remove" onClose=${()=>a(!1)}
      onConfirm=${async()=>{await P(`/v6/BackupRepositories/${e.id}`),O(`${e.name} is no longer attached.`),ne("/")}}>
      <p>Syncline forgets its catalog and its sessions. The backups themselves stay as they are, and the repository can be added again.</p>
    <//>`}`}function Bt({repository:e,session:t,points:o}){let n=D(e,t),r=o&&new Set(o.map(a=>a.hostName)).size;return s`<div class="summary card">
    <div><span class="label">State</span><${pe} standing=${n} session=${t} name=${e.name} /></div>
    ${e.objectStorageId&&s`<${Pt} id=${e.objectStorageId} />`}
    ${e.path&&s`<div class="grow"><span class="label">Folder on the server</span><${k} text=${e.path} /></div>`}
    ${o&&s`<div><span class="label">Restore points</span>${L(o.length,"restore point")} of ${L(r,"host")}</div>`}
    ${e.freeSpaceBytes!=null&&s`<div><span class="label">Free space</span>${U(e.freeSpaceBytes)} of ${U(e.capacityBytes)}</div>`}
    ${n.kind==="failed"&&s`<p class="why">${G(g(n.why))}</p>`}
    ${e.description&&s`<p class="quiet-text"><bdi>${g(e.description)}</bdi></p>`}
  </div>`}function Pt({id:e}){let{data:t}=F(`/v6/objectstoragerepositories/${e}`);if(!t)return null;let o=t.amazonBucketS3Compatible??t.amazonBucketS3Aws??t.azureContainer,n=o.servicePoint??o.endpoint??(t.azureContainer?"Azure":"Amazon S3");return s`<div class="grow"><span class="label">${t.azureContainer?"Container":"Bucket"} at ${g(n)}</span>
    <${k} text=${[o.name,t.s3Folder||t.azureFolder].filter(Boolean).join("/")} /></div>`}function Ve(){let[e,t]=h(null),[o,n]=h(!1),r=x(),a=x();return Y(()=>{document.title="Sign in \xB7 Syncline",r.current.focus()},[]),s`<main class="alone"><form class="card sign-in" onSubmit=${async p=>{p.preventDefault(),n(!0),t(null);try{await we(r.current.value,a.current.value)}catch(l){t(l),n(!1),a.current.select()}}}>
    <h1><svg width="30" height="30" viewBox="0 0 32 32" aria-hidden="true"><rect width="32" height="32" rx="7" class="brand-box" />
      <g fill="none" stroke="#fff" stroke-width="2.6" stroke-linecap="round"><path d="M5 9.500q11 9 22 0" /><path d="M5 16q11 9 22 0" opacity=".75" /><path d="M5 22.500q11 6.5 22 0" opacity=".5" /></g></svg>
      Syncline</h1>
    <label>User<input ref=${r} name="username" autoComplete="username" autoCapitalize="none" spellCheck=${!1} required maxLength="255" /></label>
    <label>Password<input ref=${a} name="password" type="password" autoComplete="current-password" required maxLength="4096" /></label>
    <${y} error=${e} />
    <button type="submit" class="primary" disabled=${o}>${o?"Signing in\u2026":"Sign in"}</button>
  </form></main>`}var Ft=ie(()=>import("./history-T2DYYDRL.js"),"History"),Lt=ie(()=>import("./compare-J4QRUO2Q.js"),"Compare"),Ze=[["/",Ge],["/attach",Ee],["/repositories/:id",oe],["/repositories/:id/sessions",oe,{tab:"sessions"}],["/repositories/:id/sessions/:session",oe,{tab:"sessions"}],["/repositories/:id/history",Ft],["/points/:id/compare",Lt]];function Ye(e){for(let[t,o,n]of Ze){let r=Ce(t,e);if(r)return{key:Ze.findIndex(a=>a[1]===o),view:o,props:{...n,...r}}}return null}function Je(e){return Ye(e)!==null}function Qe(){let e=Q(fe),{path:t,params:o}=Q(Ie);if(e===void 0)return s`<${$e} /><main class="alone"><${w} what="Connecting" /></main>`;if(e===null)return s`<${$e} /><${Ve} /><${re} />`;let n=Ye(t);return s`
    <a class="skip" href="#main">Skip to the content</a>
    <${$e} />
    <div class="frame">
      <${Wt} who=${e} path=${t} />
      <${Et} key=${n?.key??t}>
        ${n?s`<${n.view} ...${n.props} params=${o} who=${e} />`:s`<${Mt} />`}
      <//>
    </div>
    <${re} />`}var _e=!0;function Et({children:e}){let t=x();return N(()=>{!_e&&!t.current.contains(document.activeElement)&&t.current.focus({preventScroll:!0}),_e=!1},[]),s`<main id="main" tabIndex="-1" ref=${t}>${e}</main>`}function Mt(){return s`<${T} title="There is nothing at this address"><p><a href="/">Go to the overview</a></p><//>`}function $e(){let e=Q(ye),t=ee(1e3);return e===null?null:s`<div class="connection" role="alert"><span class="spinner" aria-hidden="true"></span>
    The connection to the server is lost. Trying again… <span class="quiet-text" aria-hidden="true">${V(t-e)}</span></div>`}function Wt({who:e,path:t}){let o=[["/","overview","Overview"]];return z(e,"manage")&&o.push(["/attach","plus","Add a repository"]),s`<header class="side">
    <a class="brand" href="/"><svg width="26" height="26" viewBox="0 0 32 32" aria-hidden="true"><rect width="32" height="32" rx="7" class="brand-box" />
      <g fill="none" stroke="#fff" stroke-width="2.6" stroke-linecap="round"><path d="M5 9.500q11 9 22 0" /><path d="M5 16q11 9 22 0" opacity=".75" /><path d="M5 22.500q11 6.5 22 0" opacity=".5" /></g></svg>
      Syncline</a>
    <nav aria-label="Main">
      ${o.map(([n,r,a])=>s`<a key=${n} href=${n} aria-current=${n===t?"page":void 0}><${b} name=${r} /><span>${a}</span></a>`)}
      <a href="/swagger" target="_blank" rel="noopener"><${b} name="api" /><span>API</span></a>
    </nav>
    <${Dt} who=${e} />
  </header>`}function Dt({who:e}){let t=()=>{let o=document.documentElement.dataset.theme?document.documentElement.dataset.theme==="dark":matchMedia("(prefers-color-scheme: dark)").matches;document.documentElement.dataset.theme=o?"light":"dark",localStorage.setItem("syncline-theme",document.documentElement.dataset.theme)};return s`<div class="who">
    <div class="who-name"><bdi title=${e.userName}>${e.userName}</bdi>${e.role!==e.userName&&s`<span class="quiet-text">${e.role}</span>`}</div>
    <button class="quiet icon-only" title="Light or dark" aria-label="Switch between light and dark" onClick=${t}><${b} name="sun" /></button>
    <${M} kind="quiet icon-only" title="Sign out" aria-label="Sign out" onClick=${ke}><${b} name="out" /><//>
  </div>`}document.documentElement.dataset.theme=localStorage.getItem("syncline-theme")||"";Ae(Je);me(s`<${Qe} />`,document.getElementById("app"));ve();
