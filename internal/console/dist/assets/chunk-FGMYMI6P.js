import{I as m,N as h,O as u,Y as k,b as c,c as x,f as g,j as b}from"./chunk-3H3YKUII.js";var d=11;function w(i){let[a,n]=x(0);return g(()=>{let o=new ResizeObserver(([e])=>n(Math.floor(e.contentRect.width)));return o.observe(i.current),()=>o.disconnect()},[]),a}function y(i,a){let n=i.map(r=>Date.parse(r.backupTime)),o=Math.max(...n),e=Math.min(...n),s=Math.max(o-e,36e5),t=r=>d+(r-e)/s*(a-2*d),l=new Map;return i.forEach((r,v)=>{let f=t(n[v]),p=l.get(r.hostName)??[],$=p[p.length-1];$&&$.x-f<d?$.points.push(r):p.push({x:f,points:[r]}),l.set(r.hostName,p)}),{first:e,last:e+s,hosts:[...l]}}function W({points:i,host:a,pick:n}){let o=b(),e=w(o),s=e>0?y(i,e):null;return c`<div class="timeline" ref=${o}>${s&&c`
    <ul class="lanes">${s.hosts.map(([t,l])=>c`<${M} key=${t} hostName=${t} marks=${l} width=${e}
      chosen=${a===t} pick=${n} />`)}</ul>
    <div class="axis" aria-hidden="true"><span>${u(s.first)}</span><span>${u((s.first+s.last)/2)}</span><span>${u(s.last)}</span></div>`}
  </div>`}function M({hostName:i,marks:a,width:n,chosen:o,pick:e}){let s=a.reduce((t,l)=>t+l.points.length,0);return c`<li class="lane">
    <button class="lane-name" aria-pressed=${o} title="Show the restore points of this host only" onClick=${()=>e(o?null:i)}>
      <${k} text=${i} /><span class="quiet-text">${m(s,"restore point")}</span></button>
    <svg width=${n} height="26" aria-hidden="true" focusable="false">
      <line x1="0" x2=${n} y1="13" y2="13" class="lane-line" />
      ${a.map(t=>c`<circle key=${t.points[0].id} cx=${t.x} cy="13" r=${Math.min(3.5+Math.log2(t.points.length)*.9,10)}
        class="mark"><title>${t.points.length===1?h(t.points[0].backupTime):`${m(t.points.length,"restore point")}, ${h(t.points[t.points.length-1].backupTime)} \u2013 ${h(t.points[0].backupTime)}`}</title></circle>`)}
    </svg></li>`}export{w as a,W as b};
