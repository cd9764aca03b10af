import{a as b,b as D,c as B,d as K,e as P,f as R,g as L,i as j,j as z,k as W,l as G,m as M,n as H}from"./chunk-SYNOHZTA.js";import{a as k,b as A,c as S,d as T}from"./chunk-WBZVKYOI.js";import{a as J}from"./chunk-QKG4GXTG.js";import{A as y,B as v,L as C,P as F,Z as u,da as h,e as i,ea as N,f as g,fa as O,ga as E,ha as I,ja as f,la as w,ma as x,z as q}from"./chunk-2M5QBSSA.js";function ce(){let e=C("/v6/Accounts"),s=C("/v6/objectstoragerepositories"),a=J(),l=L(),[d,r]=g(!1),c=[e,s,a,l],o=()=>Promise.all(c.map(n=>n.reload())),$=c.map(n=>n.error).find(n=>n?.status),t=e.data&&s.data&&a.data&&l.data;return i`<section class="settings-section" aria-labelledby="accounts-title">
    <div class="section-head"><h2 id="accounts-title">Storage accounts</h2><${f} kind="primary small" icon="plus" onClick=${()=>r(!0)}>Add an account<//></div>
    <${O} error=${$} retry=${o} />
    ${!t&&!$&&i`<${E} />`}
    ${t&&e.data.length===0&&i`<${I} title="No accounts"><p>An account opens storage elsewhere. Repositories in folders of the server need none.</p><//>`}
    ${t&&e.data.length>0&&i`<ul class="items" aria-labelledby="accounts-title">${e.data.map(n=>i`<${X} key=${n.id} account=${n} kinds=${l.data}
      storages=${s.data.filter(m=>m.accountId===n.id)} accounts=${e.data} repositories=${a.data} reload=${o} />`)}</ul>`}
    ${d&&t&&i`<${U} kinds=${l.data} onClose=${()=>r(!1)} reload=${o} />`}
  </section>`}function X({account:e,kinds:s,storages:a,accounts:l,repositories:d,reload:r}){let[c,o]=g(""),$=()=>o(""),t=s.find(p=>p.accountType===e.accountType),n=B(e,t?.title??e.accountType),m=u(n);return i`<li>
    <div class="item-text"><span class="item-title"><${h} text=${n} /><${T} by=${e.managedBy} /></span>
      <span class="quiet-text">${u(t?.title??e.accountType)}${t?.methods.length>1&&`, ${j(t,e.method).title.toLowerCase()}`}${e.userName&&e.description&&e.description!==e.userName&&i` · <${h} text=${e.userName} />`}${e.limitDownloadKBs>0&&` \xB7 at most ${e.limitDownloadKBs} KiB/s`}${e.maxConnections>0&&` \xB7 at most ${F(e.maxConnections,"connection")}`}</span></div>
    ${!e.managedBy&&i`<div class="actions">
      <${f} kind="quiet small" icon="edit" aria-label=${`Edit ${m}`} onClick=${()=>o("edit")}>Edit<//>
      <${f} kind="quiet small" icon="trash" disabled=${a.length>0} title=${a.length>0?"A place in storage uses it":void 0} aria-label=${`Remove ${m}`} onClick=${()=>o("remove")}>Remove<//></div>`}
    ${a.length>0&&i`<ul class="under" aria-label=${`Places of ${m}`}>${a.map(p=>i`<${Y} key=${p.id} storage=${p} kind=${t} accounts=${l} repository=${d.find(V=>V.objectStorageId===p.id)} reload=${r} />`)}</ul>`}
    ${c==="edit"&&i`<${U} account=${e} kinds=${s} reload=${r} onClose=${$} />`}
    ${c==="remove"&&i`<${w} title=${`Remove ${n}?`} action="Remove" onClose=${$} onConfirm=${async()=>{await v(`/v6/Accounts/${e.id}`),await r()}}><p>Syncline forgets the credentials. Nothing changes in the storage.</p><//>`}
  </li>`}function Y({storage:e,kind:s,accounts:a,repository:l,reload:d}){let[r,c]=g(""),o=()=>c(""),{at:$,path:t}=b(e);return i`<li><${N} name="space" size="15" />
    <div class="item-text"><span class="item-title"><${h} text=${t} /><${T} by=${e.managedBy} /></span>
      <span class="quiet-text">${u($)} · ${l?i`<a href="/repositories/${l.id}"><${h} text=${l.name} /></a>`:"no repository is attached in it"}</span></div>
    ${!e.managedBy&&i`<div class="actions">
      <${f} kind="quiet small" aria-label=${`Edit the place ${u(t)}`} onClick=${()=>c("edit")}>Edit<//>
      ${!l&&i`<${f} kind="quiet small" aria-label=${`Remove the place ${u(t)}`} onClick=${()=>c("remove")}>Remove<//>`}</div>`}
    ${r==="edit"&&i`<${_} storage=${e} kind=${s} accounts=${a} reload=${d} onClose=${o} />`}
    ${r==="remove"&&i`<${w} title=${`Remove ${t}?`} action="Remove" onClose=${o} onConfirm=${async()=>{await v(`/v6/objectstoragerepositories/${e.id}`),await d()}}><p>Syncline forgets the place. Nothing changes in the storage.</p><//>`}
  </li>`}var Q=e=>e===""?0:Number(e);function U({account:e=void 0,kinds:s,onClose:a,reload:l}){let{form:d,field:r,change:c}=A({type:e?.accountType??"amazonS3CompatibleAccount",method:e?.method??"",userName:e?.userName??"",settings:e?.settings??{},secrets:{},description:e?.description??"",connections:e?.maxConnections||"",speed:e?.limitDownloadKBs||""}),o=s.find(t=>t.accountType===d.type),$=async()=>{let t={...W(o,d,e),description:d.description.trim(),maxConnections:Q(d.connections),limitDownloadKBs:Q(d.speed)};e?await y(`/v6/Accounts/${e.id}`,t):await q("/v6/Accounts",t),x(e?"Saved.":"The account is added. \u201CAdd a repository\u201D uses it."),await l()};return i`<${k} title=${e?`Edit ${B(e,o.title)}`:"Add an account"} action=${e?"Save":"Add"} busyText="Checking…" inWords=${t=>R(t,z(o,d.method))} onSubmit=${$} onClose=${a}>
    ${!e&&i`<${S} label="Kind of storage" value=${d.type} options=${s.map(t=>[t.accountType,t.title])} onChange=${t=>c({type:t,method:"",settings:{},secrets:{}})} />`}
    <${M} key=${d.type} kind=${o} form=${d} change=${c} account=${e} />
    <label>Description<input ...${r("description")} maxLength="1024" /></label>
    <div class="two-fields"><label>Connections at once<input type="number" min="0" max="1000" placeholder="32" ...${r("connections")} /></label>
      <label>KiB a second<input type="number" min="0" max="1000000000" placeholder="no bound" ...${r("speed")} /></label></div>
    <p class="quiet-text">${e?"Other credentials are tried with every place that uses the account before they are kept.":"Secrets are sealed when they are stored, and are never shown again. Rights to list and to read are enough."}</p>
  <//>`}function Z(e,s,a){let l={name:a.name.trim(),accountId:a.accountId};return e.address?{...l,address:a.address.trim(),settings:G(s,a.settings,!0)}:{...l,[P(e)]:a.folder.trim()}}function _({storage:e,kind:s,accounts:a,onClose:l,reload:d}){let{form:r,field:c,change:o}=A({name:e.name??"",accountId:e.accountId,folder:D(e),address:e.address??"",settings:e.settings??{}}),$=a.filter(n=>n.accountType===s?.accountType);return i`<${k} title="Edit a place in storage" busyText="Checking…" inWords=${n=>R(n,s?.settings)} onSubmit=${async()=>{try{await y(`/v6/objectstoragerepositories/${e.id}`,Z(e,s,r))}catch(n){let{confirm:m,message:p}=n;throw m?(o({settings:{...r.settings,...m}}),new Error(`${p} It is filled in above: compare it, and save again where it is right.`,{cause:n})):n}x("Saved."),await d()}} onClose=${l}>
    <label>Name<input ...${c("name")} required maxLength="255" /></label>
    ${e.address?i`<label>Address<input ...${c("address")} required maxLength="4096" spellCheck=${!1} /></label>
      ${s&&i`<${H} kind=${s} settings=${r.settings} onChange=${n=>o({settings:n})} />`}`:i`<p class="quiet-text wrap-name">${u(b(e).at)}: <${h} text=${b({...e,s3Folder:"",azureFolder:"",googleFolder:""}).path} /></p>
        <label>Folder in it<input ...${c("folder")} maxLength="1024" spellCheck=${!1} /></label>`}
    <${S} label="Account" value=${r.accountId} options=${K($,s)} onChange=${n=>o({accountId:n})} />
    <p class="quiet-text">Another account or place is tried before it is kept. On REST, SFTP and Swift a place on another host needs an account that is added for it, because a kept secret goes to no other host.</p>
  <//>`}export{ce as Accounts};
