import{e as E,g as K,h as O,i as L,j as P,k as j,m as b,o as y,p as G,q as M}from"./chunk-NIEK3ELI.js";import{a as A,b as S,c as B,d as T}from"./chunk-TQDLPU6A.js";import{a as z}from"./chunk-QKG4GXTG.js";import{A as v,B as C,L as w,P as N,Z as u,da as h,e as n,ea as R,f as g,fa as F,ga as I,ha as D,ja as f,la as x,ma as k,z as q}from"./chunk-2M5QBSSA.js";function de(){let e=w("/v6/Accounts"),s=w("/v6/objectstoragerepositories"),a=z(),o=E(),[r,l]=g(!1),c=[e,s,a,o],d=()=>Promise.all(c.map(i=>i.reload())),$=c.map(i=>i.error).find(i=>i?.status),t=e.data&&s.data&&a.data&&o.data;return n`<section class="settings-section" aria-labelledby="accounts-title">
    <div class="section-head"><h2 id="accounts-title">Storage accounts</h2><${f} kind="primary small" icon="plus" onClick=${()=>l(!0)}>Add an account<//></div>
    <${F} error=${$} retry=${d} />
    ${!t&&!$&&n`<${I} />`}
    ${t&&e.data.length===0&&n`<${D} title="No accounts"><p>An account opens storage elsewhere. Repositories in folders of the server need none.</p><//>`}
    ${t&&e.data.length>0&&n`<ul class="items" aria-labelledby="accounts-title">${e.data.map(i=>n`<${U} key=${i.id} account=${i} kinds=${o.data}
      storages=${s.data.filter(m=>m.accountId===i.id)} accounts=${e.data} repositories=${a.data} reload=${d} />`)}</ul>`}
    ${r&&t&&n`<${J} kinds=${o.data} onClose=${()=>l(!1)} reload=${d} />`}
  </section>`}function U({account:e,kinds:s,storages:a,accounts:o,repositories:r,reload:l}){let[c,d]=g(""),$=()=>d(""),t=s.find(p=>p.accountType===e.accountType),i=b(e,t?.title??e.accountType),m=u(i);return n`<li>
    <div class="item-text"><span class="item-title"><${h} text=${i} /><${T} by=${e.managedBy} /></span>
      <span class="quiet-text">${u(t?.title??e.accountType)}${t?.methods.length>1&&`, ${K(t,e.method).title.toLowerCase()}`}${e.userName&&e.description&&e.description!==e.userName&&n` · <${h} text=${e.userName} />`}${e.limitDownloadKBs>0&&` \xB7 at most ${e.limitDownloadKBs} KiB/s`}${e.maxConnections>0&&` \xB7 at most ${N(e.maxConnections,"connection")}`}</span></div>
    ${!e.managedBy&&n`<div class="actions">
      <${f} kind="quiet small" icon="edit" aria-label=${`Edit ${m}`} onClick=${()=>d("edit")}>Edit<//>
      <${f} kind="quiet small" icon="trash" disabled=${a.length>0} title=${a.length>0?"A place in storage uses it":void 0} aria-label=${`Remove ${m}`} onClick=${()=>d("remove")}>Remove<//></div>`}
    ${a.length>0&&n`<ul class="under" aria-label=${`Places of ${m}`}>${a.map(p=>n`<${V} key=${p.id} storage=${p} kind=${t} accounts=${o} repository=${r.find(Q=>Q.objectStorageId===p.id)} reload=${l} />`)}</ul>`}
    ${c==="edit"&&n`<${J} account=${e} kinds=${s} reload=${l} onClose=${$} />`}
    ${c==="remove"&&n`<${x} title=${`Remove ${i}?`} action="Remove" onClose=${$} onConfirm=${async()=>{await C(`/v6/Accounts/${e.id}`),await l()}}><p>Syncline forgets the credentials. Nothing changes in the storage.</p><//>`}
  </li>`}function V({storage:e,kind:s,accounts:a,repository:o,reload:r}){let[l,c]=g(""),d=()=>c(""),{at:$,path:t}=y(e);return n`<li><${R} name="space" size="15" />
    <div class="item-text"><span class="item-title"><${h} text=${t} /><${T} by=${e.managedBy} /></span>
      <span class="quiet-text">${u($)} · ${o?n`<a href="/repositories/${o.id}"><${h} text=${o.name} /></a>`:"no repository is attached in it"}</span></div>
    ${!e.managedBy&&n`<div class="actions">
      <${f} kind="quiet small" aria-label=${`Edit the place ${u(t)}`} onClick=${()=>c("edit")}>Edit<//>
      ${!o&&n`<${f} kind="quiet small" aria-label=${`Remove the place ${u(t)}`} onClick=${()=>c("remove")}>Remove<//>`}</div>`}
    ${l==="edit"&&n`<${X} storage=${e} kind=${s} accounts=${a} reload=${r} onClose=${d} />`}
    ${l==="remove"&&n`<${x} title=${`Remove ${t}?`} action="Remove" onClose=${d} onConfirm=${async()=>{await C(`/v6/objectstoragerepositories/${e.id}`),await r()}}><p>Syncline forgets the place. Nothing changes in the storage.</p><//>`}
  </li>`}var H=e=>e===""?0:Number(e);function J({account:e=void 0,kinds:s,onClose:a,reload:o}){let{form:r,field:l,change:c}=S({type:e?.accountType??"amazonS3CompatibleAccount",method:e?.method??"",userName:e?.userName??"",settings:e?.settings??{},secrets:{},description:e?.description??"",connections:e?.maxConnections||"",speed:e?.limitDownloadKBs||""}),d=s.find(t=>t.accountType===r.type),$=async()=>{let t={...O(d,r,e),description:r.description.trim(),maxConnections:H(r.connections),limitDownloadKBs:H(r.speed)};e?await v(`/v6/Accounts/${e.id}`,t):await q("/v6/Accounts",t),k(e?"Saved.":"The account is added. \u201CAdd a repository\u201D uses it."),await o()};return n`<${A} title=${e?`Edit ${b(e,d.title)}`:"Add an account"} action=${e?"Save":"Add"} busyText="Checking…" onSubmit=${$} onClose=${a}>
    ${!e&&n`<${B} label="Kind of storage" value=${r.type} options=${s.map(t=>[t.accountType,t.title])} onChange=${t=>c({type:t,method:"",settings:{},secrets:{}})} />`}
    <${P} key=${r.type} kind=${d} form=${r} change=${c} account=${e} />
    <label>Description<input ...${l("description")} maxLength="1024" /></label>
    <div class="two-fields"><label>Connections at once<input type="number" min="0" max="1000" placeholder="32" ...${l("connections")} /></label>
      <label>KiB a second<input type="number" min="0" max="1000000000" placeholder="no bound" ...${l("speed")} /></label></div>
    <p class="quiet-text">${e?"Other credentials are tried with every place that uses the account before they are kept.":"Secrets are sealed when they are stored, and are never shown again. Rights to list and to read are enough."}</p>
  <//>`}function W(e,s,a){let o={name:a.name.trim(),accountId:a.accountId};return e.address?{...o,address:a.address.trim(),settings:L(s,a.settings,!0)}:{...o,[M(e)]:a.folder.trim()}}function X({storage:e,kind:s,accounts:a,onClose:o,reload:r}){let{form:l,field:c,change:d}=S({name:e.name??"",accountId:e.accountId,folder:G(e),address:e.address??"",settings:e.settings??{}}),$=a.filter(i=>i.accountType===s?.accountType);return n`<${A} title="Edit a place in storage" busyText="Checking…" onSubmit=${async()=>{try{await v(`/v6/objectstoragerepositories/${e.id}`,W(e,s,l))}catch(i){let{confirm:m,message:p}=i;throw m?(d({settings:{...l.settings,...m}}),new Error(`${p.replace(/^address: /,"")} It is filled in above: compare it, and save again where it is right.`,{cause:i})):i}k("Saved."),await r()}} onClose=${o}>
    <label>Name<input ...${c("name")} required maxLength="255" /></label>
    ${e.address?n`<label>Address<input ...${c("address")} required maxLength="4096" spellCheck=${!1} /></label>
      ${s&&n`<${j} kind=${s} settings=${l.settings} onChange=${i=>d({settings:i})} />`}`:n`<p class="quiet-text wrap-name">${u(y(e).at)}: <${h} text=${y({...e,s3Folder:"",azureFolder:"",googleFolder:""}).path} /></p>
        <label>Folder in it<input ...${c("folder")} maxLength="1024" spellCheck=${!1} /></label>`}
    <${B} label="Account" value=${l.accountId} options=${$.map(i=>[i.id,b(i,s?.title)])} onChange=${i=>d({accountId:i})} />
    <p class="quiet-text">Another account or place is tried before it is kept.</p>
  <//>`}export{de as Accounts};
