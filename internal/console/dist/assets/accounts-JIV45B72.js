import{a as b,b as E,c as T,d as K,e as O,f as L,h as P,i as j,j as z,k as G,l as M}from"./chunk-UEOWYNOX.js";import{a as k,b as A,c as S,d as B}from"./chunk-TQDLPU6A.js";import{a as H}from"./chunk-QKG4GXTG.js";import{A as y,B as v,L as C,P as N,Z as u,da as h,e as i,ea as R,f as g,fa as F,ga as I,ha as D,ja as f,la as w,ma as x,z as q}from"./chunk-2M5QBSSA.js";function de(){let e=C("/v6/Accounts"),a=C("/v6/objectstoragerepositories"),s=H(),o=L(),[r,l]=g(!1),c=[e,a,s,o],d=()=>Promise.all(c.map(n=>n.reload())),$=c.map(n=>n.error).find(n=>n?.status),t=e.data&&a.data&&s.data&&o.data;return i`<section class="settings-section" aria-labelledby="accounts-title">
    <div class="section-head"><h2 id="accounts-title">Storage accounts</h2><${f} kind="primary small" icon="plus" onClick=${()=>l(!0)}>Add an account<//></div>
    <${F} error=${$} retry=${d} />
    ${!t&&!$&&i`<${I} />`}
    ${t&&e.data.length===0&&i`<${D} title="No accounts"><p>An account opens storage elsewhere. Repositories in folders of the server need none.</p><//>`}
    ${t&&e.data.length>0&&i`<ul class="items" aria-labelledby="accounts-title">${e.data.map(n=>i`<${V} key=${n.id} account=${n} kinds=${o.data}
      storages=${a.data.filter(m=>m.accountId===n.id)} accounts=${e.data} repositories=${s.data} reload=${d} />`)}</ul>`}
    ${r&&t&&i`<${Q} kinds=${o.data} onClose=${()=>l(!1)} reload=${d} />`}
  </section>`}function V({account:e,kinds:a,storages:s,accounts:o,repositories:r,reload:l}){let[c,d]=g(""),$=()=>d(""),t=a.find(p=>p.accountType===e.accountType),n=T(e,t?.title??e.accountType),m=u(n);return i`<li>
    <div class="item-text"><span class="item-title"><${h} text=${n} /><${B} by=${e.managedBy} /></span>
      <span class="quiet-text">${u(t?.title??e.accountType)}${t?.methods.length>1&&`, ${P(t,e.method).title.toLowerCase()}`}${e.userName&&e.description&&e.description!==e.userName&&i` · <${h} text=${e.userName} />`}${e.limitDownloadKBs>0&&` \xB7 at most ${e.limitDownloadKBs} KiB/s`}${e.maxConnections>0&&` \xB7 at most ${N(e.maxConnections,"connection")}`}</span></div>
    ${!e.managedBy&&i`<div class="actions">
      <${f} kind="quiet small" icon="edit" aria-label=${`Edit ${m}`} onClick=${()=>d("edit")}>Edit<//>
      <${f} kind="quiet small" icon="trash" disabled=${s.length>0} title=${s.length>0?"A place in storage uses it":void 0} aria-label=${`Remove ${m}`} onClick=${()=>d("remove")}>Remove<//></div>`}
    ${s.length>0&&i`<ul class="under" aria-label=${`Places of ${m}`}>${s.map(p=>i`<${W} key=${p.id} storage=${p} kind=${t} accounts=${o} repository=${r.find(U=>U.objectStorageId===p.id)} reload=${l} />`)}</ul>`}
    ${c==="edit"&&i`<${Q} account=${e} kinds=${a} reload=${l} onClose=${$} />`}
    ${c==="remove"&&i`<${w} title=${`Remove ${n}?`} action="Remove" onClose=${$} onConfirm=${async()=>{await v(`/v6/Accounts/${e.id}`),await l()}}><p>Syncline forgets the credentials. Nothing changes in the storage.</p><//>`}
  </li>`}function W({storage:e,kind:a,accounts:s,repository:o,reload:r}){let[l,c]=g(""),d=()=>c(""),{at:$,path:t}=b(e);return i`<li><${R} name="space" size="15" />
    <div class="item-text"><span class="item-title"><${h} text=${t} /><${B} by=${e.managedBy} /></span>
      <span class="quiet-text">${u($)} · ${o?i`<a href="/repositories/${o.id}"><${h} text=${o.name} /></a>`:"no repository is attached in it"}</span></div>
    ${!e.managedBy&&i`<div class="actions">
      <${f} kind="quiet small" aria-label=${`Edit the place ${u(t)}`} onClick=${()=>c("edit")}>Edit<//>
      ${!o&&i`<${f} kind="quiet small" aria-label=${`Remove the place ${u(t)}`} onClick=${()=>c("remove")}>Remove<//>`}</div>`}
    ${l==="edit"&&i`<${Y} storage=${e} kind=${a} accounts=${s} reload=${r} onClose=${d} />`}
    ${l==="remove"&&i`<${w} title=${`Remove ${t}?`} action="Remove" onClose=${d} onConfirm=${async()=>{await v(`/v6/objectstoragerepositories/${e.id}`),await r()}}><p>Syncline forgets the place. Nothing changes in the storage.</p><//>`}
  </li>`}var J=e=>e===""?0:Number(e);function Q({account:e=void 0,kinds:a,onClose:s,reload:o}){let{form:r,field:l,change:c}=A({type:e?.accountType??"amazonS3CompatibleAccount",method:e?.method??"",userName:e?.userName??"",settings:e?.settings??{},secrets:{},description:e?.description??"",connections:e?.maxConnections||"",speed:e?.limitDownloadKBs||""}),d=a.find(t=>t.accountType===r.type),$=async()=>{let t={...j(d,r,e),description:r.description.trim(),maxConnections:J(r.connections),limitDownloadKBs:J(r.speed)};e?await y(`/v6/Accounts/${e.id}`,t):await q("/v6/Accounts",t),x(e?"Saved.":"The account is added. \u201CAdd a repository\u201D uses it."),await o()};return i`<${k} title=${e?`Edit ${T(e,d.title)}`:"Add an account"} action=${e?"Save":"Add"} busyText="Checking…" onSubmit=${$} onClose=${s}>
    ${!e&&i`<${S} label="Kind of storage" value=${r.type} options=${a.map(t=>[t.accountType,t.title])} onChange=${t=>c({type:t,method:"",settings:{},secrets:{}})} />`}
    <${G} key=${r.type} kind=${d} form=${r} change=${c} account=${e} />
    <label>Description<input ...${l("description")} maxLength="1024" /></label>
    <div class="two-fields"><label>Connections at once<input type="number" min="0" max="1000" placeholder="32" ...${l("connections")} /></label>
      <label>KiB a second<input type="number" min="0" max="1000000000" placeholder="no bound" ...${l("speed")} /></label></div>
    <p class="quiet-text">${e?"Other credentials are tried with every place that uses the account before they are kept.":"Secrets are sealed when they are stored, and are never shown again. Rights to list and to read are enough."}</p>
  <//>`}function X(e,a,s){let o={name:s.name.trim(),accountId:s.accountId};return e.address?{...o,address:s.address.trim(),settings:z(a,s.settings,!0)}:{...o,[O(e)]:s.folder.trim()}}function Y({storage:e,kind:a,accounts:s,onClose:o,reload:r}){let{form:l,field:c,change:d}=A({name:e.name??"",accountId:e.accountId,folder:E(e),address:e.address??"",settings:e.settings??{}}),$=s.filter(n=>n.accountType===a?.accountType);return i`<${k} title="Edit a place in storage" busyText="Checking…" onSubmit=${async()=>{try{await y(`/v6/objectstoragerepositories/${e.id}`,X(e,a,l))}catch(n){let{confirm:m,message:p}=n;throw m?(d({settings:{...l.settings,...m}}),new Error(`${p.replace(/^address: /,"")} It is filled in above: compare it, and save again where it is right.`,{cause:n})):n}x("Saved."),await r()}} onClose=${o}>
    <label>Name<input ...${c("name")} required maxLength="255" /></label>
    ${e.address?i`<label>Address<input ...${c("address")} required maxLength="4096" spellCheck=${!1} /></label>
      ${a&&i`<${M} kind=${a} settings=${l.settings} onChange=${n=>d({settings:n})} />`}`:i`<p class="quiet-text wrap-name">${u(b(e).at)}: <${h} text=${b({...e,s3Folder:"",azureFolder:"",googleFolder:""}).path} /></p>
        <label>Folder in it<input ...${c("folder")} maxLength="1024" spellCheck=${!1} /></label>`}
    <${S} label="Account" value=${l.accountId} options=${K($,a)} onChange=${n=>d({accountId:n})} />
    <p class="quiet-text">Another account or place is tried before it is kept.</p>
  <//>`}export{de as Accounts};
