// A table that draws only the rows in view, so it may have any length. It
// scrolls with the page or in a box of its own.
import { Virtualizer, elementScroll, observeElementOffset, observeElementRect, observeWindowOffset, observeWindowRect, windowScroll } from '@tanstack/virtual-core';
import { useLayoutEffect, useReducer, useRef, useState } from 'preact/hooks';

// useRows returns the virtualizer for count rows of the same height, which
// scroll with the window. box is the element of the rows.
export function useWindowRows(count, height, box) {
  const margin = useRef(0);
  return useVirtual({
    count,
    estimateSize: () => height,
    overscan: 12,
    getScrollElement: () => window,
    observeElementRect: observeWindowRect,
    observeElementOffset: observeWindowOffset,
    scrollToFn: windowScroll,
    initialOffset: () => window.scrollY,
    scrollMargin: margin.current,
  }, () => {
    const top = box.current ? Math.round(box.current.getBoundingClientRect().top + window.scrollY) : 0;
    const moved = top !== margin.current;
    margin.current = top;
    return moved;
  });
}

// useBoxRows is useRows for rows that scroll in box, below a head of a given
// height that stays at its top.
export function useBoxRows(count, height, box, head = 0) {
  return useVirtual({
    count,
    estimateSize: () => height,
    overscan: 12,
    getScrollElement: () => box.current,
    observeElementRect,
    observeElementOffset,
    scrollToFn: elementScroll,
    scrollMargin: head,
    scrollPaddingStart: head,
  }, () => false);
}

function useVirtual(options, measure) {
  const [, redraw] = useReducer((n) => n + 1, 0);
  /** @type {{ current: any }} */
  const ref = useRef(null);
  const full = { ...options, onChange: () => redraw(0) };
  if (!ref.current) ref.current = new Virtualizer(full);
  ref.current.setOptions(full);
  useLayoutEffect(() => ref.current._didMount(), []);
  const height = options.estimateSize();
  const known = useRef(height);
  useLayoutEffect(() => {
    if (known.current !== height) ref.current.measure();
    known.current = height;
  }, [height]);
  useLayoutEffect(() => {
    ref.current._willUpdate();
    if (measure()) redraw(0);
  });
  return /** @type {Virtualizer<any, Element>} */ (ref.current);
}

// useNarrow reports whether a view is narrower than this. Like the container
// queries, it measures the width beside the navigation.
export function useNarrow(limit = 860) {
  const [is, setIs] = useState(() => mainWidth() < limit);
  useLayoutEffect(() => {
    const observer = new ResizeObserver(() => setIs(mainWidth() < limit));
    observer.observe(/** @type {HTMLElement} */ (document.getElementById('main')));
    return () => observer.disconnect();
  }, [limit]);
  return is;
}

function mainWidth() {
  const main = document.getElementById('main');
  if (!main) return Infinity;
  const style = getComputedStyle(main);
  return main.clientWidth - parseFloat(style.paddingLeft) - parseFloat(style.paddingRight);
}
