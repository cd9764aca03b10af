// The layout of a folder's sizes as a treemap, and moving in it.
import { hierarchy, treemap, treemapSquarify } from 'd3-hierarchy';

// withRest returns a folder's children, and one more for those not listed.
function withRest(node) {
  if (!node.children?.length) return null;
  const children = node.children.filter((c) => c.size > 0);
  if (node.rest?.size > 0) children.push({ unlisted: node.rest, size: node.rest.size, path: node.path, rawPath: node.rawPath });
  return children.length > 0 ? children : null;
}

// tiles lays out a folder in a box: its entries, and the entries in those that
// are large enough. They come in the order of their sizes, each before its
// entries.
export function tiles(folder, width, height) {
  const root = hierarchy(folder, withRest).sum((d) => (withRest(d) ? 0 : d.size));
  const layout = treemap().tile(treemapSquarify).size([width, height]).round(true).paddingInner(2)
    .paddingOuter((n) => (n.depth === 1 ? 3 : 0)).paddingTop((n) => (n.depth === 1 && n.children ? 22 : 0));
  layout(root);
  /** @type {any[]} */
  const tops = root.children ?? [];
  const found = [];
  for (const [i, top] of tops.entries()) {
    const roomy = top.x1 - top.x0 > 70 && top.y1 - top.y0 > 60;
    found.push(tile(top, i, roomy && top.children));
    if (!roomy) continue;
    for (const inner of top.children ?? []) {
      if (inner.x1 - inner.x0 >= 3 && inner.y1 - inner.y0 >= 3) found.push(tile(inner, i, false));
    }
  }
  return found.filter((t) => t.width >= 2 && t.height >= 2);
}

function tile(node, hue, holds) {
  return { data: node.data, depth: node.depth, hue, holds: Boolean(holds), x: node.x0, y: node.y0, width: node.x1 - node.x0, height: node.y1 - node.y0 };
}

const directions = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };

// towards returns the tile that an arrow key leads to: the nearest one whose
// middle lies in that direction.
export function towards(list, from, key) {
  const [dx, dy] = directions[key];
  const middle = (t) => [t.x + t.width / 2, t.y + (t.holds ? 11 : t.height / 2)];
  const [x, y] = middle(list[from]);
  let best = from;
  let least = Infinity;
  list.forEach((t, i) => {
    const [tx, ty] = middle(t);
    const along = (tx - x) * dx + (ty - y) * dy;
    const aside = Math.abs((tx - x) * dy) + Math.abs((ty - y) * dx);
    if (i !== from && along > 0 && along + 2 * aside < least) {
      least = along + 2 * aside;
      best = i;
    }
  });
  return best;
}
