(async () => {
  // What follows the width of an element is drawn in the frames after.
  for (let i = 0; i < 3; i++) await new Promise((done) => requestAnimationFrame(done));
  const found = [];
  const tell = (what, e, text) => {
    const name = [e.closest('[class]')?.className, e.parentElement?.className].filter((c) => typeof c === 'string').join(' in ');
    found.push(`${what}: ${(text ?? e.getAttribute('aria-label') ?? e.textContent).trim().slice(0, 80)} (${e.tagName.toLowerCase()}.${name})`);
  };
  const root = document.querySelector('dialog[open]') ?? document.body;
  const seen = (e) => e.checkVisibility({ opacityProperty: true, visibilityProperty: true }) && !e.closest('.hidden, .skip, .notices, option, select');
  const width = document.documentElement.clientWidth;
  if (document.documentElement.scrollWidth > innerWidth) found.push(`the page is ${document.documentElement.scrollWidth} pixels wide`);

  const clip = (e, r) => {
    let [left, right, top, bottom] = [r.left, r.right, r.top, r.bottom];
    let [ellipsis, scrolls, room] = [false, false, Infinity];
    for (let a = e; a && a !== document.documentElement; a = a.parentElement) {
      const style = getComputedStyle(a);
      if (style.overflowX === 'visible' || style.display === 'inline') continue;
      const box = a.getBoundingClientRect();
      const ends = style.textOverflow === 'ellipsis' || style.webkitLineClamp !== 'none';
      if (ends && a.scrollWidth > a.clientWidth + 1) room = Math.min(room, a.clientWidth);
      ellipsis ||= ends;
      scrolls ||= ['auto', 'scroll'].includes(style.overflowY) && a.scrollHeight > a.clientHeight;
      [left, right] = [Math.max(left, box.left), Math.min(right, box.right)];
      [top, bottom] = [Math.max(top, box.top), Math.min(bottom, box.bottom)];
    }
    return { left, right, top, bottom, ellipsis, scrolls, room };
  };

  const texts = [];
  const walker = document.createTreeWalker(root, NodeFilter.SHOW_TEXT);
  for (let node = walker.nextNode(); node; node = walker.nextNode()) {
    const e = node.parentElement;
    if (!node.data.trim() || !seen(e) || e.closest('svg, noscript, script, style')) continue;
    const range = document.createRange();
    range.selectNodeContents(node);
    for (const r of range.getClientRects()) {
      if (r.width < 1) continue;
      const shown = clip(e, r);
      const wide = shown.right - shown.left;
      if ((r.right > width + 1 || r.left < -1) && !shown.ellipsis) tell('sticks out', e, node.data);
      if (shown.scrolls && (shown.bottom - shown.top < r.height - 1 || wide < 1)) continue;
      if (wide < r.width - 1.5 && !shown.ellipsis) tell('is cut off', e, node.data);
      // Of a name that is cut, enough is to be seen.
      if (shown.room < 40) tell(`has ${Math.round(shown.room)} pixels`, e, node.data);
      if (shown.bottom - shown.top < r.height - 5 && !shown.ellipsis) tell('is cut off in its height', e, node.data);
      if (wide > 2 && shown.bottom - shown.top > 2) texts.push({ e, node, text: node.data, ...shown });
    }
  }
  texts.forEach((a, i) => {
    for (const b of texts.slice(i + 1)) {
      const wide = Math.min(a.right, b.right) - Math.max(a.left, b.left);
      const high = Math.min(a.bottom, b.bottom) - Math.max(a.top, b.top);
      if (a.node === b.node || wide < 3 || high < 7 || Boolean(a.e.closest('.grid-head')) !== Boolean(b.e.closest('.grid-head'))) continue;
      if (a.e.closest('.connection, .plot-tip') || b.e.closest('.connection, .plot-tip')) continue;
      tell(`lies over “${b.text.trim().slice(0, 40)}”`, a.e, a.text);
    }
  });

  for (const e of root.querySelectorAll('a[href], button, select, input, summary')) {
    if (!seen(e) && !e.matches('select')) continue;
    if (!e.checkVisibility() || e.closest('.skip')) continue;
    const r = e.getBoundingClientRect();
    if (r.width === 0 || e.classList.contains('skip')) continue;
    const shown = clip(e.parentElement, r);
    if (r.left < -1 || r.right > width + 1) tell('cannot be reached', e);
    else if (shown.right - shown.left < Math.min(r.width, 24) - 1.5 && !shown.scrolls) tell('is hidden in part', e);
    else if (e.matches('button, .button, select') && shown.right - shown.left < r.width - 1.5) tell('is cut off as a control', e);
  }
  return [...new Set(found)];
})()
