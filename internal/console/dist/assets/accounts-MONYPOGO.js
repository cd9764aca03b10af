import{d as $,i as v,j,k as E}from"./chunk-V3MTBAZ7.js";import{a as k,b as A,c as N,d as S}from"./chunk-EQAZBBBP.js";import{a as T}from"./chunk-HHIFNTCU.js";import{A as g,B as y,L as C,P as B,Z as p,da as u,e as t,ea as R,f as h,fa as D,ga as I,ha as O,ja as f,la as x,ma as w,z as q}from"./chunk-KPLVUOVL.js";var L=e=>Object.values($).find(l=>l.account===e.accountType)??$.AmazonS3Compatible;function _(){let e=C("/v6/Accounts"),l=C("/v6/objectstoragerepositories"),r=T(),[a,s]=h(!1),d=[e,l,r],n=()=>Promise.all(d.map(o=>o.reload())),c=d.map(o=>o.error).find(o=>o?.status),i=e.data&&l.data&&r.data;return t`<section class="settings-section" aria-labelledby="accounts-title">
    <div class="section-head"><h2 id="accounts-title">Storage accounts</h2><${f} kind="primary small" icon="plus" onClick=${()=>s(!0)}>Add an account<//></div>
    <${D} error=${c} retry=${n} />
    ${!i&&!c&&t`<${I} />`}
    ${i&&e.data.length===0&&t`<${O} title="No accounts"><p>An account opens buckets and containers. Repositories in folders of the server need none.</p><//>`}
    ${i&&e.data.length>0&&t`<ul class="items" aria-labelledby="accounts-title">${e.data.map(o=>t`<${P} key=${o.id} account=${o}
      storages=${l.data.filter(b=>b.accountId===o.id)} accounts=${e.data} repositories=${r.data} reload=${n} />`)}</ul>`}
    ${a&&t`<${K} onClose=${()=>s(!1)} reload=${n} />`}
  </section>`}function P({account:e,storages:l,accounts:r,repositories:a,reload:s}){let[d,n]=h(""),c=()=>n(""),i=p(e.description||e.userName);return t`<li>
    <div class="item-text"><span class="item-title"><${u} text=${e.description||e.userName} /><${S} by=${e.managedBy} /></span>
      <span class="quiet-text">${L(e).text}${e.description&&e.description!==e.userName&&t` · <${u} text=${e.userName} />`}${e.limitDownloadKBs>0&&` \xB7 at most ${e.limitDownloadKBs} KiB/s`}${e.maxConnections>0&&` \xB7 at most ${B(e.maxConnections,"connection")}`}</span></div>
    ${!e.managedBy&&t`<div class="actions">
      <${f} kind="quiet small" icon="edit" aria-label=${`Edit ${i}`} onClick=${()=>n("edit")}>Edit<//>
      <${f} kind="quiet small" icon="trash" disabled=${l.length>0} title=${l.length>0?"A place in storage uses it":void 0} aria-label=${`Remove ${i}`} onClick=${()=>n("remove")}>Remove<//></div>`}
    ${l.length>0&&t`<ul class="under" aria-label=${`Places of ${i}`}>${l.map(o=>t`<${z} key=${o.id} storage=${o} accounts=${r} repository=${a.find(b=>b.objectStorageId===o.id)} reload=${s} />`)}</ul>`}
    ${d==="edit"&&t`<${K} account=${e} reload=${s} onClose=${c} />`}
    ${d==="remove"&&t`<${x} title=${`Remove ${e.description||e.userName}?`} action="Remove" onClose=${c} onConfirm=${async()=>{await y(`/v6/Accounts/${e.id}`),await s()}}><p>Syncline forgets the credentials. Nothing changes in the storage.</p><//>`}
  </li>`}function z({storage:e,accounts:l,repository:r,reload:a}){let[s,d]=h(""),n=()=>d(""),{word:c,server:i,path:o}=v(e);return t`<li><${R} name="space" size="15" />
    <div class="item-text"><span class="item-title"><${u} text=${o} /><${S} by=${e.managedBy} /></span>
      <span class="quiet-text">${c} at ${p(i)} · ${r?t`<a href="/repositories/${r.id}"><${u} text=${r.name} /></a>`:"no repository is attached in it"}</span></div>
    ${!e.managedBy&&t`<div class="actions">
      <${f} kind="quiet small" aria-label=${`Edit the place ${p(o)}`} onClick=${()=>d("edit")}>Edit<//>
      ${!r&&t`<${f} kind="quiet small" aria-label=${`Remove the place ${p(o)}`} onClick=${()=>d("remove")}>Remove<//>`}</div>`}
    ${s==="edit"&&t`<${G} storage=${e} accounts=${l} reload=${a} onClose=${n} />`}
    ${s==="remove"&&t`<${x} title=${`Remove ${o}?`} action="Remove" onClose=${n} onConfirm=${async()=>{await y(`/v6/objectstoragerepositories/${e.id}`),await a()}}><p>Syncline forgets the place. Nothing changes in the storage.</p><//>`}
  </li>`}var F=e=>e===""?0:Number(e);function K({account:e=void 0,onClose:l,reload:r}){let{form:a,field:s,change:d}=A({type:e?.accountType??$.AmazonS3Compatible.account,userName:e?.userName??"",secret:"",description:e?.description??"",connections:e?.maxConnections||"",speed:e?.limitDownloadKBs||""}),n=Object.values($).find(i=>i.account===a.type)??$.AmazonS3Compatible,c=async()=>{let i={userName:a.userName.trim(),description:a.description.trim(),maxConnections:F(a.connections),limitDownloadKBs:F(a.speed)};e?await g(`/v6/Accounts/${e.id}`,{...i,...a.secret&&{newPassword:a.secret}}):await q("/v6/Accounts",{...i,accountType:a.type,password:a.secret}),w(e?"Saved.":"The account is added. \u201CAdd a repository\u201D looks into its buckets."),await r()};return t`<${k} title=${e?`Edit ${e.description||e.userName}`:"Add an account"} action=${e?"Save":"Add"} busyText="Checking…" onSubmit=${c} onClose=${l}>
    ${!e&&t`<${N} label="Kind of storage" value=${a.type} options=${Object.values($).map(i=>[i.account,i.text])} onChange=${i=>d({type:i})} />`}
    <label>${n.user}<input ...${s("userName")} required maxLength="255" autoComplete="off" spellCheck=${!1} /></label>
    <label>${n.secret}<input type="password" ...${s("secret")} required=${!e} maxLength="4096" autoComplete="off" placeholder=${e?"unchanged":""} /></label>
    <label>Description<input ...${s("description")} maxLength="1024" /></label>
    <div class="two-fields"><label>Connections at once<input type="number" min="0" max="1000" placeholder="32" ...${s("connections")} /></label>
      <label>KiB a second<input type="number" min="0" max="1000000000" placeholder="no bound" ...${s("speed")} /></label></div>
    <p class="quiet-text">${e?"Other credentials are tried with every place that uses the account before they are kept.":"The secret is sealed when it is stored, and is never shown again. Rights to list and to read are enough."}</p>
  <//>`}function G({storage:e,accounts:l,onClose:r,reload:a}){let{word:s,server:d}=v(e),{form:n,field:c,change:i}=A({name:e.name??"",accountId:e.accountId,folder:j(e)}),o=l.filter(m=>m.accountType===$[e.type]?.account);return t`<${k} title="Edit a place in storage" busyText="Checking…" onSubmit=${async()=>{await g(`/v6/objectstoragerepositories/${e.id}`,{name:n.name.trim(),accountId:n.accountId,[E(e)]:n.folder.trim()}),w("Saved."),await a()}} onClose=${r}>
    <label>Name<input ...${c("name")} required maxLength="255" /></label>
    <p class="quiet-text wrap-name">${s} at ${p(d)}: <${u} text=${v({...e,s3Folder:"",azureFolder:"",googleFolder:""}).path} /></p>
    <label>Folder in it<input ...${c("folder")} maxLength="1024" spellCheck=${!1} /></label>
    <${N} label="Account" value=${n.accountId} options=${o.map(m=>[m.id,m.description||m.userName])} onChange=${m=>i({accountId:m})} />
    <p class="quiet-text">Another account or folder is tried before it is kept.</p>
  <//>`}export{_ as Accounts};
