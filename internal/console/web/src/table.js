// A table that draws the rows in view only, so that its length does not
// matter. It scrolls with the page or in a box of its own.
import { Virtualizer, elementScroll, observeElementOffset, observeElementRect, observeWindowOffset, observeWindowRect, windowScroll } from '@tanstack/virtual-core';
import { useLayoutEffect, useReducer, useRef, useState } from 'preact/hooks';

// useRows returns the virtualizer for count rows of the same height, which
// scroll with the window; box is the element that holds them.
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

// useBoxRows does the same for rows that scroll in box, beneath a head of some
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

// useNarrow tells whether rows are laid out for a view that is narrower than
// this: as the container queries do, for the width beside the navigation.
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
