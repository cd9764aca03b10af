// The growth of a repository, reduced to a small line.
import { curveStepAfter, line } from 'd3-shape';

export const width = 60;
export const height = 26;
const day = 86400_000;
const month = 30 * day;

// summary is the drawn part of a repository's growth, oldest first.
export function summary(growth) {
  if (growth.length === 0) return null;
  const points = growth.map((g) => [Date.parse(g.backupTime), g.storedSize]);
  const [first] = points[0];
  const [last, size] = points[points.length - 1];
  const before = points.findLast(([time]) => time <= last - month);
  const x = (time) => ((time - first) / Math.max(1, last - first)) * (width - 3);
  const y = (n) => height - 2 - (n / Math.max(1, size)) * (height - 4);
  const path = line().x(([time]) => x(time)).y(([, n]) => y(n)).curve(curveStepAfter).digits(1);
  const days = before ? Math.round((last - before[0]) / day) : null;
  return { size, grown: before ? size - before[1] : null, days, path: points.length > 1 ? path(points) : '', end: [x(last), y(size)] };
}
